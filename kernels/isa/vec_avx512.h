// The vectors of AVX-512 (F, BW, DQ, VL): what *_inl.h is written on. The other vec_*.h have the same names;
// the dot product (X, prepare, dot) is with the ISA file.
#pragma once
#include <immintrin.h>

#include <cstdint>
#include <cstring>

namespace octet::kernels {
namespace {

constexpr int kLanes = 16;
constexpr int kBytes = 4 * kLanes;

using F = __m512;   // kLanes f32
using I = __m512i;  // kLanes s32
using B = __m512i;  // kBytes u8
using H = __m512i;  // 2 * kLanes s16, in the order that pack_h leaves

inline __mmask16 first_lanes(int n) { return static_cast<__mmask16>((1u << n) - 1); }
inline __mmask64 first_bytes(int n) { return n >= 64 ? ~0ull : (1ull << n) - 1; }

inline F set_f(float v) { return _mm512_set1_ps(v); }
inline F load_f(const float* p) { return _mm512_loadu_ps(p); }
inline F load_f(const float* p, int n) { return _mm512_maskz_loadu_ps(first_lanes(n), p); }  // 0 < n < kLanes
inline void store_f(float* p, F v) { _mm512_storeu_ps(p, v); }
inline void store_f(float* p, F v, int n) { _mm512_mask_storeu_ps(p, first_lanes(n), v); }
inline F add(F a, F b) { return _mm512_add_ps(a, b); }
inline F sub(F a, F b) { return _mm512_sub_ps(a, b); }
inline F mul(F a, F b) { return _mm512_mul_ps(a, b); }
inline F div(F a, F b) { return _mm512_div_ps(a, b); }
inline F fma(F a, F b, F c) { return _mm512_fmadd_ps(a, b, c); }    // a * b + c
inline F fnma(F a, F b, F c) { return _mm512_fnmadd_ps(a, b, c); }  // c - a * b
// min and max give b where one is not a number.
inline F min(F a, F b) { return _mm512_min_ps(a, b); }
inline F max(F a, F b) { return _mm512_max_ps(a, b); }
inline F sqrt(F a) { return _mm512_sqrt_ps(a); }
inline F floor(F a) { return _mm512_roundscale_ps(a, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC); }
inline F ceil(F a) { return _mm512_roundscale_ps(a, _MM_FROUND_TO_POS_INF | _MM_FROUND_NO_EXC); }
inline F nearest(F a) { return _mm512_roundscale_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
inline F zero_if_nan(F a) { return _mm512_maskz_mov_ps(_mm512_cmp_ps_mask(a, a, _CMP_ORD_Q), a); }
inline F if_less(F a, F b, F yes, F no) { return _mm512_mask_mov_ps(no, _mm512_cmp_ps_mask(a, b, _CMP_LT_OQ), yes); }
inline bool all_less(F a, F b) { return _mm512_cmp_ps_mask(a, b, _CMP_LT_OQ) == 0xffff; }
// Of each pair of lanes: the two swapped, the first twice.
inline F swap_pairs(F a) { return _mm512_permute_ps(a, 0xb1); }
inline F first_of_pairs(F a) { return _mm512_moveldup_ps(a); }
// The first lane in which a equals b; kLanes or more: none.
inline int first_equal(F a, F b) { return __builtin_ctz(0x10000u | _mm512_cmp_ps_mask(a, b, _CMP_EQ_OQ)); }
inline float highest(F a) {  // for clang, _mm512_reduce_max_ps says that there are no NaNs
  const __m256 half = _mm256_max_ps(_mm512_castps512_ps256(a),
                                    _mm256_castsi256_ps(_mm512_extracti64x4_epi64(_mm512_castps_si512(a), 1)));
  __m128 v = _mm_max_ps(_mm256_castps256_ps128(half), _mm256_extractf128_ps(half, 1));
  v = _mm_max_ps(v, _mm_movehl_ps(v, v));
  return _mm_cvtss_f32(_mm_max_ss(v, _mm_movehdup_ps(v)));
}

inline I set_i(int32_t v) { return _mm512_set1_epi32(v); }
inline I load_i(const int32_t* p) { return _mm512_loadu_si512(p); }
inline void store_i(int32_t* p, I v) { _mm512_storeu_si512(p, v); }
inline I load_u8(const uint8_t* p) {
  return _mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
}
inline I add(I a, I b) { return _mm512_add_epi32(a, b); }
inline I sub(I a, I b) { return _mm512_sub_epi32(a, b); }
inline I mul(I a, I b) { return _mm512_mullo_epi32(a, b); }
inline I mul_s16(I a, I b) { return _mm512_madd_epi16(a, b); }  // values that fit s16, b not negative
template <int kBits>
I shift_left(I a) {
  return _mm512_slli_epi32(a, kBits);
}
template <int kBits>
I shift_right(I a) {
  return _mm512_srli_epi32(a, kBits);
}
inline F to_f(I a) { return _mm512_cvtepi32_ps(a); }
inline I round(F a) { return _mm512_cvtps_epi32(a); }  // half to even; what does not fit gives INT32_MIN
inline F as_f(I a) { return _mm512_castsi512_ps(a); }
inline I as_i(F a) { return _mm512_castps_si512(a); }

inline B set_b(uint8_t v) { return _mm512_set1_epi8(static_cast<char>(v)); }
inline B load_b(const uint8_t* p) { return _mm512_loadu_si512(p); }
// 64 / kParts bytes from each of p[0], p[1] ...
template <int kParts>
B load_parts(const uint8_t* const* p) {
  if constexpr (kParts == 1) return load_b(p[0]);
  const auto half = [&](int i) __attribute__((always_inline)) { return reinterpret_cast<const __m256i*>(p[i]); };
  const auto quarter = [&](int i) __attribute__((always_inline)) { return reinterpret_cast<const __m128i*>(p[i]); };
  if constexpr (kParts == 2)
    return _mm512_inserti64x4(_mm512_castsi256_si512(_mm256_loadu_si256(half(0))), _mm256_loadu_si256(half(1)), 1);
  B v = _mm512_castsi128_si512(_mm_loadu_si128(quarter(0)));
  v = _mm512_inserti32x4(v, _mm_loadu_si128(quarter(1)), 1);
  v = _mm512_inserti32x4(v, _mm_loadu_si128(quarter(2)), 2);
  return _mm512_inserti32x4(v, _mm_loadu_si128(quarter(3)), 3);
}
inline void store_b(uint8_t* p, B v) { _mm512_storeu_si512(p, v); }
inline void store_b(uint8_t* p, B v, int n) { _mm512_mask_storeu_epi8(p, first_bytes(n), v); }
// The i-th half or quarter of v.
template <int i>
void store_half(uint8_t* p, B v) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm512_extracti64x4_epi64(v, i));
}
template <int i>
void store_quarter(uint8_t* p, B v) {
  _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm512_extracti32x4_epi32(v, i));
}
inline B min_b(B a, B b) { return _mm512_min_epu8(a, b); }
inline B max_b(B a, B b) { return _mm512_max_epu8(a, b); }

// Narrowing saturates. pack_b(pack_h(a, b), pack_h(c, d)) has the lanes of a, b, c, d in order; with pack_lanes, four lanes
// of each, then the next four of each: what interleave took apart.
inline H pack_h(I a, I b) { return _mm512_packs_epi32(a, b); }
inline H add_h(H a, H b) { return _mm512_adds_epi16(a, b); }
inline B pack_lanes(H a, H b) { return _mm512_packus_epi16(a, b); }
inline B pack_b(H a, H b) {
  const I order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
  return _mm512_permutexvar_epi32(order, pack_lanes(a, b));
}

// Lane n of z[j] holds byte 16 * (n / 4) + 4 * j + n % 4 of a, b, c, d.
inline void interleave(B a, B b, B c, B d, I z[4]) {
  const I ab_low = _mm512_unpacklo_epi8(a, b), ab_high = _mm512_unpackhi_epi8(a, b);
  const I cd_low = _mm512_unpacklo_epi8(c, d), cd_high = _mm512_unpackhi_epi8(c, d);
  z[0] = _mm512_unpacklo_epi16(ab_low, cd_low);
  z[1] = _mm512_unpackhi_epi16(ab_low, cd_low);
  z[2] = _mm512_unpacklo_epi16(ab_high, cd_high);
  z[3] = _mm512_unpackhi_epi16(ab_high, cd_high);
}

inline I broadcast4(const uint8_t* p) {
  int32_t v;
  std::memcpy(&v, p, 4);
  return _mm512_set1_epi32(v);
}
inline I load_w(const int8_t* p) { return _mm512_loadu_si512(p); }

// 2 * kLanes s16 in order; sums modulo 2^16.
inline H widen_u8(const uint8_t* p) {
  return _mm512_cvtepu8_epi16(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
}
inline void store_h(int16_t* p, H v) { _mm512_storeu_si512(p, v); }
inline H add_wrap(H a, H b) { return _mm512_add_epi16(a, b); }
inline H sub_wrap(H a, H b) { return _mm512_sub_epi16(a, b); }
template <int kBits>
H shift_wrap(H a) {
  return _mm512_slli_epi16(a, kBits);
}
// For activations in 16 bits (see Act16). A table's index is made once for several tables of 8.
inline H set_h(int16_t v) { return _mm512_set1_epi16(v); }
inline H load_table(const int16_t* p) {
  return _mm512_castsi128_si512(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
}
inline H table_index(H i) { return i; }
inline H look_up(H table, H index) { return _mm512_permutexvar_epi16(index, table); }
inline H abs_below(H a, H limit) { return _mm512_min_epu16(_mm512_abs_epi16(a), limit); }
inline H product_above_15(H a, H b) { return _mm512_mulhi_epu16(a, _mm512_add_epi16(b, b)); }  // none negative
inline H product_below_15(H a, H b) { return _mm512_and_si512(_mm512_mullo_epi16(a, b), set_h(0x7fff)); }
inline H rounded_product(H a, H b) { return _mm512_mulhrs_epi16(a, b); }
inline H max_h(H a, H b) { return _mm512_max_epi16(a, b); }
inline H negate_where_negative(H a, H sign) {
  const H m = _mm512_srai_epi16(sign, 15);
  return sub_wrap(_mm512_xor_si512(a, m), m);
}
inline H shift_right_by(H a, int bits) { return _mm512_sra_epi16(a, _mm_cvtsi32_si128(bits)); }

template <int kBits>
I shift_right_signed(I a) {
  return _mm512_srai_epi32(a, kBits);
}

}  // namespace
}  // namespace octet::kernels
