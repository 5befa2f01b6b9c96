// How far int8 outputs are from float ones: the whole model, and with one layer at a time in int8.
#pragma once
#include <string>
#include <vector>

#include "converter/quant/collect.h"

namespace octet::convert {

struct Noise {
  std::string name;  // output or node
  double db = 0;     // 10 log10(signal / noise); infinite where nothing differs
};

// Of each float output, over the first `images` samples.
Result<std::vector<Noise>> output_noise(const Model& float_model, const Model& int8_model, const Samples& samples,
                                        size_t images, int threads);

// The worst output of the model on sample 0 with `layers[i]` alone in int8; the worst layers first, at most `keep`.
Result<std::vector<Noise>> layer_noise(const Model& int8_model, const std::vector<std::string>& layers,
                                       const Samples& samples, size_t keep, int threads, const Progress& progress = {});

}  // namespace octet::convert
