// Elementwise u8: add and mul, quantise and dequantise. Up to four vectors of a row, or short rows together, at a time.
#pragma once
#include "kernels/conv/epilogue_inl.h"
#include "kernels/owed.h"

namespace octet::kernels {
namespace {

template <int kVectors, bool kAdd, bool kAct>
void binary_columns(const BinaryU8& b, int first, int channels) {
  const Narrow limits = make_narrow<kVectors>(b.zero_point + first, b.low + first);
  for (int64_t row = 0; row < b.rows; row += kRowsAtOnce<kVectors>) {
    F v[4];
    I q[4];
    unroll<4>([&](auto i) __attribute__((always_inline)) {  // the fourth vector of three repeats the first
      const int n = first + i % kVectors * kLanes;
      const int64_t wanted = row + (kVectors == 3 ? 0 : i / kVectors), r = wanted < b.rows ? wanted : b.rows - 1;
      const F x = to_f(load_u8(b.a + r * b.a_pitch + n)), y = to_f(load_u8(b.b + r * b.b_pitch + n));
      if constexpr (kAdd) {
        v[i] = add(add(mul(x, load_f(b.a_multiplier + n)), mul(y, load_f(b.b_multiplier + n))), load_f(b.offset + n));
      } else {
        v[i] = mul(mul(sub(x, load_f(b.a_zero + n)), sub(y, load_f(b.b_zero + n))), load_f(b.a_multiplier + n));
      }
    });
    if constexpr (kAct) {
      if (b.slope) {
        unroll<4>([&](auto i) __attribute__((always_inline)) {
          v[i] = leaky(v[i], load_f(b.slope + first + i % kVectors * kLanes));
        });
      } else {
        act_fast(b.act, v);
      }
    }
    unroll<4>([&](auto i) __attribute__((always_inline)) {
      const int n = first + i % kVectors * kLanes;
      if constexpr (kAct) v[i] = mul(v[i], load_f(b.out_multiplier + n));
      q[i] = round(min(v[i], load_f(b.high + n)));
    });
    store_rows<kVectors>(b.output + row * b.output_pitch + first, b.output_pitch, b.rows - row, channels,
                         narrow(limits, q));
  }
}

template <bool kAdd, bool kAct>
inline void binary_rows(const BinaryU8& b) {
  for (int first = 0; first < b.channels; first += kBytes) {
    const int channels = b.channels - first < kBytes ? b.channels - first : kBytes;
    switch ((channels + kLanes - 1) / kLanes) {
      case 1:
        binary_columns<1, kAdd, kAct>(b, first, channels);
        break;
      case 2:
        binary_columns<2, kAdd, kAct>(b, first, channels);
        break;
      case 3:
        binary_columns<3, kAdd, kAct>(b, first, channels);
        break;
      default:
        binary_columns<4, kAdd, kAct>(b, first, channels);
        break;
    }
  }
}

// Parameters that are the same for all channels, repeated for the kFlat channels of a made-up row.
constexpr int kFlat = 64;
struct Repeated {
  float f32[9][kFlat];
  int32_t s32[2][kFlat];
};

template <class T>
inline bool all_equal(const T* values, int count) {
  for (int i = 1; values && i < count; ++i) {
    if (std::memcmp(values + i, values, sizeof(T)) != 0) return false;
  }
  return true;
}

template <class T>
inline const T* repeat(const T* value, T (&to)[kFlat]) {
  if (!value) return nullptr;
  for (T& t : to) t = *value;
  return to;
}

template <bool kAdd>
inline void binary_any(const BinaryU8& b) {
  b.act.kind == Act::kNone && !b.slope ? binary_rows<kAdd, false>(b) : binary_rows<kAdd, true>(b);
}

template <bool kAdd>
inline void binary(const BinaryU8& b) {
  assert(owed(b, kAdd));
  const int c = b.channels;
  const bool flat = c % kFlat != 0 && b.rows > 1 && b.a_pitch == c && b.b_pitch == c && b.output_pitch == c &&
                    all_equal(b.a_multiplier, c) && all_equal(b.b_multiplier, c) && all_equal(b.offset, c) &&
                    all_equal(b.a_zero, c) && all_equal(b.b_zero, c) && all_equal(b.low, c) && all_equal(b.high, c) &&
                    all_equal(b.zero_point, c) && all_equal(b.out_multiplier, c) && all_equal(b.slope, c);
  if (!flat) return binary_any<kAdd>(b);
  Repeated same;
  const int64_t count = b.rows * c, whole = count / kFlat * kFlat;
  BinaryU8 f = b;
  f.a_multiplier = repeat(b.a_multiplier, same.f32[0]);
  f.b_multiplier = repeat(b.b_multiplier, same.f32[1]);
  f.offset = repeat(b.offset, same.f32[2]);
  f.a_zero = repeat(b.a_zero, same.f32[2 + kAdd]);
  f.b_zero = repeat(b.b_zero, same.f32[3 + kAdd]);
  f.low = repeat(b.low, same.f32[4 + kAdd]);
  f.high = repeat(b.high, same.f32[5 + kAdd]);
  f.out_multiplier = repeat(b.out_multiplier, same.f32[7]);
  f.slope = repeat(b.slope, same.f32[8]);
  f.zero_point = repeat(b.zero_point, same.s32[0]);
  f.rows = whole / kFlat;
  f.channels = kFlat;
  f.a_pitch = f.b_pitch = f.output_pitch = kFlat;
  if (f.rows > 0) binary_any<kAdd>(f);
  f.a += whole, f.b += whole, f.output += whole;
  f.rows = 1;
  f.channels = static_cast<int>(count - whole);
  if (f.channels > 0) binary_any<kAdd>(f);
}

// Same as reference::add, reference::mul.
void add(const BinaryU8& b) { binary<true>(b); }
void mul(const BinaryU8& b) { binary<false>(b); }

template <int kVectors>
inline void quantize_columns(const float* in, int64_t in_pitch, uint8_t* out, int64_t out_pitch, int64_t rows,
                             int channels, const float* inv_scale, const int32_t* zero_point) {
  const float no_low[kFlat] = {};  // unused lower bounds: narrowing saturates at -zero_point
  Narrow limits = make_narrow<kVectors>(zero_point, no_low);
  limits.low = set_b(0);
  for (int64_t row = 0; row < rows; row += kRowsAtOnce<kVectors>) {
    I q[4];
    unroll<4>([&](auto i) __attribute__((always_inline)) {
      if constexpr (kVectors == 3 && i == 3) {
        q[3] = q[2];
        return;
      }
      constexpr int n = i % kVectors * kLanes;
      const int64_t r = row + i / kVectors < rows ? row + i / kVectors : rows - 1;
      const float* x = in + r * in_pitch + n;
      const F v = mul(channels - n >= kLanes ? load_f(x) : load_f(x, channels - n), load_f(inv_scale + n));
      // The upper bound is any that fits s16 after adding 255: narrowing saturates there too.
      q[i] = round(min(zero_if_nan(v), set_f(32000.0f)));
    });
    store_rows<kVectors>(out + row * out_pitch, out_pitch, rows - row, channels, narrow(limits, q));
  }
}

inline void quantize_rows(const float* in, int64_t in_pitch, uint8_t* out, int64_t out_pitch, int64_t rows,
                          int channels, const float* inv_scale, const int32_t* zero_point) {
  for (int first = 0; first < channels; first += kBytes) {
    const int n = channels - first < kBytes ? channels - first : kBytes;
    const float *x = in + first, *scale = inv_scale + first;
    const int32_t* zero = zero_point + first;
    switch ((n + kLanes - 1) / kLanes) {
      case 1:
        quantize_columns<1>(x, in_pitch, out + first, out_pitch, rows, n, scale, zero);
        break;
      case 2:
        quantize_columns<2>(x, in_pitch, out + first, out_pitch, rows, n, scale, zero);
        break;
      case 3:
        quantize_columns<3>(x, in_pitch, out + first, out_pitch, rows, n, scale, zero);
        break;
      default:
        quantize_columns<4>(x, in_pitch, out + first, out_pitch, rows, n, scale, zero);
        break;
    }
  }
}

// Same as reference::quantize.
void quantize(const float* in, int64_t in_pitch, uint8_t* out, int64_t out_pitch, int64_t rows, int channels,
              const float* inv_scale, const int32_t* zero_point) {
  const bool flat = channels % kFlat != 0 && rows > 1 && in_pitch == channels && out_pitch == channels &&
                    all_equal(inv_scale, channels) && all_equal(zero_point, channels);
  if (!flat) return quantize_rows(in, in_pitch, out, out_pitch, rows, channels, inv_scale, zero_point);
  float scale[kFlat];
  int32_t zero[kFlat];
  repeat(inv_scale, scale);
  repeat(zero_point, zero);
  const int64_t count = rows * channels, whole = count / kFlat * kFlat;
  if (whole > 0) quantize_rows(in, kFlat, out, kFlat, whole / kFlat, kFlat, scale, zero);
  if (count > whole) quantize_rows(in + whole, 0, out + whole, 0, 1, static_cast<int>(count - whole), scale, zero);
}

inline void dequantize_rows(const uint8_t* in, int64_t in_pitch, float* out, int64_t out_pitch, int64_t rows,
                            int channels, const float* scale, const int32_t* zero_point) {
  for (int64_t row = 0; row < rows; ++row) {
    for (int n = 0; n < channels; n += kLanes) {
      const F v = mul(sub(to_f(load_u8(in + row * in_pitch + n)), to_f(load_i(zero_point + n))), load_f(scale + n));
      float* to = out + row * out_pitch + n;
      channels - n >= kLanes ? store_f(to, v) : store_f(to, v, channels - n);
    }
  }
}

// Same as reference::dequantize.
void dequantize(const uint8_t* in, int64_t in_pitch, float* out, int64_t out_pitch, int64_t rows, int channels,
                const float* scale, const int32_t* zero_point) {
  const bool flat = channels % kFlat != 0 && rows > 1 && in_pitch == channels && out_pitch == channels &&
                    all_equal(scale, channels) && all_equal(zero_point, channels);
  if (!flat) return dequantize_rows(in, in_pitch, out, out_pitch, rows, channels, scale, zero_point);
  float scales[kFlat];
  int32_t zero[kFlat];
  repeat(scale, scales);
  repeat(zero_point, zero);
  const int64_t count = rows * channels, whole = count / kFlat * kFlat;
  if (whole > 0) dequantize_rows(in, kFlat, out, kFlat, whole / kFlat, kFlat, scales, zero);
  if (count > whole) dequantize_rows(in + whole, 0, out + whole, 0, 1, static_cast<int>(count - whole), scales, zero);
}

}  // namespace
}  // namespace octet::kernels
