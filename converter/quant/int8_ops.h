// What of a graph with scales and int8 weights will run in int8.
#pragma once
#include "converter/graph/graph.h"

namespace octet::convert {

// The ops that the runtime will run in int8, by its own names and its own judgement: for Graph::int8_ops.
Result<std::vector<std::string>> int8_ops(const Graph& g);

}  // namespace octet::convert
