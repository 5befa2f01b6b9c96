// Attributes change their type from version to version (is_test: int or bool, shape: ints or longs): getters coerce.
#include "converter/import/paddle/node.h"

#include <cmath>
#include <optional>

namespace octet::convert {
namespace {

std::optional<double> number_of(const paddle::Scalar& s) {
  if (s.has_b()) return s.b();
  if (s.has_i()) return static_cast<double>(s.i());
  if (s.has_r()) return s.r();
  return std::nullopt;
}

std::optional<double> number_of(const paddle::Attribute& a) {
  if (a.has_i()) return a.i();
  if (a.has_b()) return a.b();
  if (a.has_f()) return static_cast<double>(a.f());
  if (a.has_float64()) return a.float64();
  if (a.has_scalar()) return number_of(a.scalar());
  return std::nullopt;
}

std::optional<int64_t> integer_of(double v) {
  constexpr double kLimit = 9.2e18;
  if (!(std::fabs(v) < kLimit) || v != std::trunc(v)) return std::nullopt;
  return static_cast<int64_t>(v);
}

enum : int32_t { kInts = 3, kFloats = 4, kBools = 7, kLongs = 11, kDoubles = 12, kScalars = 17 };

// The elements of a list of integers.
std::optional<std::vector<int64_t>> integers_in(const paddle::Attribute& a) {
  if (a.type() == kInts) return std::vector<int64_t>(a.ints().begin(), a.ints().end());
  if (a.type() == kLongs) return std::vector<int64_t>(a.longs().begin(), a.longs().end());
  if (a.has_l()) return std::vector<int64_t>{a.l()};
  return std::nullopt;
}

// The elements of another list, or a number as a list of one.
std::optional<std::vector<double>> numbers_of(const paddle::Attribute& a) {
  switch (a.type()) {
    case kFloats:
      return std::vector<double>(a.floats().begin(), a.floats().end());
    case kBools:
      return std::vector<double>(a.bools().begin(), a.bools().end());
    case kDoubles:
      return std::vector<double>(a.float64s().begin(), a.float64s().end());
    case kScalars: {
      std::vector<double> all;
      for (const paddle::Scalar& s : a.scalars()) all.push_back(number_of(s).value_or(NAN));
      return all;
    }
    default:
      break;
  }
  if (const auto one = number_of(a)) return std::vector<double>{*one};
  return std::nullopt;
}

}  // namespace

const paddle::Attribute* PaddleNode::find(std::string_view name) const {
  for (const auto& a : op.attrs())
    if (a.name() == name) return &a;
  return nullptr;
}

void PaddleNode::wrong_type(std::string_view name) { fail("attribute '" + std::string(name) + "' has the wrong type"); }

int64_t PaddleNode::i(std::string_view name, int64_t otherwise) {
  const auto* a = find(name);
  if (!a) return otherwise;
  if (a->has_l()) return a->l();
  const auto number = number_of(*a);
  const auto integer = number ? integer_of(*number) : std::nullopt;
  if (!integer) wrong_type(name);
  return integer.value_or(otherwise);
}

float PaddleNode::f(std::string_view name, float otherwise) {
  const auto* a = find(name);
  if (!a) return otherwise;
  const auto number = a->has_l() ? static_cast<double>(a->l()) : number_of(*a);
  if (!number) return wrong_type(name), otherwise;
  if (!std::isfinite(static_cast<float>(*number)))
    return fail("attribute '" + std::string(name) + "' is not finite"), otherwise;
  return static_cast<float>(*number);
}

std::string PaddleNode::s(std::string_view name, const std::string& otherwise) {
  const auto* a = find(name);
  if (a && !a->has_s()) wrong_type(name);
  return a && a->has_s() ? a->s() : otherwise;
}

std::vector<int64_t> PaddleNode::ints(std::string_view name, std::vector<int64_t> otherwise, int count) {
  const auto* a = find(name);
  if (!a) return otherwise;
  std::vector<int64_t> all;
  if (const auto integers = integers_in(*a)) {
    all = *integers;
  } else {
    const auto numbers = numbers_of(*a);
    if (!numbers) return wrong_type(name), otherwise;
    for (double v : *numbers) {
      const auto integer = integer_of(v);
      if (!integer) return wrong_type(name), otherwise;
      all.push_back(*integer);
    }
  }
  if (count >= 0 && all.size() != static_cast<size_t>(count))
    return fail("attribute '" + std::string(name) + "' needs " + std::to_string(count) + " elements, has " +
                std::to_string(all.size())),
           otherwise;
  return all;
}

std::vector<float> PaddleNode::float_list(std::string_view name, std::vector<float> otherwise) {
  const auto* a = find(name);
  if (!a) return otherwise;
  auto numbers = numbers_of(*a);
  if (const auto integers = integers_in(*a)) numbers = std::vector<double>(integers->begin(), integers->end());
  if (!numbers) return wrong_type(name), otherwise;
  std::vector<float> all;
  for (double v : *numbers) {
    all.push_back(static_cast<float>(v));
    if (!std::isfinite(all.back())) return fail("attribute '" + std::string(name) + "' is not finite"), otherwise;
  }
  return all;
}

void PaddleNode::need_nchw() {
  for (const char* name : {"data_format", "data_layout"})
    if (const std::string layout = s(name, "NCHW"); layout != "NCHW" && layout != "AnyLayout")
      fail(std::string(name) + " '" + layout + "' is not supported", Code::kUnsupported);
}

TensorId PaddleNode::in(std::string_view parameter) const {
  const auto& ids = all(parameter);
  return ids.empty() ? -1 : ids[0];
}

const std::vector<TensorId>& PaddleNode::all(std::string_view parameter) const {
  static const std::vector<TensorId> none;
  const auto found = operands.find(parameter);
  return found == operands.end() ? none : found->second;
}

void PaddleNode::observe(TensorId t, float magnitude) {
  if (t < 0 || at(t).constant || at(t).dtype != DType::kF32 || !std::isfinite(magnitude) || !(magnitude > 0)) return;
  g.tensors[static_cast<size_t>(t)].observed = magnitude;
  // What was turned to NCHW has the same values, and remains where the turn vanishes.
  for (auto n = g.nodes.rbegin(); n != g.nodes.rend(); ++n)
    if (n->outputs[0] == t) {
      if (as<schema::TransposeT>(*n)) g.tensors[static_cast<size_t>(n->inputs[0])].observed = magnitude;
      return;
    }
}

void PaddleNode::observe_result() {
  if (!has("out_threshold")) return;
  for (const char* main : {"Out", "Output", "Y"})
    if (const auto made = results.find(main); made != results.end())
      return observe(made->second[0], f("out_threshold", 0));
}

TensorId PaddleNode::integers_of(std::string_view tensor, std::string_view list, std::string_view attribute) {
  auto vector = [&](TensorId t) { return cast(rank(t) == 1 ? t : reshape(t, {-1}), DType::kS64); };
  if (const auto& parts = all(list); !parts.empty()) {
    std::vector<TensorId> vectors;
    for (TensorId t : parts) vectors.push_back(vector(t));
    return vectors.size() == 1 ? vectors[0] : emit(schema::ConcatT{.axis = 0}, vectors);
  }
  if (in(tensor) >= 0) return vector(in(tensor));
  return has(attribute) ? integers(ints(attribute, {})) : -1;
}

}  // namespace octet::convert
