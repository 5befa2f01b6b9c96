// Stored elements of one type as elements of another.
#pragma once
#include <bit>
#include <cmath>
#include <string_view>

#include "converter/graph/graph.h"

namespace octet::convert {

inline float half_to_float(uint16_t h) {
  const int exponent = h >> 10 & 31, mantissa = h & 1023;
  const float magnitude = exponent == 31  ? (mantissa ? NAN : INFINITY)
                          : exponent == 0 ? std::ldexp(static_cast<float>(mantissa), -24)
                                          : std::ldexp(static_cast<float>(mantissa + 1024), exponent - 25);
  return h & 0x8000 ? -magnitude : magnitude;
}

inline float bfloat16_to_float(uint16_t v) { return std::bit_cast<float>(uint32_t{v} << 16); }

template <class From, class To, class Convert>
void convert_all(std::string_view raw, Tensor& t, Convert convert) {
  const size_t n = raw.size() / sizeof(From);
  t.data.resize(n * sizeof(To));
  for (size_t i = 0; i < n; ++i) {
    From from;
    std::memcpy(&from, raw.data() + i * sizeof(From), sizeof(From));
    const To to = convert(from);
    std::memcpy(t.data.data() + i * sizeof(To), &to, sizeof(To));
  }
}

inline bool all_finite(std::span<const float> values) {
  for (float v : values)
    if (!std::isfinite(v)) return false;
  return true;
}

}  // namespace octet::convert
