// How a convolution is cut into tasks for threads and into units for the cache.
#include <algorithm>
#include <cstdint>

#include "runtime/ops/conv/windows.h"

namespace octet::conv {
namespace {

constexpr int64_t kCacheBytes = 512 << 10;  // of weights in a unit: a share of the L2 that activations leave
constexpr int64_t kUnitChannels = 64;       // the widest tile of any kernel

int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

// Each range of pixels passes all weights through the cache, each range of channels all pixels of its groups: of the cuts that keep the
// threads busy the one that passes least.
void cut_for_threads(const Geometry& g, int64_t threads, int64_t tiles, int64_t bytes_per_channel, Cut& c) {
  const int64_t wanted = threads * 4, input = g.batch * g.in_h * g.in_w * g.in * g.groups;
  int64_t least = INT64_MAX;
  for (int64_t chunks = 1; chunks <= std::min(wanted, ceil_div(g.out_channels(), kUnitChannels)); chunks *= 2) {
    const int64_t pixel_chunks = std::min(tiles, ceil_div(wanted, chunks));
    const int64_t idle =
        std::max<int64_t>(1, threads * 2 / (chunks * pixel_chunks));  // too few tasks: whatever has more
    const int64_t passed =
        (pixel_chunks * bytes_per_channel * g.out_channels() + std::max<int64_t>(1, chunks / g.groups) * input) * idle;
    if (passed >= least) continue;
    least = passed;
    c.pixel_chunks = pixel_chunks, c.unit_chunks = chunks;
  }
  if (c.unit_chunks == 1) return;
  const int64_t channels = ceil_div(ceil_div(g.out_channels(), c.unit_chunks), kUnitChannels) * kUnitChannels;
  c.unit_channels = std::min(c.unit_channels, channels);
}

}  // namespace

Cut cut(const Geometry& g, int threads, int tile_rows, int64_t bytes_per_channel) {
  Cut c;
  c.tile = tile_rows;
  const int64_t tiles = ceil_div(g.pixels(), c.tile);
  const int64_t widest = std::max(kUnitChannels, kCacheBytes / bytes_per_channel / kUnitChannels * kUnitChannels);
  // Few tiles pass weights once whatever their size; many come back to them.
  c.unit_channels = tiles > 1 ? std::min(g.out, widest) : g.out;
  if (threads > 1 && g.macs() >= kMacsForThreads) cut_for_threads(g, threads, tiles, bytes_per_channel, c);
  c.units_per_group = ceil_div(g.out, c.unit_channels);
  c.unit_chunks = std::min(c.unit_chunks, g.groups * c.units_per_group);
  return c;
}

int64_t row_chunks(const Geometry& g, int threads) {
  return threads > 1 && g.macs() >= kMacsForThreads ? std::min<int64_t>(g.out_h, threads * 4) : 1;
}

}  // namespace octet::conv
