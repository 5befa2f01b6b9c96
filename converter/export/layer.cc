// Weights and bias: int8 and int32 behind DequantizeLinear where the layer runs in int8, else floats.
#include "converter/export/layer.h"

#include <cmath>
#include <limits>

namespace octet::convert {
namespace {

// Behind an input with a scale for each channel the int8 weights have absorbed that scale.
std::string float_weights(const ExportNode& n, const conv::Geometry& g, const WeightOrder& order) {
  const TensorDef& w = n.in(1);
  const octet::Quant& x = n.in(0).quant;
  const int64_t depth = g.taps() * g.in;
  std::vector<float> values(static_cast<size_t>(depth * g.out_channels()));
  std::vector<int8_t> row(static_cast<size_t>(depth));
  for (int64_t c = 0; c < g.out_channels(); ++c) {
    if (w.dtype == DType::kS8) conv::weights_s8(g, w, c / g.out, c % g.out, row.data());
    for (int64_t k = 0; k < depth; ++k) {
      float& v = values[static_cast<size_t>(order.place(c, k))];
      if (w.dtype == DType::kF32)
        v = w.values<float>()[static_cast<size_t>(c * depth + k)];
      else
        v = static_cast<float>(row[static_cast<size_t>(k)]) * w.weight_scale[static_cast<size_t>(c)];
      if (w.dtype == DType::kS8 && x.per_channel()) v /= x.scale_at(c / g.out * g.in + k % g.in);
    }
  }
  return n.e.out.floats(std::string(w.name), order.shape, values);
}

// Zero points of 0 may be left out, but not all readers think so.
template <class T>
std::string dequantised(const ExportNode& n, const std::string& name, const Shape& shape, const std::vector<T>& values,
                        const std::vector<float>& scale, int64_t axis) {
  constexpr DType dtype = std::is_same_v<T, int8_t> ? DType::kS8 : DType::kS32;
  const std::vector<T> zero(scale.size(), 0);
  const Shape channels = {static_cast<int64_t>(scale.size())};
  OnnxWriter& out = n.e.out;
  const std::string stored = out.constant(name + "_stored", dtype, shape, std::as_bytes(std::span(values)));
  const std::string s = out.floats(name + "_scale", channels, scale);
  const std::string z = out.constant(name + "_zero_point", dtype, channels, std::as_bytes(std::span(zero)));
  return out.node("DequantizeLinear", {stored, s, z}, {{"axis", axis}}, name + "_dequantised");
}

std::string int8_weights(const ExportNode& n, const conv::Geometry& g, const WeightOrder& order,
                         const std::vector<float>& scale) {
  const TensorDef& w = n.in(1);
  const int64_t depth = g.taps() * g.in;
  std::vector<int8_t> values(static_cast<size_t>(depth * g.out_channels())), row(static_cast<size_t>(depth));
  for (int64_t c = 0; c < g.out_channels(); ++c) {
    conv::weights_s8(g, w, c / g.out, c % g.out, row.data());
    for (int64_t k = 0; k < depth; ++k) values[static_cast<size_t>(order.place(c, k))] = row[static_cast<size_t>(k)];
  }
  return dequantised(n, std::string(w.name), order.shape, values, scale, order.channel_axis);
}

// In units of the accumulator, as the runtime adds it; floats where a channel's unit is too small for that.
std::string int8_bias(const ExportNode& n, const std::vector<float>& bias, const std::vector<float>& unit) {
  const std::string name(n.in(2).name);
  const int64_t count = static_cast<int64_t>(bias.size());
  std::vector<int32_t> values;
  for (size_t c = 0; c < bias.size(); ++c) {
    const double v = std::nearbyint(static_cast<double>(bias[c]) / unit[c]);
    if (!(std::abs(v) <= std::numeric_limits<int32_t>::max()) || unit[c] < std::numeric_limits<float>::min())
      return n.e.out.floats(name, {count}, bias);
    values.push_back(static_cast<int32_t>(v));
  }
  return dequantised(n, name, {count}, values, unit, 0);
}

}  // namespace

LayerConstants layer_constants(const ExportNode& n, const conv::Geometry& g, const WeightOrder& order, bool linear) {
  std::vector<float> bias;
  if (n.has(2)) bias.assign(n.in(2).values<float>().begin(), n.in(2).values<float>().end());
  if (!n.int8())
    return {.x = n.operand(0),
            .weights = float_weights(n, g, order),
            .bias = bias.empty() ? "" : n.e.out.floats(std::string(n.in(2).name), {g.out_channels()}, bias)};
  const octet::Quant &x = n.in(0).quant, &y = n.result_def().quant;
  LayerConstants made{.in_steps = linear && n.to_u8() && y.per_channel()};
  std::vector<float> scale(n.in(1).weight_scale.begin(), n.in(1).weight_scale.end()), unit = scale;
  for (size_t c = 0; c < scale.size(); ++c) {
    const float step = made.in_steps ? y.scale_at(static_cast<int64_t>(c)) : 1.0f;
    scale[c] /= step;
    unit[c] = x.per_channel() ? scale[c] : x.scale[0] * scale[c];
    if (!bias.empty()) bias[c] /= step;
  }
  made.x = x.per_channel() ? n.steps(0) : n.operand(0);
  made.weights = int8_weights(n, g, order, scale);
  if (!bias.empty()) made.bias = int8_bias(n, bias, unit);
  return made;
}

bool clips_nothing(const ExportNode& n, const schema::Activation& act) {
  if (!n.to_u8()) return false;
  const octet::Quant& y = n.result_def().quant;
  for (size_t c = 0; c < y.scale.size(); ++c) {
    const float low = -static_cast<float>(y.zero_point[c]), high = 255 + low;
    if (act.a() / y.scale[c] > low + 0.5f || act.b() / y.scale[c] < high - 0.5f) return false;
  }
  return true;
}

}  // namespace octet::convert
