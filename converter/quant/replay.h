// What int8 does to a layer's output, on the inputs that were recorded of it.
#pragma once
#include <algorithm>

#include "converter/quant/methods.h"
#include "converter/quant/record.h"

namespace octet::convert {

// What a layer's int8 form is made of.
struct LayerMethods {
  const WeightMethod* weights = nullptr;
  const BiasMethod* bias = nullptr;
};

class Replay {
 public:
  // Keeps `recorded`; `input_mean`: of each input channel, empty where it was not measured.
  Replay(const Graph& g, const Recorded& recorded, std::span<const double> input_mean);

  // Squared error of the output over its squared distance from its mean, both summed over places and channels; of a reader that is
  // no layer, of its input. `x`: the input's quantisation. `methods` see the inputs of the first `told` places, and the error is
  // that of the others; 0: they see none.
  double error(const Quant& x, const LayerMethods& methods, int64_t told = 0) const;

  // The part of the output's power by which it differs from place to place: near 0 where the inputs hardly matter.
  double variation() const { return power_ / std::max(power_ + mean_power_, 1e-30); }

 private:
  std::vector<float> outputs(std::span<const float> x, std::span<const float> w, std::span<const float> bias) const;

  const Graph& g_;
  const Recorded& recorded_;
  std::span<const double> input_mean_;
  std::vector<float> wanted_;  // [rows][outputs]
  double power_ = 0, mean_power_ = 0;
};

}  // namespace octet::convert
