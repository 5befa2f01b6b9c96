// The part of what was seen for which the quantised values keep mean and deviation best (PaddleSlim's emd, which stands for the
// distance that earth would be moved).
#include <cmath>
#include <limits>

#include "converter/quant/ranges.h"

namespace octet::convert {
namespace {

struct Form {
  double mean = 0, deviation = 0;
};

// Of the values in their bins' centres, or of what they are quantised to.
Form form_of(const Histogram& h, const Range* r) {
  double n = static_cast<double>(h.zeros), x = 0, xx = 0;
  const Steps steps(r ? *r : Range{});
  for (size_t i = 0; i < h.bins.size(); ++i) {
    if (h.bins[i] == 0) continue;
    const double count = static_cast<double>(h.bins[i]), v = r ? steps.nearest(h.centre(i)) : h.centre(i);
    n += count, x += count * v, xx += count * v * v;
  }
  if (n == 0) return {};
  return {x / n, std::sqrt(std::max(xx / n - x / n * (x / n), 0.0))};
}

Range emd(const Statistics& s) {
  const Form real = form_of(s.histogram, nullptr);
  Range best = whole(s);
  double least = std::numeric_limits<double>::infinity();
  for (int percent = 100; percent >= 30; percent -= 2) {
    const Range r = clipped(s, static_cast<double>(s.min) * percent / 100, static_cast<double>(s.max) * percent / 100);
    const Form now = form_of(s.histogram, &r);
    const double error = std::abs(now.mean - real.mean) + std::abs(now.deviation - real.deviation);
    if (error < least) least = error, best = r;
  }
  return best;
}

}  // namespace

extern constinit const RangeMethod kRangeEmd{"emd", "mean and deviation stay as they were", true,
                                             [](const Statistics& s, double) { return emd(s); }};

}  // namespace octet::convert
