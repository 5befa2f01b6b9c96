// com.microsoft's ops that ONNX Runtime's optimiser makes of transformers: FusedMatMul, SkipLayerNormalization, Attention.
#include <cmath>

#include "converter/import/build/build.h"
#include "converter/import/onnx/ops/ops.h"

namespace octet::convert {

using schema::BinaryKind;

static void import_fused_matmul(OnnxNode& n) {
  if (n.i("transBatchA", 0) || n.i("transBatchB", 0))
    return n.fail("transBatchA and transBatchB are not supported", Code::kUnsupported);
  const float alpha = n.f("alpha", 1);
  if (!std::isfinite(alpha)) return n.fail("alpha is not finite");
  const TensorId y = build_matmul(n, n.in(0), n.in(1), n.i("transA", 0) != 0, n.i("transB", 0) != 0);
  n.result(times(n, y, alpha));
}

// Of the sum of an input, what skipped the layer, and a bias; the sum is output 3.
static void import_skip_norm(OnnxNode& n) {
  const bool centred = n.proto.op_type() == "SkipLayerNormalization";
  const TensorId beta = centred ? n.in(3) : -1, bias = n.in(centred ? 4 : 3);
  TensorId sum = n.binary(BinaryKind::add, n.in(0), n.in(1));
  if (bias >= 0) sum = n.binary(BinaryKind::add, sum, bias);
  const int last = n.rank(sum) - 1;
  n.results = {build_layer_norm(n, sum, n.in(2), beta, last, n.f("epsilon", 1e-12f), centred), -1, -1, sum};
}

namespace {

// [n, s, heads * size] as [n, heads, s, size].
TensorId by_heads(OnnxNode& n, TensorId x, int64_t heads) {
  return n.transpose(n.reshape(x, {n.same_dim(x, 0), n.same_dim(x, 1), heads, n.shape(x)[2] / heads}), {0, 2, 1, 3});
}

}  // namespace

// Input [n, s, d], weights [d, 3 * d'] and bias of query, key and value, and a mask [n, s] of those that are looked at.
static void import_attention(OnnxNode& n) {
  const TensorId x = n.in(0), mask = n.in(3);
  if (!n.need_rank(x, 3) || !n.need_rank(n.in(1), 2)) return;
  if (n.i("unidirectional", 0) || n.has("qkv_hidden_sizes") || n.i("do_rotary", 0) ||
      (mask >= 0 && n.rank(mask) != 2) || n.in(4) >= 0 || n.in(5) >= 0)
    return n.fail("only attention of all to all, with a mask of rank 2 or none, is supported", Code::kUnsupported);
  const int64_t heads = n.bounded("num_heads", n.i("num_heads", 0), 1, 1 << 16), all = n.shape(n.in(1))[1],
                each = all / 3;
  if (n.failed() || each < 1 || all % 3 || each % heads) return n.fail("weights of " + n.shape(n.in(1)).text());
  TensorId projected = build_matmul(n, x, n.in(1));
  if (n.in(2) >= 0) projected = n.binary(BinaryKind::add, projected, n.in(2));
  const int64_t width = each / heads;
  const auto part = [&](int64_t i) { return by_heads(n, n.slice(projected, 2, i * each, (i + 1) * each), heads); };
  const TensorId query = part(0), key = part(1), value = part(2);
  const double scale =
      n.has("scale") ? static_cast<double>(n.f("scale", 1)) : 1 / std::sqrt(static_cast<double>(width));
  TensorId scores = times(n, build_matmul(n, query, key, false, true), scale);
  if (mask >= 0) {
    const TensorId left_out = plus(n, n.unary(schema::UnaryKind::neg, n.cast(mask, DType::kF32)), 1);
    const TensorId less = times(n, left_out, static_cast<double>(n.f("mask_filter_value", -10000)));
    scores = n.binary(BinaryKind::add, scores, build_unsqueeze(n, less, {1, 2}));
  }
  const TensorId mixed =
      n.transpose(build_matmul(n, n.emit(schema::SoftmaxT{.axis = 3}, {scores}), value), {0, 2, 1, 3});
  n.result(n.reshape(mixed, {n.same_dim(mixed, 0), n.same_dim(mixed, 1), each}));
}

static constexpr OnnxOp kOnnxFusedRows[] = {
    {"Attention", import_attention, 2, 7, kMicrosoft},
    {"FusedMatMul", import_fused_matmul, 2, 2, kMicrosoft},
    {"SkipLayerNormalization", import_skip_norm, 3, 5, kMicrosoft},
    {"SkipSimplifiedLayerNormalization", import_skip_norm, 3, 4, kMicrosoft},
};
extern constinit const OnnxRows kOnnxFused{kOnnxFusedRows};

}  // namespace octet::convert
