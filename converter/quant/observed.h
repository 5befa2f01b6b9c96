// Scales of tensors that training looked at without rounding them: more ops can run in int8 than were trained for it.
#pragma once
#include "converter/graph/graph.h"

namespace octet::convert {

// After freeze(), with Graph::int8_ops set: gives scales to the operands and results of additions, pools and the like where
// all of them are known, and says to how many. A run of the recorded ops computes what it did before. Ops of a kind that
// training rounded elsewhere are left float: there it was a choice.
int take_observed(Graph& g);

}  // namespace octet::convert
