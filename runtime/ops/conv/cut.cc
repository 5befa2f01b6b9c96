// How a convolution is cut into tasks for threads and into units for the cache.
#include <algorithm>

#include "runtime/ops/conv/windows.h"

namespace octet::conv {
namespace {

constexpr int64_t kCacheBytes = 512 << 10;  // of weights in a unit: a share of the L2 that activations leave
constexpr int64_t kUnitChannels = 64;       // the widest tile of any kernel

int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

}  // namespace

Cut cut(const Geometry& g, int threads, int tile_rows, int64_t bytes_per_channel) {
  Cut c;
  c.tile = tile_rows;
  const int64_t tiles = ceil_div(g.pixels(), c.tile);
  const int64_t widest = std::max(kUnitChannels, kCacheBytes / bytes_per_channel / kUnitChannels * kUnitChannels);
  // Few tiles pass weights once whatever their size; many come back to them.
  c.unit_channels = tiles > 1 ? std::min(g.out, widest) : g.out;
  if (threads > 1 && g.macs() >= kMacsForThreads) {
    c.pixel_chunks = std::min<int64_t>(tiles, threads * 4);
    if (c.pixel_chunks < threads * 2) {
      const int64_t wanted = ceil_div(threads * 4, c.pixel_chunks);
      const int64_t channels = ceil_div(ceil_div(g.out_channels(), wanted), kUnitChannels) * kUnitChannels;
      c.unit_channels = std::min(c.unit_channels, channels);
      c.unit_chunks = wanted;
    }
  }
  c.units_per_group = ceil_div(g.out, c.unit_channels);
  c.unit_chunks = std::min(c.unit_chunks, g.groups * c.units_per_group);
  return c;
}

int64_t row_chunks(const Geometry& g, int threads) {
  return threads > 1 && g.macs() >= kMacsForThreads ? std::min<int64_t>(g.out_h, threads * 4) : 1;
}

}  // namespace octet::conv
