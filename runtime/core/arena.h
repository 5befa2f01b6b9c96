// Placing buffers of known lifetimes in one block of memory.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace octet {

struct Lifetime {
  size_t bytes = 0;
  int first = 0, last = 0;  // steps, inclusive
};

struct Placement {
  std::vector<size_t> offsets;  // multiples of 64
  size_t bytes = 0;             // of the whole block
};

// Largest first, each at the lowest offset where it overlaps no buffer that lives at the same time (greedy by size; Pisarchyk
// and Lee, "Efficient Memory Management for Deep Neural Net Inference", 2020).
Placement place(std::span<const Lifetime> buffers);

}  // namespace octet
