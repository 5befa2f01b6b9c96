// A layer's float weights become int8, one scale for each output channel, with its input's scales folded in.
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
  bool on_grid = false;  // rows that were int8 before are taken as they were
};

enum class WeightMethod {
  kMax,  // the largest magnitude is 127
  kMse,  // clipped where that makes the squared error smaller
};

struct QuantisedWeights {
  std::vector<int8_t> values;  // never -128
  std::vector<float> scale;
};

// What int8 execution multiplies with: stored * scale / s, s: the input channel's scale if it has one for each, else 1.
QuantisedWeights quantise_weights(const LayerWeights& w, WeightMethod method);

// The mean output error of each channel that rounding the weights makes, from the input channels' means
// (M. Nagel et al., Data-Free Quantization, 2019, section 4.2): bias - error is the corrected bias.
std::vector<float> mean_error(const LayerWeights& w, const QuantisedWeights& q, std::span<const double> input_mean);

}  // namespace octet::convert
