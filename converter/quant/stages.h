// The steps of quantisation, one after the other on one state, so that others can be put between them or stop behind one: an
// analysis of sensitivity after `scales`, reconstruction in place of `weights`.
#pragma once
#include <span>
#include <string_view>

#include "converter/quant/observe.h"

namespace octet::convert {

// A layer whose weights are int8 now.
struct QuantisedLayer {
  size_t node;
  TensorId float_weights;  // as they were, until `emit`
};

// What the stages read and make. The caller fills the first part, and keeps what it points to.
struct QuantizeState {
  const SourceModel* source = nullptr;
  const Samples* samples = nullptr;
  QuantizeOptions options;  // checked
  Graph graph;              // a copy of the source's, which the stages from `scales` on change

  Plan plan;                           // plan: what is int8, what shares a scale
  Observations seen;                   // observe
  std::vector<std::string> warnings;   // observe, ranges
  std::vector<Range> ranges;           // ranges: by group of the plan
  std::string chosen;                  // ranges: how often which method was, where there was a choice
  std::vector<QuantisedLayer> layers;  // weights
  std::vector<std::byte> bytes;        // emit: the file
  std::vector<std::string_view> done;  // names of the stages that have been applied
};

struct Stage {
  std::string_view name;
  std::string_view needs;  // the stage whose result it reads; empty: none
  Result<void> (*apply)(QuantizeState&);
};

// plan, observe, ranges, scales, weights, bias, activations, emit. All but `bias` and `activations` are needed for a file.
std::span<const Stage> stages();

// Checks what the stages take for granted of options and samples.
Result<void> check(const QuantizeOptions& options, const Samples& samples);

// One stage by name; an error where it does not exist or what it needs has not been done.
Result<void> apply(QuantizeState& state, std::string_view stage);

}  // namespace octet::convert
