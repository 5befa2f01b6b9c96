// What range methods share, and the range that needs no method: pure functions of statistics.
#pragma once
#include "converter/quant/methods.h"

namespace octet::convert {

inline constexpr int kRangeLevels = 255;  // steps of a u8 range

// [low, high] without what was never seen, and with 0.
Range clipped(const Statistics& s, double low, double high);
// All that was seen, and 0.
Range whole(const Statistics& s);

}  // namespace octet::convert
