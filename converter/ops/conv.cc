// Conv (opset 1 to newest: only types changed) becomes Conv2d. Weights are turned from [O][I/g][kh][kw] to NHWC's order.
#include "converter/ops/ops.h"
#include "converter/ops/window.h"

namespace octet::convert {

TensorId build_conv(SourceNode& n, TensorId x, TensorId weights, TensorId bias, const Window& w, int64_t groups) {
  if (!n.is_constant_floats(weights)) return n.refuse("the weights must be constant floats", Code::kUnsupported);
  if (!n.need_rank(weights, 4) || !n.need_rank(x, 4)) return -1;
  const Shape shape = n.shape(weights);
  if (shape.elements() <= 0) return n.refuse("empty weights " + shape.text());
  if (bias >= 0 && (!n.is_constant_floats(bias) || n.shape(bias) != Shape{shape[0]}))
    return n.refuse("the bias must be a constant of " + std::to_string(shape[0]) + " floats", Code::kUnsupported);
  const TensorId turned = n.constant(permuted(n.at(weights), kToNhwc));
  const schema::Conv2dT op{.groups = n.bounded("groups", groups, 1, shape[0])};
  return n.nchw(n.emit(with_window(op, w), {n.nhwc(x), turned, bias}));
}

void import_conv(OnnxNode& n) {
  if (!n.need_rank(n.in(1), 4) || !n.need_rank(n.in(0), 4)) return;
  const Shape weights = n.shape(n.in(1));
  const auto kernel = n.ints("kernel_shape", {weights[2], weights[3]}, 2);
  if (kernel[0] != weights[2] || kernel[1] != weights[3])
    return n.fail("kernel_shape differs from the weights' " + weights.text());
  Window w = read_window(n, {weights[2], weights[3]});
  read_pads(n, n.shape(n.in(0)), w);
  n.result(build_conv(n, n.in(0), n.in(1), n.in(2), w, n.i("group", 1)));
}

}  // namespace octet::convert
