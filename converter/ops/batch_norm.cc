// BatchNormalization (7 to newest, inference) becomes one multiplication and one addition a channel.
#include <cmath>

#include "converter/ops/ops.h"

namespace octet::convert {

void import_batch_norm(OnnxNode& n) {
  const TensorId x = n.in(0);
  if (n.rank(x) < 2) return n.fail("needs an input of rank 2 or more");
  if (n.i("training_mode", 0)) return n.fail("training mode is not supported", Code::kUnsupported);
  const int64_t channels = n.shape(n.in(1)).elements();
  for (size_t i = 1; i < 5; ++i)
    if (!n.is_constant(n.in(i)) || n.at(n.in(i)).dtype != DType::kF32 || n.rank(n.in(i)) != 1 ||
        n.shape(n.in(i))[0] != channels)
      return n.fail("scale, bias, mean and variance must be constants of the same size", Code::kUnsupported);
  if (n.shape(x)[1] >= 0 && n.shape(x)[1] != channels)
    return n.fail("parameters for " + std::to_string(channels) + " channels, the input has " +
                  std::to_string(n.shape(x)[1]));
  auto parameter = [&](size_t i, size_t c) { return static_cast<double>(n.at(n.in(i)).values<float>()[c]); };
  const double epsilon = n.f("epsilon", 1e-5f);
  std::vector<float> scale, shift;
  for (size_t c = 0; c < static_cast<size_t>(channels); ++c) {
    const double s = parameter(1, c) / std::sqrt(parameter(4, c) + epsilon);
    scale.push_back(static_cast<float>(s));
    shift.push_back(static_cast<float>(parameter(2, c) - parameter(3, c) * s));
    if (!std::isfinite(scale.back()) || !std::isfinite(shift.back()))
      return n.fail("channel " + std::to_string(c) + " has no finite scale");
  }
  Shape shape{channels};
  for (int i = 2; i < n.rank(x); ++i) shape.push_back(1);
  const TensorId scaled = n.binary(schema::BinaryKind::mul, x, n.floats(shape, scale));
  n.result(n.binary(schema::BinaryKind::add, scaled, n.floats(shape, shift)));
}

}  // namespace octet::convert
