// The largest weight of an output channel is 127 steps.
#include "converter/quant/methods.h"

namespace octet::convert {
namespace {

float step_to_largest(std::span<const float>, float largest) { return largest / 127; }

}  // namespace

extern constinit const WeightMethod kWeightMax{"max", "the largest is 127",
                                               [](const LayerWeights& w) { return quantise_rows(w, step_to_largest); },
                                               "abs_max channel_wise_abs_max"};

}  // namespace octet::convert
