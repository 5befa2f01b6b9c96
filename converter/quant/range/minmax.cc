// Nothing that was seen is clipped.
#include "converter/quant/ranges.h"

namespace octet::convert {

extern constinit const RangeMethod kRangeMinmax{
    "minmax", "all that was seen", false, [](const Statistics& s, double) { return whole(s); }, "min_max abs_max"};

}  // namespace octet::convert
