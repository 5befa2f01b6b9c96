// The product of two float activations, apart from the one with weights.
#pragma once
#include "kernels/kernels.h"
#include "runtime/op.h"

namespace octet::mat_mul {

void prepare_f32(Prepare& p, bool transpose_a, bool transpose_b, const kernels::Activation& act);

}  // namespace octet::mat_mul
