// What layers were given at some of the places where they compute an output, so that choices can be tried on them after the runs.
#pragma once
#include <optional>
#include <vector>

#include "converter/quant/plan.h"

namespace octet::convert {

// Rows of one reader's input.
struct Recorded {
  size_t node = 0;       // a layer; or the first of the other int8 nodes that read the tensor
  TensorId tensor = -1;  // what it reads
  bool layer = false;    // a row is [taps][channels] of one output's window, 0 outside the tensor; else [channels]
  int64_t taps = 1, channels = 0;
  std::vector<float> x;        // row after row
  std::vector<double> weight;  // of each row: the part of a sample's places that it stands for
  int64_t rows() const { return static_cast<int64_t>(weight.size()); }
};

// Listens to the float runs. Of each sample it keeps a few places by a fixed rule, and the one with the largest value of all: so
// rare that none of the few would show it, and what a range that clips has to be judged by.
class Recorder {
 public:
  Recorder(const Graph& g, const Plan& plan, size_t samples);
  void see(TensorId t, const Shape& shape, std::span<const float> values);
  std::vector<Recorded> finish() { return std::move(found_); }

 private:
  void take(Recorded& r, const Shape& shape, std::span<const float> values, int64_t place, double weight);

  const Graph& g_;
  size_t samples_;
  uint32_t random_ = 1;
  std::vector<Recorded> found_;
  std::vector<std::vector<size_t>> by_tensor_;  // places in found_
};

}  // namespace octet::convert
