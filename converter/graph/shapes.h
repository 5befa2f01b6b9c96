// The types of tensors while sizes may still be unknown (-1): the runtime's own shape rules, asked node by node, so that a
// model keeps the dynamic dims of its source.
#pragma once
#include "converter/graph/edit.h"

namespace octet::convert {

// Larger sizes are refused, so that sums and products of two of them cannot overflow.
inline constexpr int64_t kMaxDim = int64_t{1} << 31;

// Sets dtype, shape and known values of the node's outputs, whose ids it holds. The error's text lacks file and node.
Result<void> infer(Graph& g, const Node& node);
// The same for all nodes; the error names them.
Result<void> infer_all(Graph& g);

// The elements of a vector of integers as far as they follow from shapes; kUnknown where they do not.
std::optional<std::vector<int64_t>> known_values(const Graph& g, TensorId id);

}  // namespace octet::convert
