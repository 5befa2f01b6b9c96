#include "converter/quant/ranges.h"

#include <algorithm>
#include <cmath>

#include "kernels/quant.h"

namespace octet::convert {

Range clipped(const Statistics& s, double low, double high) {
  return {static_cast<float>(std::clamp<double>(low, s.min, 0)),
          static_cast<float>(std::clamp<double>(high, 0, s.max))};
}

Range whole(const Statistics& s) { return {std::min(s.min, 0.0f), std::max(s.max, 0.0f)}; }

Range symmetric(const Range& r) {
  const float most = std::max(-r.low, r.high);
  return r.low < 0 ? Range{-most, most} : r;
}

Steps::Steps(const Range& r) {
  const kernels::QuantParams p = kernels::choose_u8(r.low, r.high);
  scale = static_cast<double>(p.scale), zero = p.zero_point;
}

double Steps::nearest(double v) const {
  return scale * std::clamp(std::nearbyint(v / scale), -static_cast<double>(zero), 255.0 - zero);
}

double squared_error(const Histogram& h, const Range& r) {
  const Steps steps(r);
  double sum = 0;
  for (size_t i = 0; i < h.bins.size(); ++i) {
    if (h.bins[i] == 0) continue;
    const double d = h.centre(i) - steps.nearest(h.centre(i));
    sum += static_cast<double>(h.bins[i]) * d * d;
  }
  return sum;
}

}  // namespace octet::convert
