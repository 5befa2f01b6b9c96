// MaxPool, AveragePool (1 to newest: 10 added ceil_mode and dilations, 11 pads, 19 AveragePool's dilations) and the global
// pools become Pool2d.
#include "converter/ops/ops.h"
#include "converter/ops/window.h"

namespace octet::convert {

void import_pool(OnnxNode& n) {
  const TensorId x = n.in(0);
  if (!n.need_rank(x, 4)) return;
  if (!n.has("kernel_shape")) return n.fail("has no kernel_shape");
  const auto kernel = n.ints("kernel_shape", {1, 1}, 2);
  Window w = read_window(n, {kernel[0], kernel[1]});
  read_pads(n, n.shape(x), w);
  const bool max = n.proto.op_type() == "MaxPool";
  schema::Pool2dT op{.kind = max ? schema::PoolKind::max : schema::PoolKind::average,
                     .kernel_h = w.kernel[0],
                     .kernel_w = w.kernel[1],
                     .stride_h = w.stride[0],
                     .stride_w = w.stride[1],
                     .pad_top = w.pads[0],
                     .pad_left = w.pads[1],
                     .pad_bottom = w.pads[2],
                     .pad_right = w.pads[3],
                     .dilation_h = w.dilation[0],
                     .dilation_w = w.dilation[1],
                     .ceil_mode = n.i("ceil_mode", 0) != 0,
                     .count_include_pad = !max && n.i("count_include_pad", 0) != 0};
  if (n.i("storage_order", 0)) return n.fail("storage_order 1 is not supported", Code::kUnsupported);
  n.result(n.nchw(n.emit(std::move(op), {n.nhwc(x)})));
}

void import_global_pool(OnnxNode& n) {
  const bool max = n.proto.op_type() == "GlobalMaxPool";
  if (!n.need_rank(n.in(0), 4)) return;
  schema::Pool2dT op{.kind = max ? schema::PoolKind::max : schema::PoolKind::average, .global = true};
  n.result(n.nchw(n.emit(std::move(op), {n.nhwc(n.in(0))})));
}

}  // namespace octet::convert
