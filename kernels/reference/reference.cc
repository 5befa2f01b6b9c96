// The oracle of the int8 kernels.
#include "kernels/reference/reference.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "kernels/owed.h"
#include "kernels/quant.h"

namespace octet::kernels::reference {
namespace {

int16_t rounded_product(int16_t a, int16_t b) { return static_cast<int16_t>((a * b + (1 << 14)) >> 15); }

}  // namespace

int16_t curve(const Act16& a, int16_t x) {
  const int32_t at = std::min<int32_t>(std::abs(int32_t{x}), a.limit) * a.step;
  const auto i = static_cast<size_t>(at >> 15);
  const auto t = static_cast<int16_t>(at & 0x7fff);
  const auto slope = static_cast<int16_t>(a.slope[i] + rounded_product(t, a.bend[i]));
  return static_cast<int16_t>(a.value[i] + rounded_product(t, slope));
}

namespace {

// What is stored as u8 meets its upper bound first, and its lower one when it is a byte.
float clamp(float v, float low, float high) { return max_of(min_of(v, high), low); }

int16_t saturated(int32_t v) { return static_cast<int16_t>(std::clamp(v, -32768, 32767)); }

uint8_t finish_16(const Epilogue& e, int32_t acc, int n, const uint8_t* residual) {
  const Act16& a = *e.act16;
  const int16_t x = saturated(round_half_even(static_cast<float>(acc) * e.multiplier[n]));
  const int16_t c = curve(a, x);
  int16_t y;
  if (a.odd) {
    y = saturated((x < 0 ? static_cast<int16_t>(-c) : c) + a.base);
  } else {
    const int32_t r = e.res_multiplier ? (residual[n] * a.residual + (1 << 7)) >> 8 : 0;
    y = saturated(std::max<int16_t>(x, 0) + saturated(c + r));
  }
  return static_cast<uint8_t>(std::clamp<int32_t>(y >> a.shift, a.low, a.high));
}

void finish_one(const Epilogue& e, int32_t acc, int n, const uint8_t* residual, void* row) {
  const bool to_u8 = e.zero_point != nullptr;
  if (to_u8 && e.act16) {
    static_cast<uint8_t*>(row)[n] = finish_16(e, acc, n, residual);
    return;
  }
  float v = static_cast<float>(acc) * e.multiplier[n];
  if (e.act.kind != Act::kNone) v = (to_u8 ? act_fast(e.act, v) : act_accurate(e.act, v)) * e.out_multiplier[n];
  if (e.res_multiplier) v = v + (static_cast<float>(residual[n]) * e.res_multiplier[n] + e.res_offset[n]);
  if (to_u8) {
    v = clamp(v, e.low[n], e.high[n]);
    static_cast<uint8_t*>(row)[n] = static_cast<uint8_t>(e.zero_point[n] + round_half_even(v));
  } else {
    static_cast<float*>(row)[n] = min_of(max_of(v, e.low[n]), e.high[n]);
  }
}

void* row_at(void* output, const Epilogue& e, int64_t offset) {
  return e.zero_point ? static_cast<void*>(static_cast<uint8_t*>(output) + offset)
                      : static_cast<void*>(static_cast<float*>(output) + offset);
}

const uint8_t* residual_at(const uint8_t* residual, int64_t offset) { return residual ? residual + offset : nullptr; }

int32_t dot(const ConvTile& tile, int r, int n) {
  const int8_t* block = tile.weights + int64_t{n / kBlock} * tile.taps * tile.groups * kBlock * kGroup;
  int32_t sum = 0;
  for (int t = 0; t < tile.taps; ++t) {
    const uint8_t* x = tile.input[t * tile.rows + r];
    for (int g = 0; g < tile.groups; ++g) {
      const int8_t* w = block + ((int64_t{t} * tile.groups + g) * kBlock + n % kBlock) * kGroup;
      for (int c = 0; c < kGroup; ++c) sum += x[g * kGroup + c] * w[c];
    }
  }
  return sum;
}

}  // namespace

void finish(const Finish& f) {
  for (int r = 0; r < f.rows; ++r) {
    void* row = row_at(f.output, f.epilogue, r * f.output_pitch);
    const uint8_t* residual = residual_at(f.residual, r * f.residual_pitch);
    for (int n = 0; n < f.channels; ++n) finish_one(f.epilogue, f.acc[r * f.acc_pitch + n], n, residual, row);
  }
}

void conv_tile(const ConvTile& tile) {
  assert(owed(tile, kMaxRows));
  for (int r = 0; r < tile.rows; ++r) {
    void* row = row_at(tile.output, tile.epilogue, r * tile.output_pitch);
    const uint8_t* residual = residual_at(tile.residual, r * tile.residual_pitch);
    for (int n = 0; n < tile.channels; ++n) {
      finish_one(tile.epilogue, tile.epilogue.acc0[n] + dot(tile, r, n), n, residual, row);
    }
  }
}

size_t depthwise_packed_bytes(int kernel_h, int kernel_w, int channels) {
  return static_cast<size_t>(kernel_h) * kernel_w * channels;
}

void depthwise_pack(const int8_t* weights, int kernel_h, int kernel_w, int channels, int8_t* packed) {
  std::memcpy(packed, weights, depthwise_packed_bytes(kernel_h, kernel_w, channels));
}

void depthwise(const Depthwise& d, int y_begin, int y_end) {
  assert(owed(d, y_begin, y_end));
  for (int64_t pixel = int64_t{y_begin} * d.out_w; pixel < int64_t{y_end} * d.out_w; ++pixel) {
    void* row = row_at(d.output, d.epilogue, pixel * d.output_pitch);
    const uint8_t* residual = residual_at(d.residual, pixel * d.residual_pitch);
    for (int n = 0; n < d.channels; ++n) {
      int32_t acc = d.epilogue.acc0[n];
      for (int tap = 0; tap < d.kernel_h * d.kernel_w; ++tap) {
        const int64_t y = pixel / d.out_w * d.stride_h - d.pad_top + tap / d.kernel_w * d.dilation_h;
        const int64_t x = pixel % d.out_w * d.stride_w - d.pad_left + tap % d.kernel_w * d.dilation_w;
        const bool inside = y >= 0 && y < d.in_h && x >= 0 && x < d.in_w;
        const uint8_t* from = inside ? d.input + (y * d.in_w + x) * d.input_pitch : d.zero_row;
        acc += from[n] * d.weights[tap * d.channels + n];
      }
      finish_one(d.epilogue, acc, n, residual, row);
    }
  }
}

void max_pool(const Pool& p, const uint8_t* in, uint8_t* out, int y_begin, int y_end) {
  assert(owed(p, y_begin, y_end));
  for (int64_t pixel = int64_t{y_begin} * p.out_w; pixel < int64_t{y_end} * p.out_w; ++pixel) {
    for (int n = 0; n < p.channels; ++n) {
      uint8_t best = 0;
      for (int tap = 0; tap < p.kernel_h * p.kernel_w; ++tap) {
        const int64_t y = pixel / p.out_w * p.stride_h - p.pad_top + tap / p.kernel_w * p.dilation_h;
        const int64_t x = pixel % p.out_w * p.stride_w - p.pad_left + tap % p.kernel_w * p.dilation_w;
        if (y >= 0 && y < p.in_h && x >= 0 && x < p.in_w)
          best = std::max(best, in[(y * p.in_w + x) * p.input_pitch + n]);
      }
      out[pixel * p.output_pitch + n] = best;
    }
  }
}

void average_pool(const AveragePool& a, const uint8_t* in, uint8_t* out, int y_begin, int y_end) {
  assert(owed(a, y_begin, y_end));
  const Pool& p = a.pool;
  for (int64_t pixel = int64_t{y_begin} * p.out_w; pixel < int64_t{y_end} * p.out_w; ++pixel) {
    for (int n = 0; n < p.channels; ++n) {
      int32_t sum = 0, inside = 0;
      const int32_t taps = p.kernel_h * p.kernel_w;
      for (int tap = 0; tap < taps; ++tap) {
        const int64_t y = pixel / p.out_w * p.stride_h - p.pad_top + tap / p.kernel_w * p.dilation_h;
        const int64_t x = pixel % p.out_w * p.stride_w - p.pad_left + tap % p.kernel_w * p.dilation_w;
        if (y < 0 || y >= p.in_h || x < 0 || x >= p.in_w) continue;
        sum += in[(y * p.in_w + x) * p.input_pitch + n];
        ++inside;
      }
      const int32_t zero_in = a.zero_point_in[n], zero_out = a.zero_point_out[n];
      if (a.count_include_pad) sum += (taps - inside) * zero_in;
      const int32_t count = a.count_include_pad ? taps : std::max(inside, 1);
      const float centred = static_cast<float>(sum) - static_cast<float>(count * zero_in);
      const float v = centred * (a.multiplier[n] / static_cast<float>(count));
      const float low = static_cast<float>(-zero_out), high = static_cast<float>(255 - zero_out);
      out[pixel * p.output_pitch + n] = static_cast<uint8_t>(zero_out + round_half_even(clamp(v, low, high)));
    }
  }
}

namespace {

template <class Value>
void binary(const BinaryU8& b, Value value) {
  for (int64_t r = 0; r < b.rows; ++r) {
    for (int n = 0; n < b.channels; ++n) {
      float v = value(n, static_cast<float>(b.a[r * b.a_pitch + n]), static_cast<float>(b.b[r * b.b_pitch + n]));
      if (b.slope)
        v = act_fast({Act::kLeakyRelu, b.slope[n]}, v) * b.out_multiplier[n];
      else if (b.act.kind != Act::kNone)
        v = act_fast(b.act, v) * b.out_multiplier[n];
      v = clamp(v, b.low[n], b.high[n]);
      b.output[r * b.output_pitch + n] = static_cast<uint8_t>(b.zero_point[n] + round_half_even(v));
    }
  }
}

}  // namespace

void add(const BinaryU8& b) {
  assert(owed(b, true));
  binary(b, [&b](int n, float x, float y) { return (x * b.a_multiplier[n] + y * b.b_multiplier[n]) + b.offset[n]; });
}

void mul(const BinaryU8& b) {
  assert(owed(b, false));
  binary(b, [&b](int n, float x, float y) { return ((x - b.a_zero[n]) * (y - b.b_zero[n])) * b.a_multiplier[n]; });
}

void bilinear(const BilinearU8& b, int y_begin, int y_end) {
  assert(owed(b, y_begin, y_end));
  for (int y = y_begin; y < y_end; ++y) {
    const uint8_t* upper = b.input + int64_t{b.y0[y]} * b.in_w * b.input_pitch;
    const uint8_t* lower = b.input + int64_t{b.y1[y]} * b.in_w * b.input_pitch;
    for (int x = 0; x < b.out_w; ++x) {
      const int64_t left = b.x0[x] * b.input_pitch, right = b.x1[x] * b.input_pitch;
      const int32_t wx = b.wx[x], wy = b.wy[y];
      for (int n = 0; n < b.channels; ++n) {
        const int32_t over = upper[left + n] * (2048 - wx) + upper[right + n] * wx;
        const int32_t under = lower[left + n] * (2048 - wx) + lower[right + n] * wx;
        const int32_t sum = over * (2048 - wy) + under * wy + (1 << 21);
        b.output[(int64_t{y} * b.out_w + x) * b.output_pitch + n] = static_cast<uint8_t>(sum >> 22);
      }
    }
  }
}

void table(const uint8_t* table, const uint8_t* in, uint8_t* out, int64_t count) {
  for (int64_t i = 0; i < count; ++i) out[i] = table[in[i]];
}

void quantize(const float* in, int64_t in_pitch, uint8_t* out, int64_t out_pitch, int64_t rows, int channels,
              const float* inv_scale, const int32_t* zero_point) {
  for (int64_t r = 0; r < rows; ++r) {
    for (int n = 0; n < channels; ++n) {
      out[r * out_pitch + n] = quantize_u8(in[r * in_pitch + n], inv_scale[n], zero_point[n]);
    }
  }
}

void dequantize(const uint8_t* in, int64_t in_pitch, float* out, int64_t out_pitch, int64_t rows, int channels,
                const float* scale, const int32_t* zero_point) {
  for (int64_t r = 0; r < rows; ++r) {
    for (int n = 0; n < channels; ++n) {
      out[r * out_pitch + n] = dequantize_u8(in[r * in_pitch + n], scale[n], zero_point[n]);
    }
  }
}

void transpose_8(const uint8_t* in, int64_t in_pitch, uint8_t* out, int64_t out_pitch, int64_t rows, int64_t columns) {
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t c = 0; c < columns; ++c) out[c * out_pitch + r] = in[r * in_pitch + c];
  }
}

void transpose_32(const uint32_t* in, int64_t in_pitch, uint32_t* out, int64_t out_pitch, int64_t rows,
                  int64_t columns) {
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t c = 0; c < columns; ++c) out[c * out_pitch + r] = in[r * in_pitch + c];
  }
}

void argmax_u8(const uint8_t* in, int64_t in_pitch, int64_t rows, int channels, int64_t* out) {
  for (int64_t r = 0; r < rows; ++r)
    out[r] = std::max_element(in + r * in_pitch, in + r * in_pitch + channels) - (in + r * in_pitch);
}

}  // namespace octet::kernels::reference
