// Writes a graph as the bytes of an .octet file; schema/format.h describes what stands around the flatbuffer.
#pragma once
#include <cstddef>
#include <string>
#include <vector>

#include "converter/graph/graph.h"

namespace octet::convert {

// The same graph always gives the same bytes, and the loader takes them: what it would refuse is an error, which names source
// and node or tensor.
Result<std::vector<std::byte>> emit(const Graph& g);

}  // namespace octet::convert
