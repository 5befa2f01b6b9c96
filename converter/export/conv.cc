// Conv2d: Conv, its activation, the residual and what comes after it; an activation as an op of its own serves the others too.
// DeformConv2d: DeformConv.
#include "converter/export/layer.h"

namespace octet::convert {
namespace {

using schema::ActKind;

ActKind kind_of(const schema::Activation* act) { return act ? act->kind() : ActKind::none; }

bool homogeneous(ActKind kind) { return kind == ActKind::none || kind == ActKind::relu || kind == ActKind::leaky_relu; }

conv::Geometry geometry(int groups, const Shape& w) {
  conv::Geometry g;
  g.groups = groups, g.out = w[0] / groups, g.in = w[3];
  g.kernel_h = w[1], g.kernel_w = w[2];
  return g;
}

LayerConstants constants(const ExportNode& n, const conv::Geometry& g, bool linear) {
  const WeightOrder order{.shape = {g.out_channels(), g.in, g.kernel_h, g.kernel_w},
                          .channel_axis = 0,
                          .place = [&](int64_t c, int64_t k) { return (c * g.in + k % g.in) * g.taps() + k / g.in; }};
  return layer_constants(n, g, order, linear);
}

template <class A>
Attributes window(const A& a, const conv::Geometry& g) {
  return {{"kernel_shape", std::vector<int64_t>{g.kernel_h, g.kernel_w}},
          {"strides", std::vector<int64_t>{a.stride_h(), a.stride_w()}},
          {"pads", std::vector<int64_t>{a.pad_top(), a.pad_left(), a.pad_bottom(), a.pad_right()}},
          {"dilations", std::vector<int64_t>{a.dilation_h(), a.dilation_w()}},
          {"group", int64_t{a.groups()}}};
}

}  // namespace

static Result<void> export_conv(ExportNode& n) {
  const auto& a = n.attributes<schema::Conv2d>();
  const conv::Geometry g = geometry(a.groups(), n.in(1).shape);
  // What saturates at the bounds anyway needs no Clip, and can be said in steps.
  const schema::Activation* act = a.act();
  if (kind_of(act) == ActKind::clip && !n.has(3) && clips_nothing(n, *act)) act = nullptr;
  const LayerConstants layer = constants(n, g, homogeneous(kind_of(act)) && !n.has(3));
  auto y = n.activated(n.emit("Conv", {layer.x, layer.weights, layer.bias}, window(a, g)), act);
  if (!y) return y.error();
  if (n.has(3)) y = n.emit("Add", {*y, n.operand(3)});
  if (a.relu_after()) y = n.emit("Relu", {*y});
  return n.result(*y, layer.in_steps);
}

static Result<void> export_deform_conv(ExportNode& n) {
  if (n.opset() < 19) return n.refuse("needs --opset 19 or more");
  const auto& a = n.attributes<schema::DeformConv2d>();
  const conv::Geometry g = geometry(a.groups(), n.in(1).shape);
  const LayerConstants layer = constants(n, g, true);
  Attributes attributes = window(a, g);
  attributes.push_back({"offset_group", int64_t{a.offset_groups()}});
  const std::string mask = n.has(4) ? n.operand(4) : "";
  return n.result(n.emit("DeformConv", {layer.x, layer.weights, n.operand(3), layer.bias, mask}, attributes));
}

static constexpr ExportOp kExportConvRows[] = {
    {schema::Op::Conv2d, Wants::kImage, export_conv},
    {schema::Op::DeformConv2d, Wants::kImage, export_deform_conv},
};
extern constinit const ExportRows kExportConv{kExportConvRows};

}  // namespace octet::convert
