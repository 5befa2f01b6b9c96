// The convolution's names, checks and shape rule; it is executed by one of the algorithms beside it, see algorithm.h.
#include "runtime/ops/conv/conv2d.h"

#include <algorithm>

#include "runtime/ops/common.h"
#include "runtime/ops/conv/act16.h"

namespace octet {
namespace {

using Attributes = schema::Conv2d;

// Paddle has a name of its own for the depthwise case. The weights' shape is not known here: any grouped one has it.
std::span<const std::string_view> names(const NodeDef& node) {
  static constexpr std::string_view kDense[] = {"conv2d", "Conv"}, kDepthwise[] = {"depthwise_conv2d", "Conv"};
  const Shape& weight = node.model->input(node, 1).shape;
  const bool depthwise = node.attributes<Attributes>().groups() > 1 && weight.rank() == 4 && weight[3] == 1;
  return depthwise ? std::span(kDepthwise) : std::span(kDense);
}

conv::Geometry geometry(const NodeDef& node, const Shape& weight) {
  return conv::geometry_of(node.attributes<Attributes>(), weight);
}

Result<void> check(const NodeDef& node, const ModelData& model) {
  const auto bad = [&](const auto&... parts) { return bad_node(node, error(Code::kBadModel, parts...).text); };
  const auto& a = node.attributes<Attributes>();
  const TensorDef& x = model.input(node, 0);
  const TensorDef& weight = model.input(node, 1);
  const TensorDef& y = model.output(node, 0);
  if (x.dtype != DType::kF32) return bad("input of type ", name_of(x.dtype));
  if (x.shape.rank() != 4) return bad("the input must have rank 4");
  if (const std::string wrong = conv::check_window(a, weight.shape); !wrong.empty()) return bad(wrong);
  const conv::Geometry g = geometry(node, weight.shape);
  for (const std::string& wrong : {conv::check_weights(g, weight), conv::check_bias(node, model, g.out_channels())})
    if (!wrong.empty()) return bad(wrong);
  OCTET_TRY(check_activation(node, a.act()));
  if (auto fine = conv::check_act16(node, model, g, a.act(), a.relu_after()); !fine) return bad(fine.error().text);
  for (auto [tensor, channels] : {std::pair{&x, g.in_channels()}, std::pair{&y, g.out_channels()}}) {
    if (tensor->shape.rank() == 4 && tensor->shape[3] != -1 && tensor->shape[3] != channels)
      return bad(tensor->shape[3], " channels in '", tensor->name, "', the weights ", weight.shape.text(), " want ",
                 channels);
    if (tensor->quant.per_channel() && static_cast<int64_t>(tensor->quant.scale.size()) != channels)
      return bad(tensor->quant.scale.size(), " scales for ", channels, " channels of '", tensor->name, "'");
  }
  if (node.has_input(3)) {
    const TensorDef& residual = model.input(node, 3);
    if (residual.dtype != DType::kF32 || residual.shape.rank() != 4)
      return bad("residual of another kind than the output");
    if (residual.quant.per_channel() && static_cast<int64_t>(residual.quant.scale.size()) != g.out_channels())
      return bad(residual.quant.scale.size(), " scales for ", g.out_channels(), " channels of '", residual.name, "'");
  }
  return {};
}

Result<void> check_data(const NodeDef& node, const ModelData& model) {
  const TensorDef& weight = model.input(node, 1);
  const std::string wrong = conv::check_weight_values(geometry(node, weight.shape), weight);
  if (!wrong.empty()) return bad_node(node, wrong);
  return {};
}

bool may_equal(const Shape& a, const Shape& b) {
  bool equal = a.rank() == b.rank();
  for (int d = 0; equal && d < a.rank(); ++d) equal = a[d] == b[d] || std::min(a[d], b[d]) < 0;
  return equal;
}

Result<void> infer(Inference& i) {
  const auto& a = i.node.attributes<Attributes>();
  const Shape& x = i.shape(0);
  const conv::Geometry g = geometry(i.node, i.shape(1));
  if (x.rank() != 4 || (x[3] >= 0 && x[3] != g.in_channels()))
    return i.error("input " + x.text() + " for weights " + i.shape(1).text() + " in " + std::to_string(g.groups) +
                   " groups");
  const int64_t h = conv::out_size(x[1], a.pad_top() + a.pad_bottom(), g.kernel_h, g.stride_h, g.dilation_h);
  const int64_t w = conv::out_size(x[2], a.pad_left() + a.pad_right(), g.kernel_w, g.stride_w, g.dilation_w);
  if (h == 0 || w == 0)
    return i.error("input " + x.text() + " is smaller than the window of weights " + i.shape(1).text() +
                   ", even padded");
  constexpr int64_t kMaxSide = 1 << 28;  // kernels count pixels of a side in int, with room for strides and padding
  if (std::max(x[1], x[2]) > kMaxSide || std::max(h, w) > kMaxSide)
    return i.error("input " + x.text() + " is too large");
  const Shape y{x[0], h, w, g.out_channels()};
  if (i.node.has_input(3) && !may_equal(i.shape(3), y))
    return i.error("residual " + i.shape(3).text() + " for an output " + y.text());
  i.out(0, y);
  return {};
}

Int8Rule int8(const NodeDef& node, const ModelData& model) {
  const Shape& weight = model.input(node, 1).shape;
  if (weight[1] * weight[2] * weight[3] > kMaxDepth) return {};
  const int groups = node.attributes<schema::Conv2d>().groups();
  return {.kind = Int8Rule::Kind::kLayer,
          .f32_inputs = 0b110,
          .channelwise = groups > 1 && weight[3] == 1 && weight[0] == groups,
          .given_only = model.input(node, 0).constant};
}

Result<void> prepare(Prepare& p) { return conv::prepare(conv::layer_of(p)); }

std::vector<Offer> offers(Prepare& p) { return conv::offers(conv::layer_of(p)); }

}  // namespace

conv::Layer conv::layer_of(Prepare& p) {
  const auto& a = p.node->attributes<Attributes>();
  Layer layer{p, geometry(*p.node, p.tensor(1).shape), activation(a.act()), a.relu_after()};
  const Shape& x = p.in(0).shape;
  const Shape& y = p.out().shape;
  layer.g.batch = x[0];
  layer.g.in_h = x[1], layer.g.in_w = x[2];
  layer.g.out_h = y[1], layer.g.out_w = y[2];
  return layer;
}

extern const OpKind kConv2d;
const OpKind kConv2d = {
    .type = schema::Op::Conv2d,
    .names = names,
    .min_inputs = 2,
    .max_inputs = 4,
    .check = check,
    .infer = infer,
    .prepare = prepare,
    .offers = offers,
    .int8 = int8,
    .check_data = check_data,
    .pitched_in = true,
    .pitched_out = true,
    .gives_f32_from_int8 = true,
};

}  // namespace octet
