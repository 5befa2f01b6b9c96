// Conv (opset 1 to newest: only types changed) becomes Conv2d. Weights are turned from [O][I/g][kh][kw] to NHWC's order.
#include "converter/ops/ops.h"
#include "converter/ops/window.h"

namespace octet::convert {

void import_conv(OnnxNode& n) {
  const TensorId x = n.in(0);
  if (!n.is_constant(n.in(1))) return n.fail("the weights must be constant", Code::kUnsupported);
  if (!n.need_rank(n.in(1), 4) || !n.need_rank(x, 4)) return;
  if (n.at(n.in(1)).dtype != DType::kF32) return n.fail("the weights must be float", Code::kUnsupported);
  const Shape weights = n.shape(n.in(1));
  if (weights.elements() <= 0) return n.fail("empty weights " + weights.text());
  const auto kernel = n.ints("kernel_shape", {weights[2], weights[3]}, 2);
  if (kernel[0] != weights[2] || kernel[1] != weights[3])
    return n.fail("kernel_shape differs from the weights' " + weights.text());
  Window w = read_window(n, {weights[2], weights[3]});
  read_pads(n, n.shape(x), w);
  const int groups = n.bounded("group", n.i("group", 1), 1, weights[0]);
  TensorId bias = n.in(2);
  if (bias >= 0 && (!n.is_constant(bias) || n.at(bias).dtype != DType::kF32 || n.shape(bias) != Shape{weights[0]}))
    return n.fail("the bias must be a constant of " + std::to_string(weights[0]) + " floats", Code::kUnsupported);
  const TensorId turned = n.constant(permuted(n.at(n.in(1)), kToNhwc));
  schema::Conv2dT op{.stride_h = w.stride[0],
                     .stride_w = w.stride[1],
                     .pad_top = w.pads[0],
                     .pad_left = w.pads[1],
                     .pad_bottom = w.pads[2],
                     .pad_right = w.pads[3],
                     .dilation_h = w.dilation[0],
                     .dilation_w = w.dilation[1],
                     .groups = groups};
  n.result(n.nchw(n.emit(std::move(op), {n.nhwc(x), turned, bias})));
}

}  // namespace octet::convert
