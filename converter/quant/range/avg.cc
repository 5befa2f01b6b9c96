// The mean over samples of the least and the largest value of each (PaddleSlim's avg, a bound for each side).
#include "converter/quant/ranges.h"

namespace octet::convert {

extern constinit const RangeMethod kRangeAvg{
    "avg", "the mean of what each sample reached", false,
    [](const Statistics& s, double) { return clipped(s, s.average.low, s.average.high); }, "average"};

}  // namespace octet::convert
