// batch_norm folds to a multiplication and an addition; instance_norm, group_norm and layer_norm become LayerNorm.
#include "converter/import/build/build.h"
#include "converter/import/paddle/ops/ops.h"

namespace octet::convert {

static void import_paddle_batch_norm(PaddleNode& n) {
  n.need_nchw();
  n.result("Y", build_batch_norm(n, n.in("X"),
                                 {n.in("Scale"), n.in("Bias"), n.in("Mean"), n.in("Variance"), n.f("epsilon", 1e-5f)}));
}

static void import_paddle_instance_norm(PaddleNode& n) {
  const TensorId x = n.in("X");
  n.need_nchw();
  if (n.rank(x) < 3) return n.fail("needs an input of rank 3 or more");
  if (n.shape(x)[1] < 0) return n.fail("needs a known number of channels", Code::kUnsupported);
  const ChannelNorm norm{.groups = n.shape(x)[1], .epsilon = n.f("epsilon", 1e-5f)};
  n.result("Y", build_channel_norm(n, x, n.in("Scale"), n.in("Bias"), norm));
}

static void import_paddle_group_norm(PaddleNode& n) {
  n.need_nchw();
  const ChannelNorm norm{.groups = n.bounded("groups", n.i("groups", 1), 1, 1 << 20), .epsilon = n.f("epsilon", 1e-5f)};
  n.result("Y", build_channel_norm(n, n.in("X"), n.in("Scale"), n.in("Bias"), norm));
}

static void import_paddle_layer_norm(PaddleNode& n) {
  const TensorId x = n.in("X");
  const Shape s = n.shape(x);
  const int begin = n.axis(n.i("begin_norm_axis", 1), s.rank());
  const Shape row(std::span(s.begin() + begin, s.end()));
  TensorId scale = n.in("Scale"), bias = n.in("Bias");
  if (row.elements() < 0 && (scale >= 0 || bias >= 0))
    return n.fail("normalises dims of unknown size: give the input's shape", Code::kUnsupported);
  const std::vector<int64_t> spec(row.begin(), row.end());
  if (scale >= 0) scale = n.reshape(scale, spec);
  if (bias >= 0) bias = n.reshape(bias, spec);
  n.result("Y", build_layer_norm(n, x, scale, bias, begin, n.f("epsilon", 1e-5f)));
}

static constexpr PaddleOp kPaddleNormRows[] = {
    {"batch_norm", import_paddle_batch_norm, {"X"}},       {"group_norm", import_paddle_group_norm, {"X"}},
    {"instance_norm", import_paddle_instance_norm, {"X"}}, {"layer_norm", import_paddle_layer_norm, {"X"}},
    {"sync_batch_norm", import_paddle_batch_norm, {"X"}},
};
extern constinit const PaddleRows kPaddleNorm{kPaddleNormRows};

}  // namespace octet::convert
