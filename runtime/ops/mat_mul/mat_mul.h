// The product of two activations, apart from the one with weights.
#pragma once
#include <vector>

#include "kernels/kernels.h"
#include "runtime/ops/common.h"

namespace octet::mat_mul {

// A batch of matrices that is spread over the batches of the product.
struct Operand {
  int value;
  int64_t pitch, rows, columns;  // as stored
  bool transposed;
  int64_t batches;
  std::vector<int64_t> batch;  // by batch of the output: which of its own
};
inline size_t batch_bytes(const Shape& out) {  // of Operand::batch
  return static_cast<size_t>(std::max<int64_t>(out.elements() / (out[-1] * out[-2]), 1)) * sizeof(int64_t);
}
Operand operand(const Value& v, const Shape& out, bool transposed);

Result<void> prepare_f32(Prepare& p, bool transpose_a, bool transpose_b, const kernels::Activation& act);

// The right-hand side becomes s8, as weights are: its zero point is kProductZero, and what is stored as 0 counts as 1.
Result<void> prepare_int8(Prepare& p, bool transpose_a, bool transpose_b, const kernels::Activation& act);

}  // namespace octet::mat_mul
