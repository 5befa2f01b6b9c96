// Greedy placement of buffers by size.
#include "runtime/core/arena.h"

#include <algorithm>
#include <numeric>

namespace octet {

Placement place(std::span<const Lifetime> buffers) {
  Placement result{std::vector<size_t>(buffers.size()), 0};
  std::vector<size_t> order(buffers.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return buffers[a].bytes > buffers[b].bytes; });
  std::vector<size_t> placed;  // by offset
  for (size_t i : order) {
    const size_t bytes = (buffers[i].bytes + 63) / 64 * 64;
    size_t at = 0;
    for (size_t j : placed) {
      if (buffers[j].last < buffers[i].first || buffers[i].last < buffers[j].first) continue;
      if (at + bytes <= result.offsets[j]) break;
      at = std::max(at, result.offsets[j] + (buffers[j].bytes + 63) / 64 * 64);
    }
    result.offsets[i] = at;
    result.bytes = std::max(result.bytes, at + bytes);
    placed.insert(std::upper_bound(placed.begin(), placed.end(), at,
                                   [&](size_t offset, size_t j) { return offset < result.offsets[j]; }),
                  i);
  }
  return result;
}

}  // namespace octet
