// fill_constant and its kin, assign_value.
#include <charconv>
#include <cmath>

#include "converter/import/build/build.h"
#include "converter/import/paddle/ops/ops.h"
#include "converter/import/paddle/parameters.h"

namespace octet::convert {
namespace {

// The attribute's number as a rank-0 constant of the attribute's type.
TensorId filling(PaddleNode& n, int64_t default_type, const char* type_attribute) {
  double value = static_cast<double>(n.f("value", 0));
  if (const std::string text = n.s("str_value", ""); !text.empty()) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size()) return n.refuse("bad str_value '" + text + "'");
  }
  const auto dtype = dtype_of_paddle(static_cast<int32_t>(n.i(type_attribute, default_type)));
  if (!dtype || (*dtype != DType::kF32 && *dtype != DType::kS64 && *dtype != DType::kBool))
    return n.refuse("its element type is not supported", Code::kUnsupported);
  if (!std::isfinite(value) || (*dtype != DType::kF32 && std::fabs(value) > 9e18))
    return n.refuse("a value of " + std::to_string(value) + " is not supported", Code::kUnsupported);
  if (*dtype == DType::kS64)
    return n.constant(make_constant<int64_t>("value", {}, std::array{static_cast<int64_t>(value)}));
  const TensorId number = n.floats({}, std::array{static_cast<float>(value)});
  return n.cast(number, *dtype);
}

}  // namespace

static void import_paddle_fill_constant(PaddleNode& n) {
  constexpr int64_t kFloat = 5;
  TensorId value = filling(n, kFloat, "dtype");
  if (const TensorId given = n.in("ValueTensor"); given >= 0) value = n.reshape(n.cast(given, n.at(value).dtype), {});
  const TensorId shape = n.integers_of("ShapeTensor", "ShapeTensorList", "shape");
  if (shape < 0) return n.fail("has no shape");
  if (n.is_constant(shape) && n.shape(shape).elements() == 0 && !n.failed()) return n.result("Out", value);
  n.result("Out", n.emit(schema::ExpandT{}, {value, shape}));
}

static void import_paddle_fill_like(PaddleNode& n) {
  const TensorId x = n.in("X");
  const bool zeros = n.type() == "fill_zeros_like";
  const bool own_type = zeros || n.i("dtype", -1) < 0;
  const TensorId value = own_type ? n.scalar_like(x, zeros ? 0 : n.f("value", 0)) : filling(n, -1, "dtype");
  n.result("Out", n.emit(schema::ExpandT{}, {value, n.emit(schema::ShapeOfT{}, {x})}));
}

static void import_paddle_fill_batch_size_like(PaddleNode& n) {
  const TensorId like = n.in("Input");
  const auto shape = n.ints("shape", {});
  const int from = n.axis(n.i("input_dim_idx", 0), n.rank(like));
  const int to = n.axis(n.i("output_dim_idx", 0), static_cast<int>(shape.size()));
  const TensorId value = filling(n, 5, "dtype");
  if (n.failed() || shape.empty()) return n.fail("has no shape");
  std::vector<TensorId> parts;
  const std::span<const int64_t> all(shape);
  if (to > 0) parts.push_back(n.integers(all.first(static_cast<size_t>(to))));
  parts.push_back(n.dim_of(like, from));
  if (static_cast<size_t>(to) + 1 < shape.size()) parts.push_back(n.integers(all.subspan(static_cast<size_t>(to) + 1)));
  n.result("Out", n.emit(schema::ExpandT{}, {value, n.emit(schema::ConcatT{.axis = 0}, parts)}));
}

static void import_paddle_assign_value(PaddleNode& n) {
  const auto sizes = n.ints("shape", {});
  if (sizes.size() > static_cast<size_t>(kMaxRank)) return n.fail("more than 8 dims");
  const Shape shape{std::span<const int64_t>(sizes)};
  const auto dtype = dtype_of_paddle(static_cast<int32_t>(n.i("dtype", -1)));
  std::vector<float> floats;
  std::vector<int64_t> ints;
  for (const char* name : {"values", "fp32_values", "fp64_values"})
    if (floats.empty() && dtype == DType::kF32) floats = n.float_list(name, {});
  for (const char* name : {"values", "int32_values", "int64_values", "bool_values"})
    if (ints.empty() && (dtype == DType::kS64 || dtype == DType::kBool)) ints = n.ints(name, {});
  if (n.failed()) return;
  if (shape.elements() != static_cast<int64_t>(floats.size() + ints.size()))
    return n.fail("holds " + std::to_string(floats.size() + ints.size()) + " values of a supported type for " +
                  shape.text());
  if (dtype == DType::kF32) return n.result("Out", n.floats(shape, floats));
  n.result("Out", n.cast(n.constant(make_constant<int64_t>("value", shape, ints)), *dtype));
}

static constexpr PaddleOp kPaddleConstantRows[] = {
    {"assign_value", import_paddle_assign_value, {}},
    {"fill_any_like", import_paddle_fill_like, {"X"}},
    {"fill_constant", import_paddle_fill_constant, {}},
    {"fill_constant_batch_size_like", import_paddle_fill_batch_size_like, {"Input"}},
    {"fill_zeros_like", import_paddle_fill_like, {"X"}},
};
extern constinit const PaddleRows kPaddleConstant{kPaddleConstantRows};

}  // namespace octet::convert
