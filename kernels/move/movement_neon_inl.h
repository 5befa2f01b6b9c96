// Of moving elements what 64-bit NEON has instructions for; the rest as the reference does it.
#pragma once
#include <arm_neon.h>

#include "kernels/reference/reference.h"

namespace octet::kernels {
namespace {

using reference::argmax_u8;
using reference::transpose_32;

using Bytes16 = uint8x16_t;
inline Bytes16 load_128(const uint8_t* p) { return vld1q_u8(p); }
inline void store_128(uint8_t* p, Bytes16 v) { vst1q_u8(p, v); }
inline Bytes16 zip_low(Bytes16 a, Bytes16 b) { return vzip1q_u8(a, b); }
inline Bytes16 zip_high(Bytes16 a, Bytes16 b) { return vzip2q_u8(a, b); }

// Three planes to pixels of 3 bytes, every 4 (the fourth keeps its value) or every 3 bytes. Returns the columns done.
inline int64_t interleave_planes(const uint8_t* in, int64_t in_pitch, uint8_t* out, int64_t out_pitch,
                                 int64_t columns) {
  int64_t c = 0;
  for (; c + 17 <= columns; c += 16) {  // the last of the padded pixels is whole: another follows
    const uint8x16x3_t planes = {vld1q_u8(in + c), vld1q_u8(in + in_pitch + c), vld1q_u8(in + 2 * in_pitch + c)};
    uint8_t* to = out + c * out_pitch;
    if (out_pitch == 3) {
      vst3q_u8(to, planes);
    } else {
      vst4q_u8(to, {planes.val[0], planes.val[1], planes.val[2], vld4q_u8(to).val[3]});
    }
  }
  return c;
}

}  // namespace
}  // namespace octet::kernels
