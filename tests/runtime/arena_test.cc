// Placement of buffers: no two that live together overlap, and dead memory is used again.
#include "runtime/core/arena.h"

#include <gtest/gtest.h>

#include <random>

namespace octet {
namespace {

size_t rounded(size_t bytes) { return (bytes + 63) / 64 * 64; }

void expect_disjoint(const std::vector<Lifetime>& buffers, const Placement& placed) {
  for (size_t i = 0; i < buffers.size(); ++i) {
    EXPECT_EQ(placed.offsets[i] % 64, 0u);
    EXPECT_LE(placed.offsets[i] + buffers[i].bytes, placed.bytes);
    for (size_t j = 0; j < i; ++j) {
      const bool together = buffers[i].first <= buffers[j].last && buffers[j].first <= buffers[i].last;
      const bool apart = placed.offsets[i] + rounded(buffers[i].bytes) <= placed.offsets[j] ||
                         placed.offsets[j] + rounded(buffers[j].bytes) <= placed.offsets[i];
      EXPECT_TRUE(!together || apart) << "buffers " << i << " and " << j;
    }
  }
}

TEST(Arena, ChainNeedsOnlyItsTwoLargestNeighbours) {
  const std::vector<Lifetime> chain = {{64, 0, 1}, {128, 1, 2}, {256, 2, 3}, {64, 3, 4}};
  const Placement placed = place(chain);
  expect_disjoint(chain, placed);
  EXPECT_EQ(placed.bytes, 384u);
}

TEST(Arena, NothingNeedsNothing) { EXPECT_EQ(place({}).bytes, 0u); }

TEST(Arena, RandomBuffersNeverOverlapWhileBothLive) {
  std::mt19937 random(7);
  for (int round = 0; round < 50; ++round) {
    std::vector<Lifetime> buffers(1 + random() % 60);
    size_t sum = 0;
    for (Lifetime& b : buffers) {
      b.first = static_cast<int>(random() % 40);
      b.last = b.first + static_cast<int>(random() % 8);
      b.bytes = 1 + random() % 5000;
      sum += rounded(b.bytes);
    }
    const Placement placed = place(buffers);
    expect_disjoint(buffers, placed);
    EXPECT_LE(placed.bytes, sum);
  }
}

}  // namespace
}  // namespace octet
