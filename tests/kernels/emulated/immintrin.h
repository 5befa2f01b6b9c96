// Stands before the compiler's header: AVX-512 and AVX-VNNI out of AVX2 by SIMDe, so that their kernels are tested on CPUs
// without them. Below, what version 0.7.4 lacks or gets wrong.
#pragma once
#include_next <immintrin.h>

#define SIMDE_ENABLE_NATIVE_ALIASES
#include <simde/x86/avx2.h>
#include <simde/x86/avx512.h>
#include <simde/x86/fma.h>

#include <cmath>
#include <cstdint>
#include <cstring>

#undef _mm512_madd_epi16  // has the operands of the masked form
#define _mm512_madd_epi16(a, b) simde_mm512_madd_epi16(a, b)
#define _mm256_dpbusd_avx_epi32(sum, a, b) simde_mm256_dpbusd_epi32(sum, a, b)
#define _mm256_dpwssd_avx_epi32(sum, a, b) simde_mm256_dpwssd_epi32(sum, a, b)

namespace {

template <class To, class From>
To emulated_bits(From from) {
  static_assert(sizeof(To) == sizeof(From));
  To to;
  std::memcpy(&to, &from, sizeof to);
  return to;
}

template <class T, int n>
struct Emulated {
  T lane[n];
};

inline __m512 emulated_maskz_loadu_ps(__mmask16 mask, const void* p) {
  Emulated<float, 16> v = {};
  for (int i = 0; i < 16; ++i)
    if (mask >> i & 1) std::memcpy(&v.lane[i], static_cast<const float*>(p) + i, sizeof(float));
  return emulated_bits<__m512>(v);
}
inline void emulated_mask_storeu_ps(void* p, __mmask16 mask, __m512 a) {
  const auto v = emulated_bits<Emulated<float, 16>>(a);
  for (int i = 0; i < 16; ++i)
    if (mask >> i & 1) std::memcpy(static_cast<float*>(p) + i, &v.lane[i], sizeof(float));
}
inline void emulated_mask_storeu_epi8(void* p, __mmask64 mask, __m512i a) {
  const auto v = emulated_bits<Emulated<uint8_t, 64>>(a);
  for (int i = 0; i < 64; ++i)
    if (mask >> i & 1) static_cast<uint8_t*>(p)[i] = v.lane[i];
}
inline __m512i emulated_cvtepu8_epi32(__m128i a) {
  const auto from = emulated_bits<Emulated<uint8_t, 16>>(a);
  Emulated<int32_t, 16> v;
  for (int i = 0; i < 16; ++i) v.lane[i] = from.lane[i];
  return emulated_bits<__m512i>(v);
}
inline __m512i emulated_cvtepu8_epi16(__m256i a) {
  const auto from = emulated_bits<Emulated<uint8_t, 32>>(a);
  Emulated<int16_t, 32> v;
  for (int i = 0; i < 32; ++i) v.lane[i] = from.lane[i];
  return emulated_bits<__m512i>(v);
}
inline __m512i emulated_srai_epi32(__m512i a, int bits) {
  auto v = emulated_bits<Emulated<int32_t, 16>>(a);
  for (int32_t& lane : v.lane) lane >>= bits;
  return emulated_bits<__m512i>(v);
}
template <int control>
inline __m512 emulated_permute_ps(__m512 a) {
  const auto from = emulated_bits<Emulated<float, 16>>(a);
  Emulated<float, 16> v;
  for (int i = 0; i < 16; ++i) v.lane[i] = from.lane[i / 4 * 4 + (control >> i % 4 * 2 & 3)];
  return emulated_bits<__m512>(v);
}
inline __m512 emulated_cvtepi32_ps(__m512i a) {
  const auto from = emulated_bits<Emulated<int32_t, 16>>(a);
  Emulated<float, 16> v;
  for (int i = 0; i < 16; ++i) v.lane[i] = static_cast<float>(from.lane[i]);
  return emulated_bits<__m512>(v);
}
inline __m512i emulated_cvtps_epi32(__m512 a) {
  const auto from = emulated_bits<Emulated<float, 16>>(a);
  Emulated<int32_t, 16> v;
  for (int i = 0; i < 16; ++i) {
    const float rounded = std::nearbyint(from.lane[i]);
    v.lane[i] = rounded >= -2147483648.0f && rounded < 2147483648.0f ? static_cast<int32_t>(rounded) : INT32_MIN;
  }
  return emulated_bits<__m512i>(v);
}
template <int mode>
__m512 emulated_roundscale_ps(__m512 a) {
  auto v = emulated_bits<Emulated<float, 16>>(a);
  for (float& lane : v.lane)
    lane = (mode & 3) == 0 ? std::nearbyint(lane) : (mode & 3) == 1 ? std::floor(lane) : std::ceil(lane);
  return emulated_bits<__m512>(v);
}
template <class F>
__m512i emulated_epi16(__m512i a, __m512i b, F f) {
  const auto x = emulated_bits<Emulated<int16_t, 32>>(a), y = emulated_bits<Emulated<int16_t, 32>>(b);
  Emulated<int16_t, 32> v;
  for (int i = 0; i < 32; ++i) v.lane[i] = static_cast<int16_t>(f(x.lane[i], y.lane[i]));
  return emulated_bits<__m512i>(v);
}
inline __m512i emulated_mulhi_epu16(__m512i a, __m512i b) {
  return emulated_epi16(
      a, b, [](int x, int y) { return (uint32_t{static_cast<uint16_t>(x)} * static_cast<uint16_t>(y)) >> 16; });
}
inline __m512i emulated_mullo_epi16(__m512i a, __m512i b) {
  return emulated_epi16(a, b, [](int x, int y) { return x * y; });
}
inline __m512i emulated_mulhrs_epi16(__m512i a, __m512i b) {
  return emulated_epi16(a, b, [](int x, int y) { return (x * y + (1 << 14)) >> 15; });
}
inline __m512i emulated_max_epi16(__m512i a, __m512i b) {
  return emulated_epi16(a, b, [](int x, int y) { return x > y ? x : y; });
}
inline __m512i emulated_min_epu16(__m512i a, __m512i b) {
  return emulated_epi16(a, b, [](int x, int y) { return static_cast<uint16_t>(x) < static_cast<uint16_t>(y) ? x : y; });
}
inline __m512i emulated_abs_epi16(__m512i a) {
  return emulated_epi16(a, a, [](int x, int) { return x < 0 ? -x : x; });
}
inline __m512i emulated_sra_epi16(__m512i a, __m128i bits) {
  const int by = emulated_bits<Emulated<int32_t, 4>>(bits).lane[0];
  return emulated_epi16(a, a, [by](int x, int) { return x >> by; });
}
inline __m512i emulated_permutexvar_epi16(__m512i index, __m512i a) {
  const auto from = emulated_bits<Emulated<int16_t, 32>>(a);
  return emulated_epi16(index, index, [&](int i, int) { return from.lane[i & 31]; });
}
inline float emulated_reduce_max_ps(__m512 a) {
  const auto v = emulated_bits<Emulated<float, 16>>(a);
  float most = v.lane[0];
  for (float lane : v.lane) most = lane > most ? lane : most;
  return most;
}

}  // namespace

#define _mm512_maskz_loadu_ps emulated_maskz_loadu_ps
#define _mm512_mask_storeu_ps emulated_mask_storeu_ps
#define _mm512_mask_storeu_epi8 emulated_mask_storeu_epi8
#define _mm512_cvtepu8_epi32 emulated_cvtepu8_epi32
#define _mm512_cvtepu8_epi16 emulated_cvtepu8_epi16
#define _mm512_srai_epi32 emulated_srai_epi32
#define _mm512_permute_ps(a, control) emulated_permute_ps<control>(a)
#define _mm512_moveldup_ps(a) emulated_permute_ps<0xa0>(a)
#define _mm512_cvtepi32_ps emulated_cvtepi32_ps
#define _mm512_cvtps_epi32 emulated_cvtps_epi32
#define _mm512_reduce_max_ps emulated_reduce_max_ps
#define _mm512_mulhi_epu16 emulated_mulhi_epu16
#define _mm512_mullo_epi16 emulated_mullo_epi16
#define _mm512_mulhrs_epi16 emulated_mulhrs_epi16
#define _mm512_max_epi16 emulated_max_epi16
#define _mm512_min_epu16 emulated_min_epu16
#define _mm512_abs_epi16 emulated_abs_epi16
#define _mm512_sra_epi16 emulated_sra_epi16
#define _mm512_srai_epi16(a, bits) emulated_sra_epi16(a, _mm_cvtsi32_si128(bits))
#define _mm512_permutexvar_epi16 emulated_permutexvar_epi16
#undef _mm512_roundscale_ps  // rounds nothing without a scale
#define _mm512_roundscale_ps(a, mode) emulated_roundscale_ps<mode>(a)
