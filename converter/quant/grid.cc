// A channel's largest magnitude is k steps for some k; training scales to the largest magnitude, so that k is 127 almost always.
#include "converter/quant/grid.h"

#include <algorithm>
#include <cmath>

namespace octet::convert {
namespace {

// Folding a batch norm rounds each weight a few times: 1e-4 of a step. Chance puts nine weights so near to a grid of 127 steps
// once in 10^24 filters.
constexpr float kTolerance = 1e-3f;

// The largest distance to the grid; nothing where one is above the tolerance.
std::optional<float> distance(std::span<const float> channel, float step) {
  float worst = 0;
  for (float v : channel) {
    const float at = v / step;
    worst = std::max(worst, std::fabs(at - std::nearbyint(at)));
    if (!(worst <= kTolerance)) return std::nullopt;
  }
  return worst;
}

}  // namespace

std::optional<GridWeights> weights_on_grid(std::span<const float> weights, int64_t out) {
  GridWeights g;
  g.values.reserve(weights.size());
  const size_t each = out > 0 ? weights.size() / static_cast<size_t>(out) : 0;
  for (size_t c = 0; c < static_cast<size_t>(out); ++c) {
    const auto channel = weights.subspan(c * each, each);
    float largest = 0;
    for (float v : channel) largest = std::max(largest, std::fabs(v));
    float step = 0;
    for (int k = 127; largest > 0 && step == 0; --k) {
      if (k == 0) return std::nullopt;
      if (const auto worst = distance(channel, largest / static_cast<float>(k))) {
        step = largest / static_cast<float>(k);
        g.largest_error = std::max(g.largest_error, *worst);
      }
    }
    g.step.push_back(step);
    for (float v : channel) g.values.push_back(step > 0 ? static_cast<int8_t>(std::nearbyint(v / step)) : int8_t{0});
  }
  return g;
}

}  // namespace octet::convert
