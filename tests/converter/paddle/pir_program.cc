// The JSON of small programs, with the keys and types that Paddle writes.
#include "tests/converter/paddle/pir_program.h"

#include "tests/converter/paddle/program.h"

namespace octet::convert {
namespace {

Json typed(const char* code, Json payload) { return {{"#", code}, {"D", std::move(payload)}}; }

template <class T>
std::string raw_of(const std::vector<T>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)};
}

}  // namespace

Json pir_int(int64_t v) { return typed("0.a_i32", v); }
Json pir_float(double v) { return typed("0.a_f64", v); }
Json pir_flag(bool v) { return typed("0.a_bool", v); }
Json pir_text(const std::string& v) { return typed("0.a_str", v); }
Json pir_dtype(const std::string& name) { return typed("1.a_dtype", name); }

Json pir_ints(const Dims& v) {
  Json all = Json::array();
  for (int64_t i : v) all.push_back(typed("0.a_i64", i));
  return typed("0.a_array", all);
}

Json pir_floats(const std::vector<double>& v) {
  Json all = Json::array();
  for (double i : v) all.push_back(typed("0.a_f64", i));
  return typed("0.a_array", all);
}

Json pir_tensor(const std::string& element, const Dims& dims) {
  const Json type = {{"#", "0.t_" + element}};
  return typed("0.t_dtensor", Json::array({type, Json(dims), "NCHW", Json::array(), 0}));
}

Json TestPir::operands_of(const Ids& ids) {
  Json all = Json::array();
  for (int64_t id : ids) all.push_back({{"%", id}});
  return all;
}

int64_t TestPir::input(const std::string& name, const Dims& dims, const std::string& element) {
  const int64_t id = op("data", {}, {{"name", pir_text(name)}});
  ops.back()["O"][0]["TT"] = pir_tensor(element, dims);
  return id;
}

int64_t TestPir::parameter(const Dims& dims, int32_t type, const std::string& raw, std::string name) {
  if (name.empty()) name = "param_" + std::to_string(next_);
  ops.push_back({{"#", "p"},
                 {"A", Json::array({0, 1, 1, name})},
                 {"O", {{"%", next_}, {"TT", pir_tensor("f32", dims)}}},
                 {"OA", {1, 0, 1}}});
  records[name] = tensor_record(type, dims, raw);
  return next_++;
}

int64_t TestPir::floats(const Dims& dims, const std::vector<float>& values, const std::string& name) {
  return parameter(dims, 5, raw_of(values), name);
}

int64_t TestPir::bytes(const Dims& dims, const std::vector<int8_t>& values) {
  return parameter(dims, 21, raw_of(values), "");
}

int64_t TestPir::random(const Dims& dims) {
  int64_t n = 1;
  for (int64_t d : dims) n *= d;
  std::vector<float> values;
  for (int64_t i = 0; i < n; ++i) {
    seed_ = seed_ * 1664525 + 1013904223;
    values.push_back(static_cast<float>(seed_ >> 8) / (1 << 23) - 1);
  }
  return floats(dims, values);
}

int64_t TestPir::op(const std::string& name, const Ids& operands, const Attributes& attributes, int64_t count) {
  Json list = Json::array(), results = Json::array();
  for (const auto& [key, value] : attributes) list.push_back({{"N", key}, {"AT", value}});
  const int64_t first = next_;
  for (int64_t i = 0; i < count; ++i) results.push_back(result(next_++));
  const std::string code = name.find('.') == std::string::npos ? "1." + name : name;
  ops.push_back({{"#", code}, {"I", operands_of(operands)}, {"O", results}, {"A", list}});
  return first;
}

int64_t TestPir::list(const std::string& name, const Ids& operands, int64_t size, const Attributes& attributes) {
  const int64_t id = op(name, operands, attributes);
  Json types = Json::array();
  for (int64_t i = 0; i < size; ++i) types.push_back(pir_tensor("f32", {-1}));
  ops.back()["O"][0]["TT"] = typed("0.t_vec", types);
  return id;
}

int64_t TestPir::full(double value, const Dims& dims, const std::string& dtype) {
  return op("full", {},
            {{"shape", typed("1.a_intarray", dims)}, {"value", pir_float(value)}, {"dtype", pir_dtype(dtype)}});
}

int64_t TestPir::integers(const Dims& values) {
  return op("full_int_array", {}, {{"value", pir_ints(values)}, {"dtype", pir_dtype("int64")}});
}

void TestPir::output(int64_t value, const std::string& name) {
  const std::string called = name.empty() ? "fetch_name_" + std::to_string(outputs_) : name;
  op("fetch", {value}, {{"name", pir_text(called)}, {"col", pir_int(outputs_++)}});
}

Json TestPir::program(int version) const {
  const Json block = {{"#", "block_0"}, {"args", Json::array()}, {"ops", ops}};
  const Json region = {{"#", "region_0"}, {"blocks", Json::array({block})}};
  return {{"base_code", {{"magic", "pir"}, {"trainable", true}, {"version", version}}},
          {"program", {{"regions", Json::array({region})}}}};
}

std::string TestPir::parameter_bytes() const {
  std::string all;
  for (const auto& record : records) all += record.second;
  return all;
}

}  // namespace octet::convert
