// What range methods share, and the range that needs no method: pure functions of statistics.
#pragma once
#include "converter/quant/methods.h"

namespace octet::convert {

inline constexpr int kRangeLevels = 255;  // steps of a u8 range

// [low, high] without what was never seen, and with 0.
Range clipped(const Statistics& s, double low, double high);
// All that was seen, and 0.
Range whole(const Statistics& s);
// Equally wide on both sides of 0, but for what is never negative.
Range symmetric(const Range& r);

// The 256 values that a range has.
struct Steps {
  double scale;
  int32_t zero;
  explicit Steps(const Range& r);
  double nearest(double v) const;
};
// Sum over all values, each in its bin's centre, of the distance to the nearest step, squared.
double squared_error(const Histogram& h, const Range& r);

}  // namespace octet::convert
