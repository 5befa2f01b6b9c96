// Symmetric int8 weights.
#include "converter/quant/weights.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "converter/graph/edit.h"
#include "converter/quant/grid.h"
#include "kernels/quant.h"

namespace octet::convert {
namespace {

bool folds(const LayerWeights& w) { return w.x->scale.size() > 1; }

// The bias is added in units of the accumulator, which has to hold it: at most 2^29 of them.
float least_scale(const LayerWeights& w, int64_t n) {
  constexpr float kMostUnits = 536870912;
  const float unit = w.bias.empty() ? 0 : std::abs(w.bias[static_cast<size_t>(n)]) / kMostUnits;
  return std::max(folds(w) ? unit : unit / w.x->scale[0], std::numeric_limits<float>::min() * 1024);
}

// A depthwise kernel reads neighbouring pixels, which are alike, and nothing evens its errors out: elements next to a half
// are rounded the other way until the errors add up to at most half a step (as C. Guo et al. do in SQuant, 2022). What is
// clipped has no error that others could make up for.
void balance(std::span<const float> kernel, float inverse, std::span<int8_t> q) {
  auto error = [&](size_t i) { return static_cast<float>(q[i]) - std::clamp(kernel[i] * inverse, -127.0f, 127.0f); };
  float sum = 0;
  for (size_t i = 0; i < kernel.size(); ++i) sum += error(i);
  while (std::abs(sum) > 0.5f) {
    const float sign = sum > 0 ? 1.0f : -1.0f;
    size_t furthest = 0;
    for (size_t i = 1; i < kernel.size(); ++i)
      if (sign * error(i) > sign * error(furthest)) furthest = i;
    q[furthest] = static_cast<int8_t>(q[furthest] - static_cast<int>(sign));
    sum -= sign;
  }
}

}  // namespace

LayerWeights weights_of(const Graph& g, const Node& n, TensorId weights, const Quant& x) {
  const Tensor& w = tensor(g, weights);
  const int64_t groups = n.op.AsConv2d() ? n.op.AsConv2d()->groups : 1;
  LayerWeights layer{.out = w.shape[0], .in = w.shape[-1], .groups = groups, .values = w.values<float>()};
  if (w.shape.rank() == 4) layer.taps = w.shape[1] * w.shape[2];
  if (n.inputs.size() > 2 && n.inputs[2] >= 0) layer.bias = tensor(g, n.inputs[2]).values<float>();
  layer.x = &x;
  layer.on_grid = g.quantised;
  return layer;
}

float folded_scale(const LayerWeights& w, int64_t group, int64_t channel) {
  return folds(w) ? w.x->scale[static_cast<size_t>(group * w.in + channel)] : 1.0f;
}

QuantisedWeights quantise_rows(const LayerWeights& w, RowStep step_of) {
  QuantisedWeights q;
  q.values.reserve(w.values.size());
  const int64_t depth = w.taps * w.in;
  std::vector<float> row(static_cast<size_t>(depth));
  for (int64_t n = 0; n < w.out; ++n) {
    float largest = 0;
    for (int64_t k = 0; k < depth; ++k) {
      float& v = row[static_cast<size_t>(k)];
      v = w.values[static_cast<size_t>(n * depth + k)] * folded_scale(w, n / (w.out / w.groups), k % w.in);
      largest = std::max(largest, std::abs(v));
    }
    const auto step = w.on_grid ? grid_step(row, 127) : std::nullopt;
    const float wanted = step ? *step : largest > 0 ? step_of(row, largest) : 0;
    const float scale = std::max(wanted, least_scale(w, n));
    for (float v : row) q.values.push_back(kernels::quantize_s8(v, 1 / scale));
    if (!step && w.groups > 1 && w.in == 1) balance(row, 1 / scale, std::span(q.values).last(row.size()));
    q.scale.push_back(scale);
  }
  return q;
}

}  // namespace octet::convert
