// Bins double in width towards the side where a value fell outside; edges of old bins stay edges.
#include "converter/quant/histogram.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace octet::convert {
namespace {

constexpr size_t kBins = 2048;

// Pairs of bins become one, in the upper half (room below) or the lower half (room above).
void merge_pairs(Histogram& h, bool room_below) {
  std::vector<int64_t> merged(h.bins.size());
  const size_t first = room_below ? h.bins.size() / 2 : 0;
  for (size_t i = 0; i < h.bins.size(); ++i) merged[first + i / 2] += h.bins[i];
  if (room_below) h.low -= h.width * static_cast<double>(h.bins.size());
  h.width *= 2;
  h.bins = std::move(merged);
}

}  // namespace

size_t Histogram::bin_of(double value) const {
  return static_cast<size_t>(std::clamp<double>((value - low) / width, 0, static_cast<double>(bins.size())));
}

int64_t Histogram::count() const { return std::accumulate(bins.begin(), bins.end(), zeros); }

void widen(Histogram& h, float low, float high) {
  if (low == 0 && high == 0) return;
  if (h.width == 0) {
    // Values that are all alike get bins of their own size's order.
    const double span = std::max(static_cast<double>(high) - low, std::max(std::abs(low), std::abs(high)) * 1e-6);
    h.low = low;
    h.width = std::max(span / kBins * (1 + 1e-9), 1e-38);
    h.bins.assign(kBins, 0);
    return;
  }
  while (low < h.low) merge_pairs(h, true);
  while (high > h.edge(h.bins.size())) merge_pairs(h, false);
}

void add(Histogram& h, std::span<const float> values) {
  float low = 0, high = 0;
  bool any = false;
  for (float v : values) {
    if (!std::isfinite(v) || v == 0) continue;
    low = any ? std::min(low, v) : v;
    high = any ? std::max(high, v) : v;
    any = true;
  }
  if (any) widen(h, low, high);
  for (float v : values)
    if (std::isfinite(v)) add_inside(h, v);
}

}  // namespace octet::convert
