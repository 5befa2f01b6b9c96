// A channel's largest magnitude is k steps for some k.
#include "converter/quant/grid.h"

#include <algorithm>
#include <cmath>

namespace octet::convert {
namespace {

// Folding a batch norm rounds each weight a few times: 1e-4 of a step. Chance puts nine weights so near to a grid of 127 steps
// once in 10^24 filters, to one of 255 steps once in 10^23.
constexpr float kTolerance = 1e-3f;

// The largest distance to the grid; above the tolerance the first that is.
float distance(std::span<const float> channel, float step) {
  float worst = 0;
  for (float v : channel) {
    const float at = v / step;
    worst = std::max(worst, std::fabs(at - std::nearbyint(at)));
    if (!(worst <= kTolerance)) break;
  }
  return worst;
}

}  // namespace

std::optional<float> grid_step(std::span<const float> channel, int most) {
  float largest = 0;
  for (float v : channel) largest = std::max(largest, std::fabs(v));
  if (largest == 0) return 0.0f;
  for (int k = 1; k <= most; ++k)
    if (distance(channel, largest / static_cast<float>(k)) <= kTolerance) return largest / static_cast<float>(k);
  return std::nullopt;
}

std::optional<GridWeights> weights_on_grid(std::span<const float> weights, int64_t out) {
  GridWeights g;
  g.values.reserve(weights.size());
  const size_t each = out > 0 ? weights.size() / static_cast<size_t>(out) : 0;
  for (size_t c = 0; c < static_cast<size_t>(out); ++c) {
    const auto channel = weights.subspan(c * each, each);
    const auto found = grid_step(channel, 127);
    if (!found) return std::nullopt;
    const float step = *found;
    if (step > 0) g.largest_error = std::max(g.largest_error, distance(channel, step));
    g.step.push_back(step);
    for (float v : channel) g.values.push_back(step > 0 ? static_cast<int8_t>(std::nearbyint(v / step)) : int8_t{0});
  }
  return g;
}

}  // namespace octet::convert
