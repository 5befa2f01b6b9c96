// Numbers change their types from version to version: what is whole becomes a long integer, the rest a double, and the importers
// coerce.
#include "converter/import/paddle/pir/attributes.h"

#include <cmath>

namespace octet::convert {
namespace {

enum : int32_t { kLongs = 11, kDoubles = 12 };  // types of legacy attributes

paddle::Attribute& added(paddle::OpDesc& op, const std::string& name) {
  paddle::Attribute& a = *op.add_attrs();
  a.set_name(name);
  return a;
}

// The payload of a float: numbers that are not finite have a name in another member, or none.
double float_of(const Json& typed) {
  const double number = number_of(member(typed, "D")).value_or(NAN);
  return text_of(member(typed, "#")) == "0.a_f32" ? static_cast<double>(static_cast<float>(number)) : number;
}

bool is_float(std::string_view code) { return code == "0.a_f32" || code == "0.a_f64"; }
bool is_integer(std::string_view code) {
  return code == "0.a_i32" || code == "0.a_i64" || code == "0.a_index" || code == "0.a_bool";
}

Error wrong(const std::string& name) { return {Code::kBadModel, "attribute '" + name + "' has a damaged value"}; }

// A list of typed values. Lists of texts and of lists are nothing that an importer reads.
Result<void> add_list(paddle::OpDesc& op, const std::string& name, std::span<const Json> list) {
  std::vector<int64_t> whole;
  std::vector<double> numbers;
  for (const Json& typed : list) {
    const std::string& code = text_of(member(typed, "#"));
    if (is_float(code)) {
      numbers.push_back(float_of(typed));
    } else if (is_integer(code)) {
      const auto value = integer_of(member(typed, "D"));
      if (!value) return wrong(name);
      whole.push_back(*value);
    }
  }
  if (numbers.empty() && whole.size() == list.size()) return add_integers(op, name, whole), Result<void>{};
  if (numbers.size() != list.size()) return {};
  paddle::Attribute& a = added(op, name);
  a.set_type(kDoubles);
  a.mutable_float64s()->Add(numbers.begin(), numbers.end());
  return {};
}

Result<void> add_plain_integers(paddle::OpDesc& op, const std::string& name, std::span<const Json> list) {
  std::vector<int64_t> values;
  for (const Json& element : list) {
    const auto value = integer_of(element);
    if (!value) return wrong(name);
    values.push_back(*value);
  }
  return add_integers(op, name, values), Result<void>{};
}

}  // namespace

void add_integer(paddle::OpDesc& op, const std::string& name, int64_t value) { added(op, name).set_l(value); }

void add_integers(paddle::OpDesc& op, const std::string& name, std::span<const int64_t> values) {
  paddle::Attribute& a = added(op, name);
  a.set_type(kLongs);
  a.mutable_longs()->Add(values.begin(), values.end());
}

void add_text(paddle::OpDesc& op, const std::string& name, const std::string& text) { added(op, name).set_s(text); }

Result<void> add_attribute(paddle::OpDesc& op, const std::string& name, const Json& typed) {
  const std::string& code = text_of(member(typed, "#"));
  const Json& payload = member(typed, "D");
  if (is_integer(code)) {
    const auto value = integer_of(payload);
    if (!value) return wrong(name);
    add_integer(op, name, *value);
  } else if (is_float(code)) {
    added(op, name).set_float64(float_of(typed));
  } else if (code == "0.a_str" || code == "0.a_tensorname") {
    if (!payload.is_string()) return wrong(name);
    add_text(op, name, text_of(payload));
  } else if (code == "1.a_dtype") {
    add_integer(op, name, element_type(text_of(payload)));
  } else if (code == "0.a_array") {
    return add_list(op, name, elements_of(payload));
  } else if (code == "1.a_intarray") {
    return add_plain_integers(op, name, elements_of(payload));
  }
  return {};
}

int32_t element_type(std::string_view name) {
  static constexpr struct {
    std::string_view attribute, type;
    int32_t number;
  } kTypes[] = {{"bool", "bool", 0},   {"int16", "i16", 1},     {"int32", "i32", 2},   {"int64", "i64", 3},
                {"float16", "f16", 4}, {"float32", "f32", 5},   {"float64", "f64", 6}, {"uint8", "ui8", 20},
                {"int8", "i8", 21},    {"bfloat16", "bf16", 22}};
  for (const auto& t : kTypes)
    if (name == t.attribute || name == t.type) return t.number;
  return -1;
}

}  // namespace octet::convert
