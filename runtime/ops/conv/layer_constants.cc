// What a layer's steps share beside the weights as they are mapped: weights in other orders, the epilogue's arrays, biases.
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "kernels/quant.h"
#include "runtime/ops/conv/act16.h"
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

}  // namespace

ConstantKey weights_key(const Layer& layer, std::string_view packing) {
  const TensorDef& weight = layer.p.tensor(1);
  // Float ones made of int8 ones depend on the input's scales, see weights_f32; the others on the tensor alone.
  const bool of_node = weight.dtype == DType::kS8 && layer.p.tensor(0).quant.per_channel();
  return {.of = of_node ? static_cast<const void*>(layer.p.node) : &weight, .packing = packing, .form = layer.g.groups};
}

ConstantKey packing_key(const Layer& layer, const Packing& packing) {
  ConstantKey key = weights_key(layer, packing.name);
  if (packing.by_isa) key.kernels = layer.p.isa.name;
  return key;
}

Weights packed_weights(const Layer& layer, const Packing& packing) {
  return layer.p.model.constants.bytes(packing_key(layer, packing), packing.bytes(layer),
                                       [&](std::byte* to) { packing.pack(layer, to); });
}

std::shared_ptr<const std::vector<float>> padded_bias(const Prepare& p, int64_t groups, int64_t out) {
  const int64_t padded = round_up(out, kernels::kBlock);
  const auto size = static_cast<size_t>(groups * padded);
  auto bias = std::make_shared<std::vector<float>>();
  if (!p.has_in(2)) {
    bias->resize(size);
    return bias;
  }
  return p.model.constants.get<std::vector<float>>(
      {.of = &p.tensor(2), .packing = "bias", .form = groups}, size * sizeof(float), [&] {
        bias->resize(size);
        const auto values = p.tensor(2).values<float>();
        for (int64_t n = 0; n < groups * out; ++n)
          (*bias)[static_cast<size_t>(n / out * padded + n % out)] = values[static_cast<size_t>(n)];
        return bias;
      });
}

kernels::Epilogue EpilogueArrays::at(int64_t group, int64_t channel) const {
  const size_t i = static_cast<size_t>(group * stride + channel);
  const auto from = [i](const auto& v) { return v.empty() ? nullptr : v.data() + i; };
  return {.acc0 = from(acc0),
          .multiplier = from(multiplier),
          .act = act,
          .act16 = act16 ? &*act16 : nullptr,
          .out_multiplier = from(out_multiplier),
          .res_multiplier = from(res_multiplier),
          .res_offset = from(res_offset),
          .low = from(low),
          .high = from(high),
          .zero_point = from(zero_point)};
}

namespace {

// The zero points of a group's input channels less `offset`, for 64 weights of a block in the file's order: by quad.
std::vector<std::array<int16_t, 64>> zeros_by_quad(const Geometry& g, const Quant& x, int64_t group, int offset) {
  const schema::PackedShape s = packed_shape(g);
  std::vector<std::array<int16_t, 64>> zeros(static_cast<size_t>(s.quads()));
  for (int64_t quad = 0; quad < s.quads(); ++quad)
    for (int64_t i = 0; i < 64; ++i) {
      const int64_t c = std::min(quad * kernels::kGroup + i % kernels::kGroup, g.in - 1);
      zeros[static_cast<size_t>(quad)][static_cast<size_t>(i)] =
          static_cast<int16_t>(x.zero_at(group * g.in + c) - offset);
    }
  return zeros;
}

// By output channel, the sum over k of (zero point of x at k - offset) * w[k], |sum| < 2^30: see kMaxDepth. Of offset 0 that is
// what the bias is folded with, whatever the kernel, so that the clamp there gives the same on every instruction set.
std::vector<int32_t> zero_dots(const Layer& layer, int offset) {
  const Geometry& g = layer.g;
  const TensorDef& weight = layer.p.tensor(1);
  const Quant& x = layer.p.in(0).quant;
  const int8_t* w = weight.values<int8_t>().data();
  std::vector<int32_t> dots(static_cast<size_t>(g.out_channels()));
  if (weight.packing == schema::Packing::dense) {  // depthwise
    for (int64_t n = 0; n < g.out_channels(); ++n)
      for (int64_t t = 0; t < g.taps(); ++t) dots[static_cast<size_t>(n)] += (x.zero_at(n) - offset) * *w++;
    return dots;
  }
  const schema::PackedShape s = packed_shape(g);
  std::vector<std::array<int16_t, 64>> zeros;
  for (int64_t block = 0; block < g.groups * s.blocks(); ++block) {
    const int64_t group = block / s.blocks(), first = block % s.blocks() * kernels::kBlock;
    if (first == 0) zeros = zeros_by_quad(g, x, group, offset);
    std::array<int32_t, 64> sums{};
    for (int64_t t = 0; t < s.taps; ++t)
      for (const auto& zero : zeros) {
        for (size_t i = 0; i < 64; ++i) sums[i] += zero[i] * w[i];
        w += 64;
      }
    for (int64_t o = first; o < std::min<int64_t>(first + kernels::kBlock, g.out); ++o)
      for (int64_t c = 0; c < kernels::kGroup; ++c)
        dots[static_cast<size_t>(group * g.out + o)] += sums[static_cast<size_t>((o - first) * kernels::kGroup + c)];
  }
  return dots;
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

std::shared_ptr<const EpilogueArrays> make_epilogue(const Layer& layer, int activation_offset) {
  const Geometry& g = layer.g;
  const Value& x = layer.p.in(0);
  const Value& y = layer.p.out();
  const bool to_u8 = y.dtype == DType::kU8, residual = layer.has_residual();
  const bool act_is_clamp =
      layer.act.kind == Act::kNone || (!residual && (layer.act.kind == Act::kRelu || layer.act.kind == Act::kClip));
  auto e = std::make_shared<EpilogueArrays>();
  // A depthwise kernel takes all groups' single channels as one run.
  e->stride = g.depthwise() ? 1 : round_up(g.out, kernels::kBlock);
  if (!act_is_clamp) e->act = layer.act;
  double argument = 1;
  if (to_u8 && layer.p.node->act16) {  // the loader has checked it
    e->act16 = *make_act16(layer);
    argument = argument_unit(*layer.p.node->act16, y.quant);
  }
  const size_t size =
      static_cast<size_t>(round_up(g.groups * e->stride, kernels::kBlock) + (g.depthwise() ? kernels::kBlock : 0));
  e->acc0.resize(size), e->multiplier.resize(size), e->low.resize(size), e->high.resize(size);
  if (to_u8) e->zero_point.resize(size);
  if (!act_is_clamp) e->out_multiplier.resize(size);
  if (residual) e->res_multiplier.resize(size), e->res_offset.resize(size);
  const std::vector<int32_t> dots = zero_dots(layer, 0);
  const std::vector<int32_t> moved = activation_offset ? zero_dots(layer, activation_offset) : dots;
  for (int64_t n = 0; n < g.out_channels(); ++n) {
    const size_t i = static_cast<size_t>(n / g.out * e->stride + n % g.out);
    const double weight_scale = layer.p.tensor(1).weight_scale[static_cast<size_t>(n)];
    const double unit = x.quant.per_channel() ? weight_scale : x.quant.scale_at(0) * weight_scale;
    const double step = to_u8 ? y.quant.scale_at(n) : 1.0;
    const auto at = static_cast<size_t>(n);
    e->acc0[i] = kernels::fold_bias(layer.bias(n), unit, dots[at]) + (dots[at] - moved[at]);
    e->multiplier[i] = static_cast<float>(e->act16 ? unit / argument : act_is_clamp ? unit / step : unit);
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

}  // namespace

std::shared_ptr<const EpilogueArrays> epilogue(const Layer& layer, int activation_offset) {
  const int to_u8 = layer.p.out().dtype == DType::kU8;
  return layer.p.model.constants.get<EpilogueArrays>(
      {.of = layer.p.node, .packing = "epilogue", .form = activation_offset * 2 + to_u8},
      epilogue_bytes(layer.g.groups * round_up(layer.g.out, kernels::kBlock)),
      [&] { return make_epilogue(layer, activation_offset); });
}

std::vector<uint8_t> zero_pixels(const Value& x, int64_t pixels) {
  std::vector<uint8_t> row(static_cast<size_t>(pixels * x.pitch + kernels::kReadSlack));
  for (int64_t i = 0; i < pixels; ++i)
    for (int64_t c = 0; c < x.channels(); ++c)
      row[static_cast<size_t>(i * x.pitch + c)] = static_cast<uint8_t>(x.quant.zero_at(c));
  return row;
}

}  // namespace octet::conv
