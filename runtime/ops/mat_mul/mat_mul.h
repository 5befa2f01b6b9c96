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
Operand operand(const Value& v, const Shape& out, bool transposed);

void prepare_f32(Prepare& p, bool transpose_a, bool transpose_b, const kernels::Activation& act);

// The right-hand side becomes s8, as weights are: its zero point is kProductZero, and what is stored as 0 counts as 1.
Result<void> prepare_int8(Prepare& p, bool transpose_a, bool transpose_b, const kernels::Activation& act);

}  // namespace octet::mat_mul
