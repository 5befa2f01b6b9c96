// All that was seen, or a half, a quarter or an eighth of it: that of least squared error (PaddleSlim's ptf, power of two factors).
#include <limits>

#include "converter/quant/ranges.h"

namespace octet::convert {
namespace {

Range ptf(const Statistics& s) {
  Range best = whole(s);
  double least = std::numeric_limits<double>::infinity();
  for (double factor : {1.0, 0.5, 0.25, 0.125}) {
    const Range r = clipped(s, s.min * factor, s.max * factor);
    const double error = squared_error(s.histogram, r);
    if (error < least) least = error, best = r;
  }
  return best;
}

}  // namespace

extern constinit const RangeMethod kRangePtf{"ptf",
                                             "the power of two of what was seen that has the smallest squared error",
                                             true, [](const Statistics& s, double) { return ptf(s); }};

}  // namespace octet::convert
