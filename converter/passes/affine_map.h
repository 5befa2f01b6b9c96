// Chains of additions and multiplications by numbers, which several spellings contain.
#pragma once
#include "converter/passes/rewrite.h"

namespace octet::convert {

// y = scale * x + shift, with numbers that are the same for all elements.
struct AffineMap {
  TensorId x = -1;
  float scale = 1, shift = 0;
};

// The affine map that makes t, through as many nodes as there are.
AffineMap affine_of(Graph& g, const Uses& uses, TensorId t);

}  // namespace octet::convert
