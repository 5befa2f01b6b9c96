// Static shapes: what an op makes of its operands' shapes, where sizes may still be unknown (-1). Apart from the runtime's
// own rules, which need every size, so that a model keeps the dynamic dims of its source.
#pragma once
#include "converter/graph_tools.h"

namespace octet::convert {

// Larger sizes are refused, so that sums and products of two of them cannot overflow.
inline constexpr int64_t kMaxDim = int64_t{1} << 31;

struct TensorType {
  DType dtype;
  Shape shape;
};

// The type of the node's output. The error's text lacks file and node.
Result<TensorType> infer(const Graph& g, const Node& node);
// Sets the types of all tensors that nodes make.
Result<void> infer_all(Graph& g);

// The elements of a short vector of integers as far as they follow from shapes; -1: unknown.
std::optional<std::vector<int64_t>> known_values(const Graph& g, TensorId id);

// The first element, one past the last, and the number of elements that a slice takes from a dim of known size.
struct SliceRange {
  int64_t start, end, count;
};
SliceRange clamp_slice(int64_t start, int64_t end, int64_t step, int64_t size);

}  // namespace octet::convert
