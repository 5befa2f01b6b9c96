// A moving average over samples of the least and the largest value of each, as quantisation-aware training keeps it.
#include "converter/quant/ranges.h"

namespace octet::convert {

extern constinit const RangeMethod kRangeMoving{
    "moving_average_abs_max", "the moving average of what each sample reached", false,
    [](const Statistics& s, double) { return clipped(s, s.moving.low, s.moving.high); }, "moving_average"};

}  // namespace octet::convert
