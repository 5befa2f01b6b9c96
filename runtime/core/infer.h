// Shapes of all tensors for given input shapes, and the values of those that need no data: shape arithmetic.
#pragma once
#include <octet/octet.h>
#include <deque>
#include <span>
#include <vector>

#include "runtime/core/op.h"

namespace octet {

struct Inferred {
  std::vector<Value> values;                  // by tensor; `constant` set where the value is known
  std::deque<std::vector<std::byte>> memory;  // of the values that were computed here
  size_t bytes = 0;                           // of memory
  std::vector<int> nodes;                     // whose shapes are known now
  std::vector<int> rest;                      // the others: they wait for what running these nodes finds,
  std::vector<int> sized, wanted;             // the shapes of these tensors and the values of those
};

// One node, with its inputs in `all`. Sizes may be -1 where `partial`; see Inference.
// *wanted: where that fails for want of a tensor's value that data decide, the tensor.
Result<void> infer(const ModelData& model, const NodeDef& node, const SessionOptions& options, bool partial,
                   Inferred& all, int* wanted = nullptr);

// Before anything has run: the shapes that follow from the inputs'.
Result<Inferred> infer(const ModelData& model, std::span<const Shape> input_shapes, const SessionOptions& options);

// What `before` left, once its nodes have run. `found`: for each of before.sized its sizes, for each of before.wanted its
// bytes; `before` must outlive the result.
Result<Inferred> infer_rest(const ModelData& model, const Inferred& before, std::span<const int64_t> found,
                            const SessionOptions& options);

// How many numbers a tensor's bytes make in `found`.
inline size_t words_of(const Value& v) {
  return (static_cast<size_t>(v.shape.elements()) * size_of(v.dtype) + sizeof(int64_t) - 1) / sizeof(int64_t);
}

}  // namespace octet
