// The vectors of 64-bit NEON, same names as vec_avx512.h; the dot product is with the ISA file.
#pragma once
#include <arm_neon.h>

#include <cstdint>
#include <cstring>

namespace octet::kernels {
namespace {

constexpr int kLanes = 4;
constexpr int kBytes = 4 * kLanes;

using F = float32x4_t;
using I = int32x4_t;
using B = uint8x16_t;
using H = int16x8_t;

inline F set_f(float v) { return vdupq_n_f32(v); }
inline F load_f(const float* p) { return vld1q_f32(p); }
inline F load_f(const float* p, int n) {
  float copy[kLanes] = {};
  std::memcpy(copy, p, sizeof(float) * static_cast<size_t>(n & 3));  // n < kLanes; GCC 12 sees larger ones
  return vld1q_f32(copy);
}
inline void store_f(float* p, F v) { vst1q_f32(p, v); }
inline void store_f(float* p, F v, int n) {
  float copy[kLanes];
  vst1q_f32(copy, v);
  std::memcpy(p, copy, sizeof(float) * static_cast<size_t>(n & 3));
}
inline F add(F a, F b) { return vaddq_f32(a, b); }
inline F sub(F a, F b) { return vsubq_f32(a, b); }
inline F mul(F a, F b) { return vmulq_f32(a, b); }
inline F div(F a, F b) { return vdivq_f32(a, b); }
inline F fma(F a, F b, F c) { return vfmaq_f32(c, a, b); }
inline F fnma(F a, F b, F c) { return vfmsq_f32(c, a, b); }
// vminq and vmaxq would give NaN where x86 gives b.
inline F min(F a, F b) { return vbslq_f32(vcltq_f32(a, b), a, b); }
inline F max(F a, F b) { return vbslq_f32(vcgtq_f32(a, b), a, b); }
inline F sqrt(F a) { return vsqrtq_f32(a); }
inline F floor(F a) { return vrndmq_f32(a); }
inline F ceil(F a) { return vrndpq_f32(a); }
inline F nearest(F a) { return vrndnq_f32(a); }
inline F zero_if_nan(F a) { return vreinterpretq_f32_u32(vandq_u32(vreinterpretq_u32_f32(a), vceqq_f32(a, a))); }
inline F if_less(F a, F b, F yes, F no) { return vbslq_f32(vcltq_f32(a, b), yes, no); }
inline bool all_less(F a, F b) { return vminvq_u32(vcltq_f32(a, b)) != 0; }
inline F swap_pairs(F a) { return vrev64q_f32(a); }
inline F first_of_pairs(F a) { return vtrn1q_f32(a, a); }
inline int first_equal(F a, F b) {
  const uint64_t found = vget_lane_u64(vreinterpret_u64_u16(vmovn_u32(vceqq_f32(a, b))), 0);
  return found ? __builtin_ctzll(found) / 16 : kLanes;
}
inline float highest(F a) { return vmaxvq_f32(a); }

inline I set_i(int32_t v) { return vdupq_n_s32(v); }
inline I load_i(const int32_t* p) { return vld1q_s32(p); }
inline void store_i(int32_t* p, I v) { vst1q_s32(p, v); }
inline I load_u8(const uint8_t* p) {
  uint32_t four;
  std::memcpy(&four, p, 4);
  const uint8x8_t bytes = vreinterpret_u8_u32(vdup_n_u32(four));
  return vreinterpretq_s32_u32(vmovl_u16(vget_low_u16(vmovl_u8(bytes))));
}
inline I add(I a, I b) { return vaddq_s32(a, b); }
inline I sub(I a, I b) { return vsubq_s32(a, b); }
inline I mul(I a, I b) { return vmulq_s32(a, b); }
inline I mul_s16(I a, I b) { return vmulq_s32(a, b); }
template <int kBits>
I shift_left(I a) {
  return vshlq_n_s32(a, kBits);
}
template <int kBits>
I shift_right(I a) {
  return vreinterpretq_s32_u32(vshrq_n_u32(vreinterpretq_u32_s32(a), kBits));
}
inline F to_f(I a) { return vcvtq_f32_s32(a); }
inline I round(F a) { return vcvtnq_s32_f32(a); }
inline F as_f(I a) { return vreinterpretq_f32_s32(a); }
inline I as_i(F a) { return vreinterpretq_s32_f32(a); }

inline B set_b(uint8_t v) { return vdupq_n_u8(v); }
inline B load_b(const uint8_t* p) { return vld1q_u8(p); }
template <int kParts>
B load_parts(const uint8_t* const* p) {
  return load_b(p[0]);
}
inline void store_b(uint8_t* p, B v) { vst1q_u8(p, v); }
inline void store_b(uint8_t* p, B v, int n) {
  if (n >= kBytes) return store_b(p, v);
  uint8_t copy[kBytes];
  vst1q_u8(copy, v);
  std::memcpy(p, copy, static_cast<size_t>(n));
}
template <int i>
void store_half(uint8_t* p, B v) {
  vst1_u8(p, i ? vget_high_u8(v) : vget_low_u8(v));
}
template <int i>
void store_quarter(uint8_t* p, B v) {
  const uint32_t four = vgetq_lane_u32(vreinterpretq_u32_u8(v), i);
  std::memcpy(p, &four, 4);
}
inline B min_b(B a, B b) { return vminq_u8(a, b); }
inline B max_b(B a, B b) { return vmaxq_u8(a, b); }

inline H pack_h(I a, I b) { return vcombine_s16(vqmovn_s32(a), vqmovn_s32(b)); }
inline H add_h(H a, H b) { return vqaddq_s16(a, b); }
inline B pack_lanes(H a, H b) { return vcombine_u8(vqmovun_s16(a), vqmovun_s16(b)); }
inline B pack_b(H a, H b) { return pack_lanes(a, b); }

inline void interleave(B a, B b, B c, B d, I z[4]) {
  const uint16x8_t ab_low = vreinterpretq_u16_u8(vzip1q_u8(a, b)), ab_high = vreinterpretq_u16_u8(vzip2q_u8(a, b));
  const uint16x8_t cd_low = vreinterpretq_u16_u8(vzip1q_u8(c, d)), cd_high = vreinterpretq_u16_u8(vzip2q_u8(c, d));
  z[0] = vreinterpretq_s32_u16(vzip1q_u16(ab_low, cd_low));
  z[1] = vreinterpretq_s32_u16(vzip2q_u16(ab_low, cd_low));
  z[2] = vreinterpretq_s32_u16(vzip1q_u16(ab_high, cd_high));
  z[3] = vreinterpretq_s32_u16(vzip2q_u16(ab_high, cd_high));
}

inline I broadcast4(const uint8_t* p) {
  int32_t v;
  std::memcpy(&v, p, 4);
  return vdupq_n_s32(v);
}
inline I load_w(const int8_t* p) { return vreinterpretq_s32_s8(vld1q_s8(p)); }

inline H widen_u8(const uint8_t* p) { return vreinterpretq_s16_u16(vmovl_u8(vld1_u8(p))); }
inline void store_h(int16_t* p, H v) { vst1q_s16(p, v); }
inline H add_wrap(H a, H b) { return vaddq_s16(a, b); }
inline H sub_wrap(H a, H b) { return vsubq_s16(a, b); }
template <int kBits>
H shift_wrap(H a) {
  return vshlq_n_s16(a, kBits);
}
inline H set_h(int16_t v) { return vdupq_n_s16(v); }
inline H load_table(const int16_t* p) { return vld1q_s16(p); }
inline H table_index(H i) { return vmlaq_s16(vdupq_n_s16(0x0100), i, vdupq_n_s16(0x0202)); }
inline H look_up(H table, H index) {
  return vreinterpretq_s16_u8(vqtbl1q_u8(vreinterpretq_u8_s16(table), vreinterpretq_u8_s16(index)));
}
inline H abs_below(H a, H limit) { return vminq_s16(vqabsq_s16(a), limit); }
inline H product_above_15(H a, H b) { return vqdmulhq_s16(a, b); }
inline H product_below_15(H a, H b) { return vandq_s16(vmulq_s16(a, b), vdupq_n_s16(0x7fff)); }
inline H rounded_product(H a, H b) { return vqrdmulhq_s16(a, b); }
inline H max_h(H a, H b) { return vmaxq_s16(a, b); }
inline H negate_where_negative(H a, H sign) {
  const H m = vshrq_n_s16(sign, 15);
  return sub_wrap(veorq_s16(a, m), m);
}
inline H shift_right_by(H a, int bits) { return vshlq_s16(a, vdupq_n_s16(static_cast<int16_t>(-bits))); }

template <int kBits>
I shift_right_signed(I a) {
  return vshrq_n_s32(a, kBits);
}

}  // namespace
}  // namespace octet::kernels
