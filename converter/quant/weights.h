// What is known of a layer's weights when they become int8, and what methods share: one scale for each output channel, with the
// input's scales folded in.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "converter/graph/graph.h"

namespace octet::convert {

// Weights [out][taps][in / groups] of a layer whose input channel c of group j is quantised as x[j * in + c].
struct LayerWeights {
  int64_t out = 0, taps = 1, in = 0, groups = 1;
  std::span<const float> values, bias;  // bias: empty or one for each output channel
  const Quant* x = nullptr;
  bool on_grid = false;            // rows that were int8 before are taken as they were
  std::span<const float> inputs;   // what the layer was given at some places, [places][taps][in * groups]; may be empty
  std::span<const double> places;  // how much each counts
};

struct QuantisedWeights {
  std::vector<int8_t> values;  // never -128
  std::vector<float> scale;
};

// Of a convolution or matmul whose constant float weights are `weights` and whose input is quantised as `x`, which it keeps.
LayerWeights weights_of(const Graph& g, const Node& n, TensorId weights, const Quant& x);

// The scale of an input channel where that is folded into the weights; 1 where the input has one scale.
float folded_scale(const LayerWeights& w, int64_t group, int64_t channel);

// From an output channel's weights, input scales folded in, the largest of which has the magnitude `largest` > 0, to the step
// between stored weights.
using RowStep = float (*)(std::span<const float> row, float largest);

// What int8 execution multiplies with: stored * scale / folded_scale. Each row has the step asked for, or a larger one where its
// bias would not fit the accumulator.
QuantisedWeights quantise_rows(const LayerWeights& w, RowStep step);

}  // namespace octet::convert
