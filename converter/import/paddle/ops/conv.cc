// conv2d, conv2d_transpose and their depthwise twins, deformable_conv; the window's attributes, which pool2d shares.
#include <algorithm>

#include "converter/import/paddle/ops/ops.h"
#include "converter/import/paddle/ops/window.h"

namespace octet::convert {

Window paddle_window(PaddleNode& n, std::array<int64_t, 2> kernel, TensorId& x, std::optional<float> outside) {
  Window w;
  const Shape input = n.shape(x);
  const auto strides = n.ints("strides", {1, 1}, 2);
  auto dilations = n.ints("dilations", {1, 1}, 2);
  auto pads = n.ints("paddings", {0, 0});
  const std::string algorithm = n.s("padding_algorithm", "EXPLICIT");
  if (pads.size() == 2) pads = {pads[0], pads[0], pads[1], pads[1]};
  if (pads.size() != 4) return n.fail("attribute 'paddings' needs 2 or 4 elements"), w;
  if (algorithm == "VALID") pads = {0, 0, 0, 0};
  const bool open = algorithm == "SAME" && ((input[2] < 0 && strides[0] > 1) || (input[3] < 0 && strides[1] > 1));
  if (open && !outside)
    n.fail("padding_algorithm SAME needs an input of known size: give the input's shape", Code::kUnsupported);
  for (size_t i = 0; i < 2; ++i) {
    if (open) {
      dilations[i] = 1;
      pads[2 * i] = pads[2 * i + 1] = 0;
    } else if (algorithm == "SAME") {
      const int64_t size = input[2 + static_cast<int>(i)];
      // With stride 1 the pads do not depend on the size.
      const int stride = n.bounded("strides", strides[i], 1, kMaxWindow);
      const int64_t out = stride == 1 ? 0 : (size + stride - 1) / stride;
      const int64_t reach = std::clamp<int64_t>(kernel[i], 1, kMaxWindow);  // without the dilation, as Paddle has it
      const int64_t total = stride == 1 ? reach - 1 : std::max<int64_t>((out - 1) * stride + reach - size, 0);
      pads[2 * i] = total / 2;
      pads[2 * i + 1] = total - total / 2;
      dilations[i] = 1;
    } else if (algorithm != "VALID" && algorithm != "EXPLICIT") {
      n.fail("padding_algorithm '" + algorithm + "' is unknown");
    }
    w.kernel[i] = n.bounded("ksize", kernel[i], 1, kMaxWindow);
    w.stride[i] = n.bounded("strides", strides[i], 1, kMaxWindow);
    w.dilation[i] = n.bounded("dilations", dilations[i], 1, kMaxWindow);
    w.pads[i] = n.bounded("paddings", pads[2 * i], 0, kMaxWindow);
    w.pads[i + 2] = n.bounded("paddings", pads[2 * i + 1], 0, kMaxWindow);
  }
  if (open && !n.failed())
    x = build_same_pad(
        n, x, {.reach = {w.kernel[0], w.kernel[1]}, .stride = {w.stride[0], w.stride[1]}, .outside = *outside});
  return w;
}

static void import_paddle_conv2d(PaddleNode& n) {
  TensorId x = n.in("Input");
  const TensorId weights = n.in("Filter");
  n.need_nchw();
  if (n.in("ResidualData") >= 0) return n.fail("a fused residual is not supported", Code::kUnsupported);
  if (!n.need_rank(x, 4) || !n.need_rank(weights, 4)) return;
  const Shape shape = n.shape(weights);
  const Window w = paddle_window(n, {shape[2], shape[3]}, x, 0.0f);
  n.result("Output", build_conv(n, x, weights, n.in("Bias"), w, n.i("groups", 1)));
}

static void import_paddle_deformable_conv(PaddleNode& n) {
  TensorId x = n.in("Input");
  const TensorId weights = n.in("Filter");
  if (!n.need_rank(x, 4) || !n.need_rank(weights, 4)) return;
  const Shape shape = n.shape(weights);
  const Window w = paddle_window(n, {shape[2], shape[3]}, x, std::nullopt);
  n.result("Output",
           build_deform_conv(
               n, {x, weights, -1, n.in("Offset"), n.in("Mask"), n.i("groups", 1), n.i("deformable_groups", 1)}, w));
}

static void import_paddle_conv2d_transpose(PaddleNode& n) {
  TensorId x = n.in("Input");
  const TensorId weights = n.in("Filter");
  n.need_nchw();
  if (!n.need_rank(x, 4) || !n.need_rank(weights, 4)) return;
  const Shape in = n.shape(x), shape = n.shape(weights);
  const Window w = paddle_window(n, {shape[2], shape[3]}, x, std::nullopt);
  auto extra = n.ints("output_padding", {});
  const auto wanted = n.ints("output_size", {});
  if (extra.size() == 1) extra.push_back(extra[0]);
  if (extra.empty()) extra = {0, 0};
  if (extra.size() != 2 || (!wanted.empty() && wanted.size() != 2) || n.in("OutputSizeTensor") >= 0)
    return n.fail("output_padding and output_size must be attributes of 2 elements", Code::kUnsupported);
  for (size_t i = 0; i < wanted.size(); ++i) {
    const int64_t size = in[2 + static_cast<int>(i)];
    if (size < 0) return n.fail("output_size needs an input of known size: give the input's shape", Code::kUnsupported);
    extra[i] = wanted[i] - ((size - 1) * w.stride[i] + (shape[2 + static_cast<int>(i)] - 1) * w.dilation[i] + 1 -
                            w.pads[i] - w.pads[i + 2]);
  }
  for (size_t i = 0; i < 2; ++i) extra[i] = n.bounded("output_padding", extra[i], 0, w.stride[i] - 1);
  n.result("Output", build_conv_transpose(n, x, weights, n.in("Bias"), w, {extra[0], extra[1]}, n.i("groups", 1)));
}

static constexpr PaddleOp kPaddleConvRows[] = {
    {"conv2d", import_paddle_conv2d, {"Input", "Filter"}},
    {"conv2d_transpose", import_paddle_conv2d_transpose, {"Input", "Filter"}},
    {"deformable_conv", import_paddle_deformable_conv, {"Input", "Offset", "Filter"}},
    {"deformable_conv_v1", import_paddle_deformable_conv, {"Input", "Offset", "Filter"}},
    {"depthwise_conv2d", import_paddle_conv2d, {"Input", "Filter"}},
    {"depthwise_conv2d_transpose", import_paddle_conv2d_transpose, {"Input", "Filter"}},
};
extern constinit const PaddleRows kPaddleConv{kPaddleConvRows};

}  // namespace octet::convert
