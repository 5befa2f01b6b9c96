// Conv (opset 1 to newest: only types changed) becomes Conv2d, DeformConv (19) DeformConv2d. Weights are turned from [O][I/g][kh][kw] to NHWC's order.
#include <algorithm>
#include <cfloat>
#include <cmath>

#include "converter/import/onnx/ops/ops.h"
#include "converter/import/onnx/ops/window.h"

namespace octet::convert {

namespace {

// In NHWC's order; fails where operands are not what a convolution of an image takes.
TensorId turned_weights(SourceNode& n, TensorId x, TensorId weights, TensorId bias) {
  if (!n.is_constant_floats(weights)) return n.refuse("the weights must be constant floats", Code::kUnsupported);
  if (!n.need_rank(weights, 4) || !n.need_rank(x, 4)) return -1;
  const Shape shape = n.shape(weights);
  if (shape.elements() <= 0) return n.refuse("empty weights " + shape.text());
  if (bias >= 0 && (!n.is_constant_floats(bias) || n.shape(bias) != Shape{shape[0]}))
    return n.refuse("the bias must be a constant of " + std::to_string(shape[0]) + " floats", Code::kUnsupported);
  return n.constant(permuted(n.at(weights), kToNhwc));
}

// The window, and the input as it reads it.
std::pair<Window, TensorId> window_of(OnnxNode& n, std::optional<float> outside) {
  if (!n.need_rank(n.in(1), 4) || !n.need_rank(n.in(0), 4)) return {{}, -1};
  const Shape weights = n.shape(n.in(1));
  const auto kernel = n.ints("kernel_shape", {weights[2], weights[3]}, 2);
  if (kernel[0] != weights[2] || kernel[1] != weights[3])
    n.fail("kernel_shape differs from the weights' " + weights.text());
  Window w = read_window(n, {weights[2], weights[3]});
  const TensorId x = read_pads(n, n.in(0), w, outside);
  return {w, x};
}

}  // namespace

TensorId build_conv(SourceNode& n, TensorId x, TensorId weights, TensorId bias, const Window& w, int64_t groups) {
  const TensorId turned = turned_weights(n, x, weights, bias);
  if (n.failed()) return -1;
  const schema::Conv2dT op{.groups = n.bounded("groups", groups, 1, n.shape(weights)[0])};
  return n.nchw(n.emit(with_window(op, w), {n.nhwc(x), turned, bias}));
}

TensorId build_deform_conv(SourceNode& n, const DeformConv& c, const Window& w) {
  const TensorId turned = turned_weights(n, c.x, c.weights, c.bias);
  if (n.failed() || !n.need_rank(c.offsets, 4) || (c.mask >= 0 && !n.need_rank(c.mask, 4))) return -1;
  const schema::DeformConv2dT op{.groups = n.bounded("groups", c.groups, 1, n.shape(c.weights)[0]),
                                 .offset_groups = n.bounded("groups of offsets", c.offset_groups, 1, kMaxWindow)};
  std::vector<TensorId> operands = {n.nhwc(c.x), turned, c.bias, n.nhwc(c.offsets)};
  if (c.mask >= 0) operands.push_back(n.nhwc(c.mask));
  return n.nchw(n.emit(with_window(op, w), operands));
}

// Over one dimension: [N, C, W] is an image one pixel high.
static void import_line_conv(OnnxNode& n) {
  const TensorId x = n.in(0);
  if (!n.is_constant_floats(n.in(1))) return n.fail("the weights must be constant floats", Code::kUnsupported);
  if (!n.need_rank(n.in(1), 3)) return;
  Tensor weights = n.at(n.in(1));
  const Shape shape = weights.shape;
  weights.shape = {shape[0], shape[1], 1, shape[2]};
  if (n.ints("kernel_shape", {shape[2]}, 1)[0] != shape[2])
    return n.fail("kernel_shape differs from the weights' " + shape.text());
  const TensorId image = n.reshape(x, {n.same_dim(x, 0), n.same_dim(x, 1), 1, n.same_dim(x, 2)});
  Window w = read_window(n, {1, shape[2]}, 1);
  if (n.failed()) return;
  const TensorId y =
      build_conv(n, read_pads(n, image, w, 0.0f, 1), n.constant(std::move(weights)), n.in(2), w, n.i("group", 1));
  if (n.failed()) return;
  n.result(n.reshape(y, {n.same_dim(y, 0), n.same_dim(y, 1), n.same_dim(y, 3)}));
}

static void import_conv(OnnxNode& n) {
  if (n.rank(n.in(0)) == 3) return import_line_conv(n);
  const auto [w, x] = window_of(n, 0.0f);
  n.result(build_conv(n, x, n.in(1), n.in(2), w, n.i("group", 1)));
}

// com.microsoft's, as ONNX Runtime saves optimised models: a convolution, what is added to it, and an activation with its numbers.
static void import_fused_conv(OnnxNode& n) {
  struct Known {
    std::string_view name;
    schema::ActKind kind;
    std::vector<float> numbers;  // where none are given
  };
  static const Known kKnown[] = {{"Relu", schema::ActKind::relu, {}},
                                 {"Sigmoid", schema::ActKind::sigmoid, {}},
                                 {"Tanh", schema::ActKind::tanh, {}},
                                 {"LeakyRelu", schema::ActKind::leaky_relu, {0.01f}},
                                 {"HardSigmoid", schema::ActKind::hard_sigmoid, {0.2f, 0.5f}},
                                 {"Clip", schema::ActKind::clip, {-FLT_MAX, FLT_MAX}}};
  const auto [w, x] = window_of(n, 0.0f);
  TensorId y = build_conv(n, x, n.in(1), n.in(2), w, n.i("group", 1));
  if (n.failed()) return;
  if (n.in(3) >= 0) y = n.binary(schema::BinaryKind::add, y, n.in(3));
  const std::string name = n.s("activation", "");
  if (name.empty()) return n.result(y);
  const auto* known =
      std::find_if(std::begin(kKnown), std::end(kKnown), [&](const Known& k) { return k.name == name; });
  if (known == std::end(kKnown)) return n.fail("the activation '" + name + "' is not supported", Code::kUnsupported);
  std::vector<float> numbers = n.float_list("activation_params", known->numbers);
  if (numbers.size() != known->numbers.size() ||
      !std::all_of(numbers.begin(), numbers.end(), [](float v) { return std::isfinite(v); }))
    return n.fail("activation_params of " + name + " must be " + std::to_string(known->numbers.size()) +
                  " finite numbers");
  numbers.resize(2);
  n.result(n.act(schema::Activation(known->kind, numbers[0], numbers[1]), y));
}

static void import_deform_conv(OnnxNode& n) {
  const auto [w, x] = window_of(n, std::nullopt);
  n.result(build_deform_conv(n, {x, n.in(1), n.in(3), n.in(2), n.in(4), n.i("group", 1), n.i("offset_group", 1)}, w));
}

static constexpr OnnxOp kOnnxConvRows[] = {
    {"Conv", import_conv, 2, 3},
    {"DeformConv", import_deform_conv, 3, 5},
    {"FusedConv", import_fused_conv, 2, 4, kMicrosoft},
};
extern constinit const OnnxRows kOnnxConv{kOnnxConvRows};

}  // namespace octet::convert
