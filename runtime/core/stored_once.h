// Whether a graph holds as much as its bytes can: the work of verifying and loading it follows from its size then.
#pragma once
#include <cstddef>
#include <span>

#include "schema/model_generated.h"

namespace octet {

// Of bytes that nothing has verified yet, with a table of this type as their root. False where tables share lists or each other, so
// that a few bytes stand for a long walk, where they nest too deep, and where an offset leads outside.
bool stored_once(std::span<const std::byte> graph, const flatbuffers::TypeTable& root);

}  // namespace octet
