// unfold: the windows of an image as columns. Each tap of the window is a slice of the padded image.
#include <climits>

#include "converter/import/build/build.h"
#include "converter/import/paddle/ops/ops.h"

namespace octet::convert {
namespace {

constexpr int64_t kMaxTaps = 1024;  // each is a node

Window window_of(PaddleNode& n) {
  Window w;
  const auto kernel = n.ints("kernel_sizes", {}, 2), strides = n.ints("strides", {1, 1}, 2),
             dilations = n.ints("dilations", {1, 1}, 2), pads = n.ints("paddings", {0, 0, 0, 0}, 4);
  if (!n.failed() && kernel.empty()) n.fail("needs kernel_sizes");
  if (n.failed()) return w;
  for (size_t i = 0; i < 2; ++i) {
    w.kernel[i] = n.bounded("kernel_sizes", kernel[i], 1, kMaxTaps);
    w.stride[i] = n.bounded("strides", strides[i], 1, kMaxWindow);
    w.dilation[i] = n.bounded("dilations", dilations[i], 1, kMaxWindow);
  }
  for (size_t i = 0; i < 4; ++i) w.pads[i] = n.bounded("paddings", pads[i], 0, kMaxWindow);
  if (int64_t{w.kernel[0]} * w.kernel[1] > kMaxTaps)
    n.fail("windows of more than " + std::to_string(kMaxTaps) + " elements are not supported", Code::kUnsupported);
  return w;
}

// The tap's pixels in all windows: the last ones lie before those that only later taps reach.
TensorId tap_of(PaddleNode& n, TensorId padded, const Window& w, std::array<int, 2> tap) {
  schema::SliceT op{.axes = {2, 3}};
  for (size_t i = 0; i < 2; ++i) {
    const int64_t after = int64_t{w.kernel[i] - 1 - tap[i]} * w.dilation[i];
    op.starts.push_back(int64_t{tap[i]} * w.dilation[i]);
    op.ends.push_back(after ? -after : INT64_MAX);
    op.steps.push_back(w.stride[i]);
  }
  return build_unsqueeze(n, n.emit(std::move(op), {padded}), {2});
}

}  // namespace

static void import_paddle_unfold(PaddleNode& n) {
  TensorId x = n.in("X");
  if (!n.need_rank(x, 4)) return;
  const int64_t channels = n.shape(x)[1];
  if (channels < 0) return n.fail("needs a known number of channels: give the input's shape", Code::kUnsupported);
  const Window w = window_of(n);
  if (n.failed()) return;
  if (w.pads != std::array<int, 4>{})
    x = n.emit(schema::PadT{.before = {0, 0, w.pads[0], w.pads[1]}, .after = {0, 0, w.pads[2], w.pads[3]}}, {x});
  std::vector<TensorId> taps;
  for (int ky = 0; ky < w.kernel[0]; ++ky)
    for (int kx = 0; kx < w.kernel[1]; ++kx) taps.push_back(tap_of(n, x, w, {ky, kx}));
  const TensorId all = n.emit(schema::ConcatT{.axis = 2}, taps);  // [n, channels, taps, out h, out w]
  if (n.failed()) return;
  n.result("Y", n.reshape(all, {n.same_dim(all, 0), channels * w.kernel[0] * w.kernel[1], -1}));
}

static constexpr PaddleOp kPaddleUnfoldRows[] = {
    {"unfold", import_paddle_unfold, {"X"}},
};
extern constinit const PaddleRows kPaddleUnfold{kPaddleUnfoldRows};

}  // namespace octet::convert
