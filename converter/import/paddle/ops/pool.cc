// pool2d and max_pool2d_with_index, whose indices are not made.
#include <limits>

#include "converter/import/paddle/ops/ops.h"
#include "converter/import/paddle/ops/window.h"

namespace octet::convert {
namespace {

// Where rounding up makes windows that reach beyond the padding, Paddle keeps those that see nothing else, and divides by
// the whole window; Pool2d does neither. Most windows cannot reach there whatever the size.
bool ceil_mode_differs(const Window& w, const Shape& in, bool divides_by_window) {
  for (int i = 0; i < 2; ++i) {
    const size_t k = static_cast<size_t>(i);
    const int64_t size = in[2 + i], before = w.pads[k], after = w.pads[k + 2], stride = w.stride[k];
    if (size < 0) {
      if (after + stride > w.kernel[k] || (divides_by_window && stride > 1)) return true;
      continue;
    }
    const int64_t last = (size + before + after - w.kernel[k] + stride - 1) / stride * stride;
    if (last >= size + before || (divides_by_window && last + w.kernel[k] > size + before + after)) return true;
  }
  return false;
}

// Paddle's division rounds towards 0: a window that is larger than the padded image by less than a stride has one place,
// where it sees the image alone.
void cut_to_image(Window& w, const Shape& in) {
  for (int i = 0; i < 2; ++i) {
    const size_t k = static_cast<size_t>(i);
    const int64_t size = in[2 + i] + w.pads[k] + w.pads[k + 2];
    if (in[2 + i] > 0 && size < w.kernel[k] && size > w.kernel[k] - w.stride[k]) w.kernel[k] = static_cast<int>(size);
  }
}

}  // namespace

static void import_paddle_pool2d(PaddleNode& n) {
  TensorId x = n.in("X");
  n.need_nchw();
  if (!n.need_rank(x, 4)) return;
  const std::string kind = n.type() == "max_pool2d_with_index" ? "max" : n.s("pooling_type", "max");
  if (kind != "max" && kind != "avg") return n.fail("pooling_type '" + kind + "' is unknown");
  const bool max = kind == "max";
  schema::Pool2dT op{.kind = max ? schema::PoolKind::max : schema::PoolKind::average};
  auto size = n.ints("ksize", {1, 1});
  if (size.size() == 1) size.push_back(size[0]);
  if (size.size() != 2) return n.fail("attribute 'ksize' needs 2 elements");
  const bool adaptive = n.b("adaptive", false);
  if (n.b("global_pooling", false) || (adaptive && size[0] == 1 && size[1] == 1)) {
    op.global = true;
  } else if (adaptive) {
    op.adaptive = true;
    op.kernel_h = n.bounded("ksize", size[0], 1, 1 << 15);
    op.kernel_w = n.bounded("ksize", size[1], 1, 1 << 15);
  } else {
    const bool exclusive = n.b("exclusive", true), ceil_mode = n.b("ceil_mode", false);
    std::optional<float> outside;
    if (max || !exclusive) outside = max ? std::numeric_limits<float>::lowest() : 0;
    Window w = paddle_window(n, {size[0], size[1]}, x, outside);
    if (max || exclusive) cut_to_image(w, n.shape(x));
    if (ceil_mode && ceil_mode_differs(w, n.shape(x), !max && !exclusive))
      return n.fail("ceil_mode with windows that reach beyond the padding is not supported", Code::kUnsupported);
    op.kernel_h = w.kernel[0], op.kernel_w = w.kernel[1];
    op.stride_h = w.stride[0], op.stride_w = w.stride[1];
    op.pad_top = w.pads[0], op.pad_left = w.pads[1], op.pad_bottom = w.pads[2], op.pad_right = w.pads[3];
    op.ceil_mode = ceil_mode;
    op.count_include_pad = !max && !exclusive;
  }
  n.result("Out", n.nchw(n.emit(std::move(op), {n.nhwc(x)})));
}

static constexpr PaddleOp kPaddlePoolRows[] = {
    {"max_pool2d_with_index", import_paddle_pool2d, {"X"}},
    {"pool2d", import_paddle_pool2d, {"X"}},
};
extern constinit const PaddleRows kPaddlePool{kPaddlePoolRows};

}  // namespace octet::convert
