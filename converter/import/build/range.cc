// Numbers a step apart. The runtime has whole ones (RangeT); of floats there are as many as ONNX Runtime counts.
#include <cmath>

#include "converter/import/build/build.h"

namespace octet::convert {
namespace {

constexpr double kMostConstants = 1 << 24;

// The one element of a constant of floats.
std::optional<float> number(SourceNode& n, TensorId t) {
  if (!n.is_constant_floats(t) || n.at(t).data.size() != sizeof(float)) return std::nullopt;
  return n.at(t).values<float>()[0];
}

TensorId constant_range(SourceNode& n, float start, float limit, float step) {
  const double count = std::ceil(static_cast<double>(limit - start) / static_cast<double>(step));
  if (!(count <= kMostConstants))  // not a number, too
    return n.refuse("no range from " + std::to_string(start) + " to " + std::to_string(limit) + " by " +
                    std::to_string(step));
  std::vector<float> values;
  for (int i = 0; i < count; ++i) values.push_back(start + static_cast<float>(i) * step);
  return n.floats({static_cast<int64_t>(values.size())}, values);
}

TensorId float_range(SourceNode& n, TensorId start, TensorId limit, TensorId step) {
  using schema::BinaryKind;
  const TensorId steps = n.binary(BinaryKind::div, n.binary(BinaryKind::sub, limit, start), step);
  const TensorId count = n.cast(n.unary(schema::UnaryKind::ceil, steps), DType::kS64);
  const TensorId zero = n.integers(std::array<int64_t, 1>{0}), one = n.integers(std::array<int64_t, 1>{1});
  const TensorId index = n.cast(n.emit(schema::RangeT{}, {zero, count, one}), DType::kF32);
  return n.binary(BinaryKind::add, n.binary(BinaryKind::mul, index, step), start);
}

}  // namespace

TensorId build_range(SourceNode& n, TensorId start, TensorId limit, TensorId step) {
  const DType dtype = n.at(start).dtype;
  const bool floats = dtype == DType::kF32;
  const auto first = number(n, start), end = number(n, limit), by = number(n, step);
  if (first && end && by) return constant_range(n, *first, *end, *by);
  TensorId part[3] = {start, limit, step};
  for (TensorId& t : part) {
    if (!floats && n.at(t).dtype == DType::kF32) return n.refuse("start, limit and step differ in type");
    t = n.reshape(n.cast(t, floats ? DType::kF32 : DType::kS64), {1});
  }
  if (floats) return float_range(n, part[0], part[1], part[2]);
  return n.cast(n.emit(schema::RangeT{}, {part[0], part[1], part[2]}), dtype);
}

}  // namespace octet::convert
