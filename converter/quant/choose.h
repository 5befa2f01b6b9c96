// Ranges, and who shares one, by the measured error at the layers that read a tensor.
#pragma once
#include "converter/quant/observe.h"
#include "converter/quant/replay.h"

namespace octet::convert {

// Measured tensors that share groups: one choice is made for them.
struct Block {
  std::vector<int> groups;
  std::vector<size_t> readers;  // places in Observations::recorded
  bool own_ranges = false;      // a depthwise convolution reads it: each channel has its own range at no cost
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

// Takes for each block the candidate of the smallest error: the sum, over readers, of each one's noise to signal ratio, with
// everything else as `ranges` (by group) has it, which it overwrites block by block.
void choose(const Graph& g, const Plan& plan, const Observations& seen, const ChooseOptions& options,
            std::vector<Range>& ranges);

}  // namespace octet::convert
