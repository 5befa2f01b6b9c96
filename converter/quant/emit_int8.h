// A graph with scales and int8 weights as a file that says what runs in int8.
#pragma once
#include "converter/graph/emit.h"

namespace octet::convert {

// Sets g.int8_ops to the ops that the runtime will run in int8, by its own names and its own judgement.
Result<void> record_int8_ops(Graph& g);

// Both.
Result<std::vector<std::byte>> emit_int8(Graph& g);

}  // namespace octet::convert
