// A whole model in int8 beside the float one.
#pragma once
#include "converter/analysis/fidelity.h"
#include "converter/analysis/points.h"
#include "converter/analysis/recording.h"
#include "converter/analysis/trial.h"

namespace octet::analysis {

// Gathers, over pictures, how near tensors and chosen outputs come.
class WholeSum {
 public:
  WholeSum(const Pair& pair, const Points& points, std::vector<int> tensors);  // tensors: of the float model
  std::vector<bool> wanted() const;                                            // by tensor of the int8 model
  void add(const Recording& wanted, const std::vector<Recorded>& wanted_outputs, const Recording& got,
           const std::vector<Recorded>& got_outputs);
  std::vector<Fidelity> result() const;  // by `tensors`
  std::vector<Agreement> agreement() const;

 private:
  const Pair& pair_;
  const Points& points_;
  std::vector<int> tensors_;
  std::vector<int> in_int8_;  // by `tensors`: of the int8 model; -1: it has none
  std::vector<ErrorSum> sums_;
  std::vector<size_t> equal_, count_;  // elements, by chosen output
};

}  // namespace octet::analysis
