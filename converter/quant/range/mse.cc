// Smallest expected squared error: steps^2 / 12 inside, the distance to the bound outside, each bound chosen by itself.
#include <algorithm>
#include <array>
#include <limits>

#include "converter/quant/ranges.h"

namespace octet::convert {
namespace {

// Prefix sums of count, x and x^2, so that the error of a range takes three look-ups a side.
struct Moments {
  std::vector<std::array<double, 3>> upto;
  explicit Moments(const Histogram& h) : upto(h.bins.size() + 1) {
    for (size_t i = 0; i < h.bins.size(); ++i) {
      const double n = static_cast<double>(h.bins[i]), x = h.centre(i);
      upto[i + 1] = {upto[i][0] + n, upto[i][1] + n * x, upto[i][2] + n * x * x};
    }
  }
  double count(size_t first, size_t last) const { return upto[last][0] - upto[first][0]; }
  // Sum of (x - bound)^2 over bins [first, last).
  double outside(size_t first, size_t last, double bound) const {
    const double n = count(first, last), x = upto[last][1] - upto[first][1], xx = upto[last][2] - upto[first][2];
    return xx - 2 * bound * x + bound * bound * n;
  }
};

Range mse(const Statistics& s) {
  const Histogram& h = s.histogram;
  if (h.width == 0) return whole(s);
  const Moments moments(h);
  const size_t bins = h.bins.size();
  double best = std::numeric_limits<double>::infinity();
  Range range = whole(s);
  constexpr int kCandidates = 100;
  for (int i = kCandidates; i > 0; --i) {
    const double low = static_cast<double>(s.min) * i / kCandidates;
    const size_t first = h.bin_of(low);
    const double below = moments.outside(0, first, low);
    for (int j = kCandidates; j > 0; --j) {
      const double high = static_cast<double>(s.max) * j / kCandidates, step = (high - low) / kRangeLevels;
      const size_t last = std::max(first, h.bin_of(high));
      const double error = below + moments.outside(last, bins, high) + moments.count(first, last) * step * step / 12;
      if (error < best) best = error, range = clipped(s, low, high);
      if (s.max == 0) break;
    }
    if (s.min == 0) break;
  }
  return range;
}

}  // namespace

extern constinit const RangeMethod kRangeMse{"mse", "smallest squared error", true,
                                             [](const Statistics& s, double) { return mse(s); }};

}  // namespace octet::convert
