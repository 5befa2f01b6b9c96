// Weights of more than 127 steps, as u8 weights with a zero point are, as sums of int8 weights.
#pragma once
#include "converter/graph/graph.h"

namespace octet::convert {

// Before: y = Conv(x, w), w of up to 255 steps         After: y = Conv(Concat(x, x[.., c]), [w, but at most 127 steps; the rest])
//         for each input channel c with a rest; MatMul likewise
// Before: y = Conv(x, w), depthwise, wide at channel c  After: y = Concat(Conv(x[.., :c]), Conv(Concat(x[.., c], x[.., c])), ..)
// Unless: weights lie on no grid, or the convolution has groups. Exact: a sum of products stays the same sum.
// Returns the names of the layers; nodes that are pieces of one are named after it.
std::vector<std::string> split_wide_weights(Graph& g);

}  // namespace octet::convert
