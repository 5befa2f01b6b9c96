// LayerNormalization (17), RMSNormalization (23, and as ONNX Runtime calls it), InstanceNormalization and GroupNormalization (18: a scale
// a group, 21: a scale a channel), LpNormalization, MeanVarianceNormalization (9).
#include <algorithm>
#include <cfloat>

#include "converter/import/build/build.h"
#include "converter/import/onnx/ops/ops.h"

namespace octet::convert {
namespace {

// Scale and bias as one number a row's element; nothing where they are no such constants.
bool fits_rows(const SourceNode& n, TensorId t, int64_t row) {
  return t < 0 || (n.is_constant_floats(t) && n.at(t).shape.elements() == row);
}

TensorId scaled(SourceNode& n, TensorId x, TensorId scale, TensorId bias) {
  if (scale >= 0) x = n.binary(schema::BinaryKind::mul, x, scale);
  return bias >= 0 ? n.binary(schema::BinaryKind::add, x, bias) : x;
}

}  // namespace

TensorId build_layer_norm(SourceNode& n, TensorId x, TensorId scale, TensorId bias, int axis, float epsilon,
                          bool centred) {
  const Shape s = n.shape(x);
  if (n.failed() || axis >= s.rank()) return n.refuse("needs an input of rank 1 or more");
  const Shape row(std::span(s.begin() + axis, s.end()));
  const bool plain = axis == s.rank() - 1;
  const bool inside = row.elements() >= 0 && fits_rows(n, scale, row.elements()) && fits_rows(n, bias, row.elements());
  TensorId rows = x;
  if (!plain) {
    std::vector<int64_t> spec;
    for (int i = 0; i < axis; ++i) spec.push_back(n.same_dim(x, i));
    spec.push_back(-1);
    rows = n.reshape(x, std::move(spec));
  }
  std::vector<TensorId> operands{rows};
  if (inside && (scale >= 0 || bias >= 0)) {
    const auto flat = [&](TensorId t) {
      std::vector<float> values(static_cast<size_t>(row.elements()), 1);
      if (t >= 0) std::ranges::copy(n.at(t).values<float>(), values.begin());
      return n.floats({row.elements()}, values);
    };
    operands.push_back(flat(scale));
    if (bias >= 0) operands.push_back(flat(bias));
  }
  TensorId y = n.emit(schema::LayerNormT{.epsilon = epsilon, .centred = centred}, operands);
  if (!plain) y = build_reshape_like(n, y, x);
  return inside ? y : scaled(n, y, scale, bias);
}

TensorId build_channel_norm(SourceNode& n, TensorId x, TensorId scale, TensorId bias, const ChannelNorm& norm) {
  if (n.failed() || n.rank(x) < 3) return n.refuse("needs an input of rank 3 or more");
  std::vector<int64_t> per_group{n.same_dim(x, 0), norm.groups, -1}, per_channel(static_cast<size_t>(n.rank(x) - 1), 1);
  per_channel[0] = -1;
  TensorId rows = n.emit(schema::LayerNormT{.epsilon = norm.epsilon}, {n.reshape(x, per_group)});
  if (norm.scale_of_group)
    return build_reshape_like(n, scaled(n, rows, n.reshape(scale, {-1, 1}), n.reshape(bias, {-1, 1})), x);
  auto operand = [&](TensorId t) { return t < 0 ? t : n.reshape(t, per_channel); };
  return scaled(n, build_reshape_like(n, rows, x), operand(scale), operand(bias));
}

static void import_layer_norm(OnnxNode& n) {
  const TensorId x = n.in(0);
  const int axis = n.axis(n.i("axis", -1), n.rank(x));
  n.result(
      build_layer_norm(n, x, n.in(1), n.in(2), axis, n.f("epsilon", 1e-5f), n.proto.op_type() == "LayerNormalization"));
}

// x over the sum of its magnitudes, or the root of that of its squares, along one axis; 0 where that is 0.
static void import_lp_norm(OnnxNode& n) {
  const TensorId x = n.in(0);
  const int axis = n.axis(n.i("axis", -1), n.rank(x));
  const int64_t p = n.i("p", 2);
  if (n.at(x).dtype != DType::kF32) return n.fail("needs a float operand", Code::kUnsupported);
  if (p != 1 && p != 2) return n.fail("p is " + std::to_string(p));
  const TensorId parts = p == 1 ? n.unary(schema::UnaryKind::abs, x) : n.binary(schema::BinaryKind::mul, x, x);
  const schema::ReduceT sum{.kind = schema::ReduceKind::sum, .axes = {axis}, .keep_dims = true};
  TensorId size = n.emit(sum, {parts});
  if (p == 2) size = n.unary(schema::UnaryKind::sqrt, size);
  n.result(n.binary(schema::BinaryKind::div, x, n.binary(schema::BinaryKind::max, size, n.scalar_like(x, FLT_MIN))));
}

// (x - mean) / (deviation + 1e-9) over some axes.
static void import_mean_variance(OnnxNode& n) {
  const TensorId x = n.in(0);
  if (n.at(x).dtype != DType::kF32) return n.fail("needs a float operand", Code::kUnsupported);
  const std::vector<int> axes = n.axes(n.ints("axes", {0, 2, 3}), n.rank(x));
  const auto mean = [&](TensorId of) {
    return n.emit(schema::ReduceT{.kind = schema::ReduceKind::mean, .axes = axes, .keep_dims = true}, {of});
  };
  const TensorId rest = n.binary(schema::BinaryKind::sub, x, mean(x));
  const TensorId deviation = n.unary(schema::UnaryKind::sqrt, mean(n.binary(schema::BinaryKind::mul, rest, rest)));
  n.result(n.binary(schema::BinaryKind::div, rest, plus(n, deviation, 1e-9)));
}

static void import_channel_norm(OnnxNode& n) {
  const TensorId x = n.in(0);
  if (n.rank(x) < 3) return n.fail("needs an input of rank 3 or more");
  ChannelNorm norm{.epsilon = n.f("epsilon", 1e-5f)};
  if (n.proto.op_type() == "GroupNormalization") {
    norm.groups = n.bounded("num_groups", n.i("num_groups", 0), 1, 1 << 20);
    norm.scale_of_group = n.opset < 21;
  } else {
    if (n.shape(x)[1] < 0) return n.fail("needs a known number of channels", Code::kUnsupported);
    norm.groups = static_cast<int>(n.bounded("channels", n.shape(x)[1], 1, 1 << 20));
  }
  n.result(build_channel_norm(n, x, n.in(1), n.in(2), norm));
}

static constexpr OnnxOp kOnnxNormRows[] = {
    {"GroupNormalization", import_channel_norm, 3, 3},         {"InstanceNormalization", import_channel_norm, 3, 3},
    {"LayerNormalization", import_layer_norm, 2, 3},           {"LpNormalization", import_lp_norm, 1, 1},
    {"MeanVarianceNormalization", import_mean_variance, 1, 1}, {"RMSNormalization", import_layer_norm, 2, 2},
    {"SimplifiedLayerNormalization", import_layer_norm, 2, 2},
};
extern constinit const OnnxRows kOnnxNorm{kOnnxNormRows};

}  // namespace octet::convert
