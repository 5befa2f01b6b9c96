// Finds what a quantised model lost by one scale for things of very different size, as boxes beside scores.
#pragma once
#include <string>
#include <vector>

#include "converter/graph/graph.h"

namespace octet::convert {

// A line for each concatenation that is rounded to steps so wide that one of its parts keeps next to nothing.
std::vector<std::string> shared_scales(const Graph& g);

}  // namespace octet::convert
