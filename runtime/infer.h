// Shapes of all tensors for given input shapes, and the values of those that need no data: shape arithmetic.
#pragma once
#include <octet/octet.h>
#include <deque>
#include <span>
#include <vector>

#include "runtime/op.h"

namespace octet {

struct Inferred {
  std::vector<Value> values;                  // by tensor; `constant` set where the value is known
  std::deque<std::vector<std::byte>> memory;  // of the values that were computed here
};

// One node, with its inputs in `all`. Sizes may be -1 where `partial`; see Inference.
Result<void> infer(const ModelData& model, const NodeDef& node, const SessionOptions& options, bool partial,
                   Inferred& all);

Result<Inferred> infer(const ModelData& model, std::span<const Shape> input_shapes, const SessionOptions& options);

}  // namespace octet
