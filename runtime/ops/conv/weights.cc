// A layer's constants as the file has them: their checks at load time, and weights row by row.
#include <algorithm>
#include <array>
#include <bit>
#include <cmath>

#include "runtime/ops/conv/conv2d.h"

namespace octet::conv {
namespace {

// The loops over all weights have no exit and work on 64 bytes at a time: vector code reads at the speed of memory.
constexpr size_t kUnit = 64;

bool has_minus_128(std::span<const int8_t> w) {
  uint8_t found = 0;
  size_t i = 0;
  for (; i + kUnit <= w.size(); i += kUnit)
    for (size_t k = 0; k < kUnit; ++k) found |= w[i + k] == -128;
  for (; i < w.size(); ++i) found |= w[i] == -128;
  return found;
}

bool all_finite(std::span<const float> w) {
  constexpr uint32_t kExponent = 0x7f800000;
  constexpr size_t kFloats = kUnit / sizeof(float);
  const auto is_bad = [](float v) {
    return static_cast<uint32_t>((std::bit_cast<uint32_t>(v) & kExponent) == kExponent);
  };
  uint32_t found = 0;
  size_t i = 0;
  for (; i + kFloats <= w.size(); i += kFloats)
    for (size_t k = 0; k < kFloats; ++k) found |= is_bad(w[i + k]);
  for (; i < w.size(); ++i) found |= is_bad(w[i]);
  return !found;
}

// Only the last block of outputs and the last quad of inputs have any: a mask says where.
bool padding_is_zero(const schema::PackedShape& s, const int8_t* packed) {
  const auto mask = [&](bool last_block, bool last_quad) {
    std::array<int8_t, kUnit> m;
    for (int64_t i = 0; i < static_cast<int64_t>(kUnit); ++i) {
      const bool out = last_block && i / kernels::kGroup >= (s.out - 1) % kernels::kBlock + 1;
      const bool in = last_quad && i % kernels::kGroup >= (s.in - 1) % kernels::kGroup + 1;
      m[static_cast<size_t>(i)] = out || in ? -1 : 0;
    }
    return m;
  };
  const auto inside = mask(false, true), below = mask(true, false), corner = mask(true, true);
  const bool pads_in = s.in % kernels::kGroup, pads_out = s.out % kernels::kBlock;
  uint8_t found = 0;
  const auto check = [&](const int8_t* unit, const std::array<int8_t, kUnit>& m) {
    for (size_t k = 0; k < kUnit; ++k) found |= static_cast<uint8_t>(unit[k] & m[k]);
  };
  for (int64_t block = 0; block < s.groups * s.blocks(); ++block) {
    const bool last = pads_out && block % s.blocks() == s.blocks() - 1;
    if (!last && !pads_in) continue;
    for (int64_t tap = 0; tap < s.taps; ++tap) {
      const int8_t* end = packed + (block * s.taps + tap + 1) * s.quads() * int64_t{kUnit};
      if (last)
        for (int64_t quad = 1; quad < s.quads(); ++quad) check(end - (quad + 1) * int64_t{kUnit}, below);
      check(end - kUnit, last ? corner : inside);
    }
  }
  return !found;
}

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
  if (has_minus_128(weight.values<int8_t>())) return "an int8 weight of -128";
  if (packed && !padding_is_zero(packed_shape(g), weight.values<int8_t>().data()))
    return "padding of packed weights that is not zero";
  return {};
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
  return all_finite(weight.values<float>()) ? "" : "a weight that is not finite";
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

}  // namespace octet::conv
