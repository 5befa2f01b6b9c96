// Smallest divergence between the distribution and its quantised form, over ranges clipped at one magnitude on both sides
// (S. Migacz, 8-bit inference with TensorRT, GTC 2017, made two-sided).
#include <algorithm>
#include <cmath>
#include <limits>

#include "converter/quant/ranges.h"

namespace octet::convert {
namespace {

// Divergence of bins [first, last) with the outliers added to the end bins from the same bins without them, averaged
// over kRangeLevels levels. Outliers where no other values are count as explained by next to nothing.
double divergence(const Histogram& h, size_t first, size_t last, int64_t below, int64_t above) {
  double total = 0, inside = 0, sum = 0;
  auto p = [&](size_t i) {
    return static_cast<double>(h.bins[i] + (i == first ? below : 0) + (i + 1 == last ? above : 0));
  };
  for (size_t i = first; i < last; ++i) total += p(i), inside += static_cast<double>(h.bins[i]);
  if (inside == 0) return std::numeric_limits<double>::infinity();
  const size_t n = last - first;
  for (size_t level = 0, begin = 0; level < kRangeLevels; ++level) {
    const size_t end = (level + 1) * n / kRangeLevels;
    double mass = 0, used = 0;
    for (size_t i = begin; i < end; ++i) mass += static_cast<double>(h.bins[first + i]), used += p(first + i) > 0;
    for (size_t i = begin; i < end; ++i) {
      const double pi = p(first + i);
      if (pi == 0) continue;
      constexpr double kNextToNothing = 1e-4;
      sum += pi / total * std::log(pi / total * inside * used / std::max(mass, kNextToNothing));
    }
    begin = end;
  }
  return sum;
}

Range kl(const Statistics& s) {
  const Histogram& h = s.histogram;
  if (h.width == 0) return whole(s);
  const double largest = std::max(-s.min, s.max);
  double best = std::numeric_limits<double>::infinity();
  Range range = whole(s);
  constexpr int kCandidates = 128;
  for (int i = kCandidates; i > 0; --i) {
    const Range r = clipped(s, -largest * i / kCandidates, largest * i / kCandidates);
    const size_t first = h.bin_of(r.low), last = std::min(h.bin_of(r.high) + 1, h.bins.size());
    if (last - first < 2 * kRangeLevels) break;  // bins as fine as levels say nothing of the error inside
    int64_t below = 0, above = 0;
    for (size_t b = 0; b < first; ++b) below += h.bins[b];
    for (size_t b = last; b < h.bins.size(); ++b) above += h.bins[b];
    const double d = divergence(h, first, last, below, above);
    if (d < best) best = d, range = r;
  }
  return range;
}

}  // namespace

extern constinit const RangeMethod kRangeKl{"kl", "smallest divergence of the distributions", true,
                                            [](const Statistics& s, double) { return kl(s); }};

}  // namespace octet::convert
