// The numbers of quantisation, defined once: rounding, clamping, scales, bias folding. Runtime and converter call these;
// fast kernels are tested against them.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>

namespace octet::kernels {

inline int32_t round_half_even(float v) {
  return static_cast<int32_t>(std::nearbyintf(v));
}  // |v| < 2^31; default rounding mode

// Float sums that do not depend on a vector's length: element i goes to part i % kPartialSums.
inline constexpr int kPartialSums = 16;
inline float sum_of(float (&parts)[kPartialSums]) {
  for (int half = kPartialSums / 2; half > 0; half /= 2)
    for (int i = 0; i < half; ++i) parts[i] += parts[i + half];
  return parts[0];
}

// NaN gives the zero point.
inline uint8_t quantize_u8(float x, float inv_scale, int32_t zero_point) {
  const float low = static_cast<float>(-zero_point), high = static_cast<float>(255 - zero_point);
  const float v = x * inv_scale;
  return static_cast<uint8_t>(zero_point + (v == v ? round_half_even(std::min(std::max(v, low), high)) : 0));
}

inline float dequantize_u8(uint8_t q, float scale, int32_t zero_point) {
  return (static_cast<float>(q) - static_cast<float>(zero_point)) * scale;
}

// Symmetric, never -128.
inline int8_t quantize_s8(float x, float inv_scale) {
  return static_cast<int8_t>(round_half_even(std::min(std::max(x * inv_scale, -127.0f), 127.0f)));
}

struct QuantParams {
  float scale = 1;
  int32_t zero_point = 0;
};

// Asymmetric u8 parameters whose range holds [low, high] and 0, with 0 exactly representable.
inline QuantParams choose_u8(float low, float high) {
  low = std::min(low, 0.0f);
  high = std::max(high, 0.0f);
  const float scale = std::max((high - low) / 255.0f, 1e-12f);
  return {scale, std::clamp(round_half_even(-low / scale), 0, 255)};
}

// acc0 of one output channel: bias in units of the accumulator, less the sum over k of zero_point[k] * w[k]. Clamped to +-2^30, far
// outside what any output range can show. A kernel with an activation_offset adds that times the sum of w after the clamp.
inline int32_t fold_bias(float bias, double acc_scale, int64_t zero_point_dot_weights) {
  const double units =
      std::nearbyint(static_cast<double>(bias) / acc_scale) - static_cast<double>(zero_point_dot_weights);
  return static_cast<int32_t>(std::clamp(units, -1073741824.0, 1073741824.0));
}

}  // namespace octet::kernels
