// The vectors of AVX2 with FMA, same names as vec_avx512.h; the dot product is with the ISA file.
#pragma once
#include <immintrin.h>

#include <cstdint>
#include <cstring>

namespace octet::kernels {
namespace {

constexpr int kLanes = 8;
constexpr int kBytes = 4 * kLanes;

using F = __m256;
using I = __m256i;
using B = __m256i;
using H = __m256i;

alignas(64) constexpr int32_t kMask[16] = {-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0};
inline I first_lanes(int n) { return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(kMask + 8 - n)); }

inline F set_f(float v) { return _mm256_set1_ps(v); }
inline F load_f(const float* p) { return _mm256_loadu_ps(p); }
inline F load_f(const float* p, int n) { return _mm256_maskload_ps(p, first_lanes(n)); }
inline void store_f(float* p, F v) { _mm256_storeu_ps(p, v); }
inline void store_f(float* p, F v, int n) { _mm256_maskstore_ps(p, first_lanes(n), v); }
inline F add(F a, F b) { return _mm256_add_ps(a, b); }
inline F sub(F a, F b) { return _mm256_sub_ps(a, b); }
inline F mul(F a, F b) { return _mm256_mul_ps(a, b); }
inline F div(F a, F b) { return _mm256_div_ps(a, b); }
inline F fma(F a, F b, F c) { return _mm256_fmadd_ps(a, b, c); }
inline F fnma(F a, F b, F c) { return _mm256_fnmadd_ps(a, b, c); }
inline F min(F a, F b) { return _mm256_min_ps(a, b); }
inline F max(F a, F b) { return _mm256_max_ps(a, b); }
inline F sqrt(F a) { return _mm256_sqrt_ps(a); }
inline F floor(F a) { return _mm256_round_ps(a, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC); }
inline F ceil(F a) { return _mm256_round_ps(a, _MM_FROUND_TO_POS_INF | _MM_FROUND_NO_EXC); }
inline F nearest(F a) { return _mm256_round_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
inline F zero_if_nan(F a) { return _mm256_and_ps(a, _mm256_cmp_ps(a, a, _CMP_ORD_Q)); }
inline F if_less(F a, F b, F yes, F no) { return _mm256_blendv_ps(no, yes, _mm256_cmp_ps(a, b, _CMP_LT_OQ)); }
inline bool all_less(F a, F b) { return _mm256_movemask_ps(_mm256_cmp_ps(a, b, _CMP_LT_OQ)) == 0xff; }
inline F swap_pairs(F a) { return _mm256_permute_ps(a, 0xb1); }
inline F first_of_pairs(F a) { return _mm256_moveldup_ps(a); }
inline int first_equal(F a, F b) {
  return __builtin_ctz(0x100u | static_cast<unsigned>(_mm256_movemask_ps(_mm256_cmp_ps(a, b, _CMP_EQ_OQ))));
}
inline float highest(F a) {
  __m128 v = _mm_max_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
  v = _mm_max_ps(v, _mm_movehl_ps(v, v));
  return _mm_cvtss_f32(_mm_max_ss(v, _mm_movehdup_ps(v)));
}

inline I set_i(int32_t v) { return _mm256_set1_epi32(v); }
inline I load_i(const int32_t* p) { return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)); }
inline void store_i(int32_t* p, I v) { _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), v); }
inline I load_u8(const uint8_t* p) {
  return _mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p)));
}
inline I add(I a, I b) { return _mm256_add_epi32(a, b); }
inline I sub(I a, I b) { return _mm256_sub_epi32(a, b); }
inline I mul(I a, I b) { return _mm256_mullo_epi32(a, b); }
inline I mul_s16(I a, I b) { return _mm256_madd_epi16(a, b); }
template <int kBits>
I shift_left(I a) {
  return _mm256_slli_epi32(a, kBits);
}
template <int kBits>
I shift_right(I a) {
  return _mm256_srli_epi32(a, kBits);
}
inline F to_f(I a) { return _mm256_cvtepi32_ps(a); }
inline I round(F a) { return _mm256_cvtps_epi32(a); }
inline F as_f(I a) { return _mm256_castsi256_ps(a); }
inline I as_i(F a) { return _mm256_castps_si256(a); }

inline B set_b(uint8_t v) { return _mm256_set1_epi8(static_cast<char>(v)); }
inline B load_b(const uint8_t* p) { return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)); }
template <int kParts>
B load_parts(const uint8_t* const* p) {
  if constexpr (kParts == 1) return load_b(p[0]);
  return _mm256_loadu2_m128i(reinterpret_cast<const __m128i*>(p[1]), reinterpret_cast<const __m128i*>(p[0]));
}
inline void store_b(uint8_t* p, B v) { _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), v); }
inline void store_b(uint8_t* p, B v, int n) {
  if (n >= kBytes) return store_b(p, v);
  uint8_t copy[kBytes];
  store_b(copy, v);
  std::memcpy(p, copy, static_cast<size_t>(n));
}
template <int i>
void store_half(uint8_t* p, B v) {
  _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm256_extracti128_si256(v, i));
}
template <int i>
void store_quarter(uint8_t* p, B v) {
  _mm_storel_epi64(reinterpret_cast<__m128i*>(p), _mm256_castsi256_si128(_mm256_permute4x64_epi64(v, i)));
}
inline B min_b(B a, B b) { return _mm256_min_epu8(a, b); }
inline B max_b(B a, B b) { return _mm256_max_epu8(a, b); }

inline H pack_h(I a, I b) { return _mm256_packs_epi32(a, b); }
inline H add_h(H a, H b) { return _mm256_adds_epi16(a, b); }
inline B pack_lanes(H a, H b) { return _mm256_packus_epi16(a, b); }
inline B pack_b(H a, H b) {
  return _mm256_permutevar8x32_epi32(pack_lanes(a, b), _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
}

inline void interleave(B a, B b, B c, B d, I z[4]) {
  const I ab_low = _mm256_unpacklo_epi8(a, b), ab_high = _mm256_unpackhi_epi8(a, b);
  const I cd_low = _mm256_unpacklo_epi8(c, d), cd_high = _mm256_unpackhi_epi8(c, d);
  z[0] = _mm256_unpacklo_epi16(ab_low, cd_low);
  z[1] = _mm256_unpackhi_epi16(ab_low, cd_low);
  z[2] = _mm256_unpacklo_epi16(ab_high, cd_high);
  z[3] = _mm256_unpackhi_epi16(ab_high, cd_high);
}

inline I broadcast4(const uint8_t* p) {
  int32_t v;
  std::memcpy(&v, p, 4);
  return _mm256_set1_epi32(v);
}
inline I load_w(const int8_t* p) { return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)); }

// 2 * kLanes s16 in order; sums modulo 2^16.
inline H widen_u8(const uint8_t* p) {
  return _mm256_cvtepu8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
}
inline void store_h(int16_t* p, H v) { _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), v); }
inline H add_wrap(H a, H b) { return _mm256_add_epi16(a, b); }
inline H sub_wrap(H a, H b) { return _mm256_sub_epi16(a, b); }
template <int kBits>
H shift_wrap(H a) {
  return _mm256_slli_epi16(a, kBits);
}
inline H set_h(int16_t v) { return _mm256_set1_epi16(v); }
inline H load_table(const int16_t* p) {
  return _mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
}
inline H table_index(H i) { return add_wrap(_mm256_mullo_epi16(i, set_h(0x0202)), set_h(0x0100)); }
inline H look_up(H table, H index) { return _mm256_shuffle_epi8(table, index); }
inline H abs_below(H a, H limit) { return _mm256_min_epu16(_mm256_abs_epi16(a), limit); }
inline H product_above_15(H a, H b) { return _mm256_mulhi_epu16(a, _mm256_add_epi16(b, b)); }
inline H product_below_15(H a, H b) { return _mm256_and_si256(_mm256_mullo_epi16(a, b), set_h(0x7fff)); }
inline H rounded_product(H a, H b) { return _mm256_mulhrs_epi16(a, b); }
inline H max_h(H a, H b) { return _mm256_max_epi16(a, b); }
inline H negate_where_negative(H a, H sign) {
  const H m = _mm256_srai_epi16(sign, 15);
  return sub_wrap(_mm256_xor_si256(a, m), m);
}
inline H shift_right_by(H a, int bits) { return _mm256_sra_epi16(a, _mm_cvtsi32_si128(bits)); }

template <int kBits>
I shift_right_signed(I a) {
  return _mm256_srai_epi32(a, kBits);
}

}  // namespace
}  // namespace octet::kernels
