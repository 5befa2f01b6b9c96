// Bilinear resize: all products are exact in s32, so any order of the sums gives the same bytes.
#pragma once
#include "kernels/conv/epilogue_inl.h"
#include "kernels/owed.h"

namespace octet::kernels {
namespace {

struct Corners {
  const uint8_t *upper_left, *upper_right, *lower_left, *lower_right;
  I wx, wy;
};

// p * (2048 - w) + q * w; the difference fits s16.
inline I blend_across(const uint8_t* p, const uint8_t* q, I w) {
  const I a = load_u8(p), b = load_u8(q);
  return add(shift_left<11>(a), mul_s16(sub(b, a), w));
}

template <int kVectors>
inline void blend(const Corners& c, int first, int channels, uint8_t* out) {
  I q[4];
  unroll<4>([&](auto i) __attribute__((always_inline)) {
    if constexpr (i >= kVectors) {
      q[i] = q[0];
      return;
    }
    const int n = first + i * kLanes;
    const I over = blend_across(c.upper_left + n, c.upper_right + n, c.wx),
            under = blend_across(c.lower_left + n, c.lower_right + n, c.wx);
    q[i] = shift_right<22>(add(add(shift_left<11>(over), mul(sub(under, over), c.wy)), set_i(1 << 21)));
  });
  const B bytes = pack_b(pack_h(q[0], q[1]), pack_h(q[2], q[3]));
  channels == kBytes ? store_b(out + first, bytes) : store_b(out + first, bytes, channels);
}

// Same as reference::bilinear.
void bilinear(const BilinearU8& b, int y_begin, int y_end) {
  assert(owed(b, y_begin, y_end));
  for (int y = y_begin; y < y_end; ++y) {
    const uint8_t* upper = b.input + int64_t{b.y0[y]} * b.in_w * b.input_pitch;
    const uint8_t* lower = b.input + int64_t{b.y1[y]} * b.in_w * b.input_pitch;
    for (int x = 0; x < b.out_w; ++x) {
      const int64_t left = b.x0[x] * b.input_pitch, right = b.x1[x] * b.input_pitch;
      const Corners c = {upper + left, upper + right, lower + left, lower + right, set_i(b.wx[x]), set_i(b.wy[y])};
      uint8_t* out = b.output + (int64_t{y} * b.out_w + x) * b.output_pitch;
      for (int first = 0; first < b.channels; first += kBytes) {
        const int channels = b.channels - first < kBytes ? b.channels - first : kBytes;
        switch ((channels + kLanes - 1) / kLanes) {
          case 1:
            blend<1>(c, first, channels, out);
            break;
          case 2:
            blend<2>(c, first, channels, out);
            break;
          case 3:
            blend<3>(c, first, channels, out);
            break;
          default:
            blend<4>(c, first, channels, out);
            break;
        }
      }
    }
  }
}

}  // namespace
}  // namespace octet::kernels
