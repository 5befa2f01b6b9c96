#include "converter/quant/ranges.h"

#include <algorithm>

namespace octet::convert {

Range clipped(const Statistics& s, double low, double high) {
  return {static_cast<float>(std::clamp<double>(low, s.min, 0)),
          static_cast<float>(std::clamp<double>(high, 0, s.max))};
}

Range whole(const Statistics& s) { return {std::min(s.min, 0.0f), std::max(s.max, 0.0f)}; }

}  // namespace octet::convert
