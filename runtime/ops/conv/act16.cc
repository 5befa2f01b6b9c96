#include "runtime/ops/conv/act16.h"

#include <cmath>

namespace octet::conv {
namespace {

constexpr int kMaxShift = 14;
constexpr int64_t kLargest = 32767;

bool fits(int64_t v) { return v >= -kLargest - 1 && v <= kLargest; }

Error bad(const std::string& what) { return error(Code::kBadModel, "its activation in 16 bits: ", what); }

// By output channel.
std::vector<double> units(const TensorDef& weight, const Quant& x) {
  std::vector<double> unit;
  for (const float scale : weight.weight_scale) unit.push_back(x.per_channel() ? scale : x.scale_at(0) * double{scale});
  return unit;
}

std::span<const float> bias_of(const NodeDef& node, const ModelData& model) {
  return node.has_input(2) ? model.input(node, 2).values<float>() : std::span<const float>();
}

}  // namespace

double argument_unit(const schema::Act16& fields, const Quant& out) {
  return fields.odd() ? double{fields.unit()} : std::ldexp(double{out.scale_at(0)}, -fields.shift());
}

Result<kernels::Act16> make_act16(const Layer16& layer) {
  const schema::Act16& f = layer.fields;
  if (f.shift() > kMaxShift || f.limit() < 0 || f.step() < 0 || int64_t{f.limit()} * f.step() >= 1 << 18)
    return bad("limit, step or shift");
  if (layer.out.per_channel() || (layer.residual && layer.residual->per_channel()))
    return bad("a scale for each channel");
  if (layer.residual && f.odd()) return bad("a residual behind sigmoid or tanh");
  const double argument = argument_unit(f, layer.out);
  if (!std::isfinite(argument) || argument <= 0) return bad("unit");
  for (size_t n = 0; n < layer.unit.size(); ++n) {
    const double most = 64770.0 * static_cast<double>(layer.depth) * layer.unit[n] +
                        (layer.bias.empty() ? 0.0 : std::fabs(double{layer.bias[n]}));
    if (!(most / argument < 2147483000.0)) return bad("the sums of channel " + std::to_string(n) + " are too large");
  }
  kernels::Act16 a;
  a.odd = f.odd(), a.shift = f.shift(), a.limit = f.limit(), a.step = f.step();
  int64_t base = (int64_t{layer.out.zero_at(0)} << f.shift()) + (f.shift() ? int64_t{1} << (f.shift() - 1) : 0);
  if (layer.residual) {
    const double ratio = std::ldexp(double{layer.residual->scale_at(0)} / layer.out.scale_at(0), f.shift() + 8);
    if (!(ratio <= kLargest)) return bad("the residual's scale");
    a.residual = static_cast<int16_t>(std::nearbyint(ratio));
    base -= (int64_t{layer.residual->zero_at(0)} * a.residual + (1 << 7)) >> 8;
  }
  if (f.odd()) {
    if (!fits(base + f.base())) return bad("base");
    a.base = static_cast<int16_t>(base + f.base());
  }
  for (uint16_t i = 0; i < kernels::kPieces16; ++i) {
    const int64_t value = f.value()->Get(i) + (f.odd() ? 0 : base);
    if (!fits(value)) return bad("value");
    a.value[i] = static_cast<int16_t>(value), a.slope[i] = f.slope()->Get(i), a.bend[i] = f.bend()->Get(i);
  }
  if (layer.relu_after) a.low = static_cast<uint8_t>(layer.out.zero_at(0));
  return a;
}

Result<void> check_act16(const NodeDef& node, const ModelData& model, const Geometry& g, const schema::Activation* act,
                         bool relu_after) {
  using schema::ActKind;
  if (!node.act16) return {};
  const schema::Act16& fields = *node.act16;
  const ActKind kind = act ? act->kind() : ActKind::none;
  if (g.depthwise()) return bad("a depthwise layer has none");
  const bool odd = kind == ActKind::sigmoid || kind == ActKind::tanh;
  if (odd != fields.odd() || (!odd && kind != ActKind::silu && kind != ActKind::hard_swish && kind != ActKind::gelu &&
                              kind != ActKind::gelu_tanh))
    return bad("it is of another kind than the activation");
  const TensorDef& weight = model.input(node, 1);
  const Quant &x = model.input(node, 0).quant, &y = model.output(node, 0).quant;
  const Quant* residual = node.has_input(3) ? &model.input(node, 3).quant : nullptr;
  if (weight.dtype != DType::kS8 || x.empty() || y.empty() || (residual && residual->empty())) return {};
  const std::vector<double> unit = units(weight, x);
  auto made = make_act16(Layer16{fields, y, residual, relu_after, g.taps() * g.in, unit, bias_of(node, model)});
  if (!made) return made.error();
  return {};
}

Result<kernels::Act16> make_act16(const Layer& layer) {
  const Prepare& p = layer.p;
  const std::vector<double> unit = units(p.tensor(1), p.in(0).quant);
  return make_act16(Layer16{*layer.p.node->act16, p.out().quant, layer.has_residual() ? &p.in(3).quant : nullptr,
                            layer.relu_after, layer.g.taps() * layer.g.in, unit,
                            layer.has_bias() ? p.tensor(2).values<float>() : std::span<const float>()});
}

}  // namespace octet::conv
