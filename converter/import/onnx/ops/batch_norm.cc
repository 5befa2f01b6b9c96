// BatchNormalization (7 to newest, inference) becomes one multiplication and one addition a channel.
#include <cmath>

#include "converter/import/build/build.h"
#include "converter/import/onnx/ops/ops.h"

namespace octet::convert {

TensorId build_batch_norm(SourceNode& n, TensorId x, const BatchNorm& p) {
  if (n.rank(x) < 2) return n.refuse("needs an input of rank 2 or more");
  const int64_t channels = n.shape(p.scale).elements();
  for (TensorId t : {p.scale, p.bias, p.mean, p.variance})
    if (!n.is_constant_floats(t) || n.shape(t) != Shape{channels})
      return n.refuse("scale, bias, mean and variance must be constants of the same size", Code::kUnsupported);
  if (n.shape(x)[1] >= 0 && n.shape(x)[1] != channels)
    return n.refuse("parameters for " + std::to_string(channels) + " channels, the input has " +
                    std::to_string(n.shape(x)[1]));
  auto parameter = [&](TensorId t, size_t c) { return static_cast<double>(n.at(t).values<float>()[c]); };
  std::vector<float> scale, shift;
  for (size_t c = 0; c < static_cast<size_t>(channels); ++c) {
    const double s = parameter(p.scale, c) / std::sqrt(parameter(p.variance, c) + static_cast<double>(p.epsilon));
    scale.push_back(static_cast<float>(s));
    shift.push_back(static_cast<float>(parameter(p.bias, c) - parameter(p.mean, c) * s));
    if (!std::isfinite(scale.back()) || !std::isfinite(shift.back()))
      return n.refuse("channel " + std::to_string(c) + " has no finite scale");
  }
  Shape shape{channels};
  for (int i = 2; i < n.rank(x); ++i) shape.push_back(1);
  const TensorId scaled = n.binary(schema::BinaryKind::mul, x, n.floats(shape, scale));
  return n.binary(schema::BinaryKind::add, scaled, n.floats(shape, shift));
}

static void import_batch_norm(OnnxNode& n) {
  if (n.i("training_mode", 0)) return n.fail("training mode is not supported", Code::kUnsupported);
  n.result(build_batch_norm(n, n.in(0), {n.in(1), n.in(2), n.in(3), n.in(4), n.f("epsilon", 1e-5f)}));
}

static constexpr OnnxOp kOnnxBatchNormRows[] = {
    {"BatchNormalization", import_batch_norm, 5, 5},
};
extern constinit const OnnxRows kOnnxBatchNorm{kOnnxBatchNormRows};

}  // namespace octet::convert
