// Float weights that were int8 before: each output channel's values are whole multiples of a step.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace octet::convert {

// The coarsest step of which all of a channel's weights are whole multiples, none more than `most` steps from 0: 0 where all
// are 0. Nothing where there is no such step.
std::optional<float> grid_step(std::span<const float> channel, int most);

struct GridWeights {
  std::vector<int8_t> values;  // never -128
  std::vector<float> step;     // one for each output channel; 0 where all weights are 0
  float largest_error = 0;     // of values * step against the floats, in steps
};

// `weights`: [out][..]. Nothing where a channel's values lie on no grid of at most 127 steps to each side.
std::optional<GridWeights> weights_on_grid(std::span<const float> weights, int64_t out);

}  // namespace octet::convert
