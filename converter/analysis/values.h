// What the numbers of activations and weights look like beside what their int8 forms can hold.
#pragma once
#include <span>

#include "converter/quant/histogram.h"
#include "octet/analyze.h"
#include "runtime/core/model.h"

namespace octet::analysis {

// Gathers an activation over pictures. Channels are the last dim; where `quant` has one entry, channels share its interval.
class ValueSum {
 public:
  ValueSum(std::string name, const Quant& quant) : quant_(quant) { values_.name = std::move(name); }
  void add(std::span<const float> values, size_t channels);
  TensorValues result() const;

 private:
  Quant quant_;
  TensorValues values_;
  convert::Histogram histogram_;
  size_t outside_ = 0, count_ = 0;
};

// Float weights [out][...] beside their stored steps, one for each `out`. `folded`: the steps hold the input's scales as well, so
// that intervals of the float weights do not follow from them: these are those of the weights themselves.
TensorValues weight_values(const TensorDef& weights, std::span<const float> step, bool folded);

}  // namespace octet::analysis
