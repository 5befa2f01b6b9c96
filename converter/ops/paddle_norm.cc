// batch_norm folds to a multiplication and an addition; instance_norm, group_norm and layer_norm are spelt out.
#include <numeric>

#include "converter/ops/build.h"
#include "converter/ops/paddle_ops.h"

namespace octet::convert {
namespace {

using schema::BinaryKind;

// (x - mean) / sqrt(variance + epsilon) over `axes`.
TensorId standardise(SourceNode& n, TensorId x, const std::vector<int>& axes, float epsilon) {
  auto mean = [&](TensorId t) {
    return n.emit(schema::ReduceT{.kind = schema::ReduceKind::mean, .axes = axes, .keep_dims = true}, {t});
  };
  const TensorId centred = n.binary(BinaryKind::sub, x, mean(x));
  const TensorId variance = mean(n.binary(BinaryKind::mul, centred, centred));
  const TensorId spread =
      n.unary(schema::UnaryKind::sqrt, n.binary(BinaryKind::add, variance, n.scalar_like(x, epsilon)));
  return n.binary(BinaryKind::div, centred, spread);
}

// Scale and bias, each of which may be absent, as constants of that shape.
TensorId scaled(PaddleNode& n, TensorId x, const std::vector<int64_t>& shape) {
  if (const TensorId scale = n.in("Scale"); scale >= 0) x = n.binary(BinaryKind::mul, x, n.reshape(scale, shape));
  if (const TensorId bias = n.in("Bias"); bias >= 0) x = n.binary(BinaryKind::add, x, n.reshape(bias, shape));
  return x;
}

std::vector<int64_t> per_channel(int rank) {
  std::vector<int64_t> shape(static_cast<size_t>(rank - 1), 1);
  shape[0] = -1;
  return shape;
}

}  // namespace

void import_paddle_batch_norm(PaddleNode& n) {
  n.need_nchw();
  n.result("Y", build_batch_norm(n, n.in("X"),
                                 {n.in("Scale"), n.in("Bias"), n.in("Mean"), n.in("Variance"), n.f("epsilon", 1e-5f)}));
}

void import_paddle_instance_norm(PaddleNode& n) {
  const TensorId x = n.in("X");
  n.need_nchw();
  if (n.rank(x) < 3) return n.fail("needs an input of rank 3 or more");
  std::vector<int> axes(static_cast<size_t>(n.rank(x) - 2));
  std::iota(axes.begin(), axes.end(), 2);
  n.result("Y", scaled(n, standardise(n, x, axes, n.f("epsilon", 1e-5f)), per_channel(n.rank(x))));
}

void import_paddle_group_norm(PaddleNode& n) {
  const TensorId x = n.in("X");
  n.need_nchw();
  if (n.rank(x) < 3) return n.fail("needs an input of rank 3 or more");
  const int groups = n.bounded("groups", n.i("groups", 1), 1, 1 << 20);
  const TensorId grouped = n.reshape(x, {n.same_dim(x, 0), groups, -1});
  const TensorId y = standardise(n, grouped, {2}, n.f("epsilon", 1e-5f));
  n.result("Y", scaled(n, build_reshape_like(n, y, x), per_channel(n.rank(x))));
}

void import_paddle_layer_norm(PaddleNode& n) {
  const TensorId x = n.in("X");
  const Shape s = n.shape(x);
  const int begin = n.axis(n.i("begin_norm_axis", 1), s.rank());
  std::vector<int> axes;
  std::vector<int64_t> shape;
  for (int i = begin; i < s.rank(); ++i) axes.push_back(i), shape.push_back(s[i]);
  for (int64_t d : shape)
    if (d < 0 && (n.in("Scale") >= 0 || n.in("Bias") >= 0))
      return n.fail("normalises dims of unknown size: give the input's shape", Code::kUnsupported);
  n.result("Y", scaled(n, standardise(n, x, axes, n.f("epsilon", 1e-5f)), shape));
}

}  // namespace octet::convert
