// Constants of a layer: their checks at load time, weights row by row, and the arrays that the int8 epilogue reads.
#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/quant.h"
#include "runtime/ops/conv/conv2d.h"

namespace octet::conv {
namespace {

using kernels::Act;
static_assert(static_cast<int>(schema::ActKind::none) == static_cast<int>(Act::kNone));
static_assert(static_cast<int>(schema::ActKind::relu) == static_cast<int>(Act::kRelu));
static_assert(static_cast<int>(schema::ActKind::clip) == static_cast<int>(Act::kClip));
static_assert(static_cast<int>(schema::ActKind::silu) == static_cast<int>(Act::kSilu));
static_assert(static_cast<int>(schema::ActKind::sigmoid) == static_cast<int>(Act::kSigmoid));
static_assert(static_cast<int>(schema::ActKind::hard_swish) == static_cast<int>(Act::kHardSwish));
static_assert(static_cast<int>(schema::ActKind::hard_sigmoid) == static_cast<int>(Act::kHardSigmoid));
static_assert(static_cast<int>(schema::ActKind::leaky_relu) == static_cast<int>(Act::kLeakyRelu));
static_assert(static_cast<int>(schema::ActKind::gelu_tanh) == static_cast<int>(Act::kGeluTanh));

int64_t padded(int64_t n) { return (n + kernels::kBlock - 1) / kernels::kBlock * kernels::kBlock; }

std::string check_s8(const Geometry& g, const TensorDef& weight) {
  const bool packed = weight.packing == schema::Packing::conv_s8;
  // Dense int8 weights are those of depthwise convolutions, whose kernels have orders of their own.
  if (!packed && !g.depthwise()) return "int8 weights that are not packed";
  if (g.taps() * g.in > kMaxDepth)
    return error(Code::kBadModel, g.taps() * g.in, " products in one int8 sum, at most ", kMaxDepth).text;
  if (static_cast<int64_t>(weight.weight_scale.size()) != g.out_channels())
    return error(Code::kBadModel, weight.weight_scale.size(), " weight scales for ", g.out_channels(), " channels")
        .text;
  for (float s : weight.weight_scale)
    if (!std::isfinite(s) || s <= 0) return "a weight scale that is not positive";
  const auto values = weight.values<int8_t>();
  if (std::find(values.begin(), values.end(), int8_t{-128}) != values.end()) return "an int8 weight of -128";
  if (!packed) return {};
  const schema::PackedShape s = packed_shape(g);
  const auto nonzero = [](int8_t v) { return v != 0; };
  int64_t all = std::count_if(values.begin(), values.end(), nonzero), real = 0;
  std::vector<int8_t> row(static_cast<size_t>(g.taps() * g.in));
  for (int64_t n = 0; n < g.out_channels(); ++n) {
    weights_s8(g, weight, n / s.out, n % s.out, row.data());
    real += std::count_if(row.begin(), row.end(), nonzero);
  }
  return all == real ? "" : "padding of packed weights that is not zero";
}

}  // namespace

std::string check_weights(const Geometry& g, const TensorDef& weight) {
  const auto text = [](const auto&... parts) { return error(Code::kBadModel, parts...).text; };
  if (!weight.constant) return "weights that are not constant";
  if (weight.dtype != DType::kF32 && weight.dtype != DType::kS8) return text("weights of type ", name_of(weight.dtype));
  constexpr int64_t kMax = 1 << 20;
  for (int64_t size : {g.in, g.out, g.kernel_h, g.kernel_w})
    if (size < 1 || size > kMax || g.taps() > kMax) return text("weights ", weight.shape.text());
  const bool packed = weight.packing == schema::Packing::conv_s8;
  int64_t elements = packed ? 64 : static_cast<int64_t>(size_of(weight.dtype));
  const schema::PackedShape s = packed_shape(g);
  for (int64_t factor : {g.groups, packed ? s.blocks() : g.out, g.kernel_h, g.kernel_w, packed ? s.quads() : g.in})
    if (!checked_mul(elements, factor, &elements)) return text("weights ", weight.shape.text());
  if (static_cast<int64_t>(weight.bytes) != elements)
    return text(weight.bytes, " bytes for weights ", weight.shape.text(), ", expected ", elements);
  if (packed && weight.dtype != DType::kS8) return "float weights with an int8 packing";
  return "";
}

std::string check_weight_values(const Geometry& g, const TensorDef& weight) {
  if (weight.dtype == DType::kS8) return check_s8(g, weight);
  for (float w : weight.values<float>())
    if (!std::isfinite(w)) return "a weight that is not finite";
  return {};
}

std::string check_bias(const NodeDef& node, const ModelData& model, int64_t channels) {
  if (!node.has_input(2)) return {};
  const TensorDef& bias = model.input(node, 2);
  if (!bias.constant || bias.dtype != DType::kF32) return "a bias that is not a float constant";
  if (static_cast<int64_t>(bias.bytes) != channels * 4)
    return error(Code::kBadModel, bias.bytes / 4, " biases for ", channels, " channels").text;
  for (float b : bias.values<float>())
    if (!std::isfinite(b)) return "a bias that is not finite";
  return {};
}

void weights_s8(const Geometry& g, const TensorDef& weight, int64_t group, int64_t o, int8_t* row) {
  const int8_t* data = weight.values<int8_t>().data();
  const int64_t depth = g.taps() * g.in;
  if (weight.packing == schema::Packing::dense) {
    std::copy_n(data + (group * g.out + o) * depth, depth, row);
    return;
  }
  const schema::PackedShape s = packed_shape(g);
  for (int64_t t = 0; t < s.taps; ++t)
    for (int64_t c = 0; c < s.in; c += kernels::kGroup)
      std::copy_n(data + s.at(group, o, t, c), std::min<int64_t>(kernels::kGroup, s.in - c), row + t * s.in + c);
}

void weights_f32(const Layer& layer, int64_t group, int64_t o, float* row) {
  const Geometry& g = layer.g;
  const TensorDef& weight = layer.p.tensor(1);
  const int64_t n = group * g.out + o, depth = g.taps() * g.in;
  if (weight.dtype == DType::kF32) {
    std::copy_n(weight.values<float>().data() + n * depth, depth, row);
    return;
  }
  std::vector<int8_t> stored(static_cast<size_t>(depth));
  weights_s8(g, weight, group, o, stored.data());
  const float scale = weight.weight_scale[static_cast<size_t>(n)];
  const Quant& x = layer.p.tensor(0).quant;
  for (int64_t k = 0; k < depth; ++k) {
    row[k] = static_cast<float>(stored[static_cast<size_t>(k)]) * scale;
    // Behind an input with a scale for each channel, that scale stands in the int8 weights.
    if (x.per_channel()) row[k] /= x.scale_at(group * g.in + k % g.in);
  }
}

kernels::Epilogue EpilogueArrays::at(int64_t group, int64_t channel) const {
  const size_t i = static_cast<size_t>(group * stride + channel);
  const auto from = [i](const auto& v) { return v.empty() ? nullptr : v.data() + i; };
  return {.acc0 = from(acc0),
          .multiplier = from(multiplier),
          .act = act,
          .out_multiplier = from(out_multiplier),
          .res_multiplier = from(res_multiplier),
          .res_offset = from(res_offset),
          .low = from(low),
          .high = from(high),
          .zero_point = from(zero_point)};
}

namespace {

// Sum over k of (zero point of x at k - offset) * w[k].
int64_t zero_dot(const Layer& layer, int64_t group, int64_t o, std::vector<int8_t>& row) {
  const Geometry& g = layer.g;
  weights_s8(g, layer.p.tensor(1), group, o, row.data());
  const Quant& x = layer.p.in(0).quant;
  const int32_t offset = layer.p.isa.activation_offset;
  int64_t sum = 0;
  for (int64_t t = 0; t < g.taps(); ++t)
    for (int64_t c = 0; c < g.in; ++c)
      sum += (x.zero_at(group * g.in + c) - offset) * row[static_cast<size_t>(t * g.in + c)];
  return sum;
}

// The bounds that activations, and the range of the output, set in units of the stored steps (or real ones for f32).
struct Bounds {
  float low, high;
};
Bounds bounds(const Layer& layer, bool act_is_clamp, bool to_u8, double step, int32_t zero) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  double low = -kInfinity, high = kInfinity;
  if (act_is_clamp && layer.act.kind == Act::kRelu) low = 0;
  if (act_is_clamp && layer.act.kind == Act::kClip) low = layer.act.a / step, high = layer.act.b / step;
  if (layer.relu_after) low = std::max(low, 0.0), high = std::max(high, 0.0);
  if (to_u8) {
    const double least = -zero, most = 255 - zero;
    low = std::clamp(low, least, most), high = std::clamp(high, least, most);
  }
  return {static_cast<float>(low), static_cast<float>(high)};
}

}  // namespace

std::shared_ptr<EpilogueArrays> make_epilogue(const Layer& layer) {
  const Geometry& g = layer.g;
  const Value& x = layer.p.in(0);
  const Value& y = layer.p.out();
  const bool to_u8 = y.dtype == DType::kU8, residual = layer.has_residual();
  const bool act_is_clamp =
      layer.act.kind == Act::kNone || (!residual && (layer.act.kind == Act::kRelu || layer.act.kind == Act::kClip));
  auto e = std::make_shared<EpilogueArrays>();
  // A depthwise kernel takes all groups' single channels as one run.
  e->stride = g.depthwise() ? 1 : padded(g.out);
  if (!act_is_clamp) e->act = layer.act;
  const size_t size = static_cast<size_t>(padded(g.groups * e->stride) + (g.depthwise() ? kernels::kBlock : 0));
  e->acc0.resize(size), e->multiplier.resize(size), e->low.resize(size), e->high.resize(size);
  if (to_u8) e->zero_point.resize(size);
  if (!act_is_clamp) e->out_multiplier.resize(size);
  if (residual) e->res_multiplier.resize(size), e->res_offset.resize(size);
  std::vector<int8_t> row(static_cast<size_t>(g.taps() * g.in));
  for (int64_t n = 0; n < g.out_channels(); ++n) {
    const size_t i = static_cast<size_t>(n / g.out * e->stride + n % g.out);
    const double weight_scale = layer.p.tensor(1).weight_scale[static_cast<size_t>(n)];
    const double unit = x.quant.per_channel() ? weight_scale : x.quant.scale_at(0) * weight_scale;
    const double step = to_u8 ? y.quant.scale_at(n) : 1.0;
    e->acc0[i] = kernels::fold_bias(layer.bias(n), unit, zero_dot(layer, n / g.out, n % g.out, row));
    e->multiplier[i] = static_cast<float>(act_is_clamp ? unit / step : unit);
    if (!act_is_clamp) e->out_multiplier[i] = static_cast<float>(1 / step);
    if (residual) {
      const Quant& r = layer.p.in(3).quant;
      e->res_multiplier[i] = static_cast<float>(r.scale_at(n) / step);
      e->res_offset[i] = -static_cast<float>(r.zero_at(n)) * e->res_multiplier[i];
    }
    const int32_t zero = to_u8 ? y.quant.zero_at(n) : 0;
    if (to_u8) e->zero_point[i] = zero;
    const Bounds b = bounds(layer, act_is_clamp, to_u8, step, zero);
    e->low[i] = b.low, e->high[i] = b.high;
  }
  return e;
}

std::vector<uint8_t> zero_pixels(const Value& x, int64_t pixels) {
  std::vector<uint8_t> row(static_cast<size_t>(pixels * x.pitch + kernels::kReadSlack));
  for (int64_t i = 0; i < pixels; ++i)
    for (int64_t c = 0; c < x.channels(); ++c)
      row[static_cast<size_t>(i * x.pitch + c)] = static_cast<uint8_t>(x.quant.zero_at(c));
  return row;
}

Result<void> prepare(const Layer& layer) {
  layer.p.step.macs = layer.g.macs();
  if (layer.p.int8()) {
    layer.g.depthwise() && layer.p.tensor(1).packing == schema::Packing::dense ? prepare_depthwise_int8(layer)
                                                                               : prepare_int8(layer);
    return {};
  }
#ifdef OCTET_HAVE_ONEDNN
  if (layer.p.options.use_onednn && prepare_onednn(layer)) return {};
#endif
  layer.g.depthwise() ? prepare_depthwise_f32(layer) : prepare_f32(layer);
  return {};
}

}  // namespace octet::conv
