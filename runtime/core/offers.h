// Which offers of a plan's steps are accepted.
#pragma once
#include <span>
#include <vector>

#include "runtime/core/op.h"

namespace octet {

// For each step's offers the one accepted, null where none is: together at most `room` bytes, those that save most for a byte first,
// of equals the earlier step's. A step that was accepted with less may get more for what the additional bytes save.
std::vector<const Offer*> accept(std::span<const std::vector<Offer>> steps, size_t room);

}  // namespace octet
