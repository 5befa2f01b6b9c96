// A range that leaves out the same part of the values at each end, of those on that side of zero.
#include "converter/quant/ranges.h"

namespace octet::convert {
namespace {

Range percentile(const Statistics& s, double keep) {
  const Histogram& h = s.histogram;
  const double drop = static_cast<double>(h.count()) * (1 - keep) / 2;
  double low = s.min, high = s.max, seen = 0;
  for (size_t i = 0; i < h.bins.size() && seen + static_cast<double>(h.bins[i]) <= drop; ++i)
    seen += static_cast<double>(h.bins[i]), low = h.edge(i + 1);
  seen = 0;
  for (size_t i = h.bins.size(); i-- > 0 && seen + static_cast<double>(h.bins[i]) <= drop;)
    seen += static_cast<double>(h.bins[i]), high = h.edge(i);
  return clipped(s, low, high);
}

}  // namespace

extern constinit const RangeMethod kRangePercentile{"percentile", "the given part of what was seen", true, percentile,
                                                    "hist"};

}  // namespace octet::convert
