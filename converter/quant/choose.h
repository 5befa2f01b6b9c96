// Ranges, and who shares one, by the measured error at the layers that read a tensor.
#pragma once
#include "converter/quant/observe.h"
#include "converter/quant/replay.h"
#include "runtime/core/threads.h"

namespace octet::convert {

// Measured tensors that share groups: one choice is made for them.
struct Block {
  std::vector<int> groups;
  std::vector<size_t> readers;  // places in Observations::recorded
  bool own_ranges = false;      // a depthwise convolution reads it: each channel has its own range at no cost
  bool integers = false;        // with one scale, activations of layers that write it can be in 16-bit integers
  std::vector<TensorId> tensors;
};

// How the ranges of a block's channels follow from what was seen.
enum class Spread {
  kOne,  // one for all channels
  kHalfway,  // each channel's own, widened to the geometric mean of its width and that of all channels: the weights that it is
             // folded into lose half as many digits
  kOwn,  // each channel's own
};

struct Candidate {
  const RangeMethod* method = nullptr;
  double keep = 1;
  Spread spread = Spread::kOwn;
};

struct ChooseOptions {
  std::vector<Candidate> candidates;
  LayerMethods methods;  // that weights and biases will have
  bool symmetric = false;
};

// Blocks but for those with an input of the model.
std::vector<Block> blocks_of(const Graph& g, const Plan& plan, const std::vector<Recorded>& recorded);

// The ranges that a candidate gives the block's groups, in their order.
std::vector<Range> ranges_of(const Block& block, const std::vector<Statistics>& groups, const Candidate& candidate);

class Chooser {
 public:
  // Keeps what it is given.
  Chooser(const Graph& g, const Plan& plan, const Observations& seen, ChooseOptions options);

  // Takes for each block the candidate of the smallest error: the sum, over readers, of each one's noise to signal ratio, with
  // everything else as `ranges` (by group) has it, which it overwrites block by block. Gives the place of each block's candidate.
  std::vector<size_t> choose(std::vector<Range>& ranges, Threads& threads) const;

  // A line that names tensors for which `ranges` are far worse than what a plain method reaches; empty: none.
  std::string far_from_best(std::vector<Range> ranges) const;

  // Whether some layer that reads an input of the model gives nearly the same everywhere.
  bool hardly_varies() const;

 private:
  size_t choose(const Block& block, std::vector<Range>& ranges, Threads& threads) const;
  double error_of(const Block& block, const std::vector<Range>& ranges) const;
  std::vector<Range> ranges_of(const Block& block, const Candidate& c) const;

  const Graph& g_;
  const Plan& plan_;
  const Observations& seen_;
  ChooseOptions options_;
  std::vector<Block> blocks_;
  std::vector<Replay> replays_;  // as Observations::recorded
};

// Of all rows, how the layer's weights are best rounded: told one half of what was recorded, by the error on the other.
const WeightMethod* best_weights(const Graph& g, const Recorded& layer, std::span<const double> input_mean,
                                 const Quant& x, const BiasMethod& bias);

}  // namespace octet::convert
