// Which tensors int8 execution stores as u8, and which of their channels share a scale. Depends on the graph alone, so
// that calibration measures only what is needed.
#pragma once
#include <string>
#include <vector>

#include "converter/graph/graph.h"
#include "octet/quantize.h"

namespace octet::convert {

enum class Granularity {  // QuantizeOptions::per_channel
  kTensor,                // one scale a tensor, but for concatenations: one for each of their parts
  kDepthwise,             // one a channel where a depthwise convolution reads
  kFree,                  // one a channel where any op but a dense layer reads
  kAll,                   // one a channel everywhere
};

// The names that stand for them.
struct GranularityName {
  std::string_view name, description;
  Granularity value;
  std::string_view aliases = {};
};
std::span<const GranularityName> granularities();

struct PlanOptions {
  Granularity granularity = Granularity::kDepthwise;
  std::vector<std::string> exclude;  // names of nodes that stay float
  bool float_first = false;          // layers that read the graph's input
  bool float_last = false;           // layers behind which no other layer comes
};

struct Plan {
  std::vector<bool> int8;               // by node
  std::vector<std::string> reason;      // by node: why a layer is not among them
  std::vector<std::vector<int>> group;  // by tensor: the group of each channel; empty: stays float
  std::vector<bool> measured;           // by tensor: its values define its groups' ranges
  std::vector<bool> symmetric;          // by group
  int groups = 0;

  bool quantised(TensorId t) const { return !group[static_cast<size_t>(t)].empty(); }
};

// An error names an excluded node that does not exist.
Result<Plan> make_plan(const Graph& g, const PlanOptions& options);

// Takes tensors out that the plan measures but of which nothing was seen, those whose scale would follow from theirs alone, and
// the nodes that need them. Gives a line for each of the first.
std::vector<std::string> drop_unseen(const Graph& g, const std::vector<bool>& seen, Plan& plan);

// A planned tensor's quantisation: one scale where its channels' are all the same. `ranges` by group.
Quant quant_of(const Plan& plan, TensorId t, const std::vector<Range>& ranges);
// Of each planned tensor.
void set_quants(Graph& g, const Plan& plan, const std::vector<Range>& ranges);

}  // namespace octet::convert
