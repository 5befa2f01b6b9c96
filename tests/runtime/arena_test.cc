// Placement of buffers: no two that live together overlap, and dead memory is used again.
#include "runtime/core/arena.h"

#include <gtest/gtest.h>

#include <algorithm>
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

// What place() promises, by looking at every buffer for every buffer.
std::vector<size_t> placed_slowly(const std::vector<Lifetime>& buffers) {
  std::vector<size_t> order(buffers.size()), offsets(buffers.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return buffers[a].bytes > buffers[b].bytes; });
  std::vector<size_t> done;
  for (size_t i : order) {
    auto overlaps = [&](size_t j) {
      return buffers[i].first <= buffers[j].last && buffers[j].first <= buffers[i].last &&
             offsets[i] < offsets[j] + rounded(buffers[j].bytes) && offsets[j] < offsets[i] + rounded(buffers[i].bytes);
    };
    std::vector<size_t> tries = {0};
    for (size_t j : done) tries.push_back(offsets[j] + rounded(buffers[j].bytes));
    std::sort(tries.begin(), tries.end());
    for (size_t at : tries) {
      offsets[i] = at;
      if (std::none_of(done.begin(), done.end(), overlaps)) break;
    }
    done.push_back(i);
  }
  return offsets;
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
    EXPECT_EQ(placed.offsets, placed_slowly(buffers)) << "round " << round;
  }
}

// Buffers that all live at once, chains, and long lives among short ones.
TEST(Arena, ManyBuffersTakeLittleTime) {
  constexpr int kMany = 100000;
  for (const char* shape : {"all at once", "chain", "nested", "mixed"}) {
    std::mt19937 random(11);
    std::vector<Lifetime> buffers(kMany);
    for (int i = 0; i < kMany; ++i) {
      Lifetime& b = buffers[static_cast<size_t>(i)];
      b.bytes = 1 + random() % 5000;
      b.first = i, b.last = i + 1;
      if (shape[0] == 'a') b.last = kMany;
      if (shape[0] == 'n') b.last = 2 * kMany - i;
      if (shape[0] == 'm') b.last = i + 1 + static_cast<int>(random() % (random() % 100 ? 20 : kMany));
    }
    const Placement placed = place(buffers);
    std::vector<int64_t> alive(2 * kMany + 2, 0);  // bytes that any placement takes at each step, as differences
    for (const Lifetime& b : buffers) {
      alive[static_cast<size_t>(b.first)] += static_cast<int64_t>(rounded(b.bytes));
      alive[static_cast<size_t>(b.last) + 1] -= static_cast<int64_t>(rounded(b.bytes));
    }
    int64_t now = 0, most = 0;
    for (int64_t step : alive) most = std::max(most, now += step);
    EXPECT_LE(placed.bytes, static_cast<size_t>(most) * 3 / 2) << shape;
  }
}

}  // namespace
}  // namespace octet
