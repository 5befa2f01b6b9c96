// What weight decay left of dead channels: numbers so small that products with them take the CPU's slow path.
// Before: weights {0.3, 1e-39}   After: {0.3, 0}   Unless: the whole tensor is small, or it is no weight.
#include <algorithm>
#include <cmath>

#include "converter/passes/passes.h"

namespace octet::convert {

int drop_traces(Graph& g) {
  constexpr float kTrace = 1e-20f, kShare = 1e-20f;  // of the largest: far below what a float sum can see
  int dropped = 0;
  for (const Node& n : g.nodes) {
    if (n.op.type != schema::Op::Conv2d && n.op.type != schema::Op::MatMul && n.op.type != schema::Op::Affine) continue;
    for (TensorId id : n.inputs) {
      if (id < 0 || !tensor(g, id).constant || tensor(g, id).dtype != DType::kF32) continue;
      const auto values = g.tensors[at(id)].values<float>();
      float largest = 0;
      for (float v : values) largest = std::max(largest, std::fabs(v));
      const auto is_trace = [limit = std::min(kTrace, largest * kShare)](float v) {
        return v != 0 && std::fabs(v) < limit;
      };
      dropped += static_cast<int>(std::count_if(values.begin(), values.end(), is_trace));
      std::replace_if(values.begin(), values.end(), is_trace, 0.0f);
    }
  }
  return dropped;
}

}  // namespace octet::convert
