// Values that depend on no input, computed by the runtime itself, so that an op has one meaning.
#pragma once
#include "converter/graph/graph.h"

namespace octet::convert {

// What `nodes`, which are sorted and read constants or each other's results, make of `wanted`, tensors of theirs: each becomes a
// constant of `g`. The nodes stay with the caller, who takes them out. `source` stands in errors.
Result<void> evaluate(Graph& g, std::span<const Node> nodes, std::span<const TensorId> wanted);

}  // namespace octet::convert
