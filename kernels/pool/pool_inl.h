// Pooling, u8 and f32: maxima of columns first, so that overlapping windows share them; averages tap by tap.
#pragma once
#include <limits>

#include "kernels/isa/unroll_inl.h"
#include "kernels/owed.h"

namespace octet::kernels {
namespace {

struct MaxU8 {
  using Value = uint8_t;
  using Vector = B;
  static constexpr int kWidth = kBytes;
  static B lowest() { return set_b(0); }
  static B load(const uint8_t* p, int) { return load_b(p); }
  static B largest(B a, B best) { return max_b(a, best); }
  static B result(B v) { return v; }
  static void store(uint8_t* p, B v, int n) { n < kWidth ? store_b(p, v, n) : store_b(p, v); }
};

struct MaxF32 {
  using Value = float;
  using Vector = F;
  static constexpr int kWidth = kLanes;
  static F lowest() { return set_f(-std::numeric_limits<float>::infinity()); }
  static F load(const float* p, int n) { return n < kWidth ? load_f(p, n) : load_f(p); }
  static F largest(F a, F best) { return max(a, best); }  // what is not a number never wins
  static void store(float* p, F v, int n) { n < kWidth ? store_f(p, v, n) : store_f(p, v); }
  static F result(F v) { return add(v, set_f(0.0f)); }  // of two zeros either may come first
};

// First and last + 1 tap inside the image, for a window that starts at `start`.
struct Span {
  int begin, end;
};
inline Span taps_inside(int start, int kernel, int dilation, int size) {
  Span s = {0, kernel};
  while (s.begin < s.end && start + s.begin * dilation < 0) ++s.begin;
  while (s.begin < s.end && start + (s.end - 1) * dilation >= size) --s.end;
  return s;
}

constexpr int kPoolColumns = 64;

// One output row, `n` channels from a row's `first` on, outputs [x_begin, x_end) whose input columns fit the buffer.
template <class Max>
inline void max_pool_strip(const Pool& p, const typename Max::Value* in, typename Max::Value* out, int y, int x_begin,
                           int x_end, int n) {
  typename Max::Vector column[kPoolColumns];
  const int top = y * p.stride_h - p.pad_top, left = x_begin * p.stride_w - p.pad_left;
  const Span rows = taps_inside(top, p.kernel_h, p.dilation_h, p.in_h);
  const int columns = (x_end - 1 - x_begin) * p.stride_w + (p.kernel_w - 1) * p.dilation_w + 1;
  for (int c = 0; c < columns; ++c) {
    auto best = Max::lowest();
    const int x = left + c;
    if (x >= 0 && x < p.in_w) {
      for (int k = rows.begin; k < rows.end; ++k) {
        best = Max::largest(Max::load(in + (int64_t{top + k * p.dilation_h} * p.in_w + x) * p.input_pitch, n), best);
      }
    }
    column[c] = best;
  }
  for (int x = x_begin; x < x_end; ++x) {
    const auto* window = column + (x - x_begin) * p.stride_w;
    auto best = window[0];
    for (int k = 1; k < p.kernel_w; ++k) best = Max::largest(window[k * p.dilation_w], best);
    Max::store(out + (int64_t{y} * p.out_w + x) * p.output_pitch, Max::result(best), n);
  }
}

// Windows too wide for the buffer: tap by tap.
template <class Max>
inline void max_pool_pixel(const Pool& p, const typename Max::Value* in, typename Max::Value* out, int y, int x,
                           int n) {
  const int top = y * p.stride_h - p.pad_top, left = x * p.stride_w - p.pad_left;
  const Span rows = taps_inside(top, p.kernel_h, p.dilation_h, p.in_h),
             columns = taps_inside(left, p.kernel_w, p.dilation_w, p.in_w);
  auto best = Max::lowest();
  for (int j = rows.begin; j < rows.end; ++j) {
    const auto* row = in + (int64_t{top + j * p.dilation_h} * p.in_w + left) * p.input_pitch;
    for (int k = columns.begin; k < columns.end; ++k)
      best = Max::largest(Max::load(row + k * p.dilation_w * p.input_pitch, n), best);
  }
  Max::store(out + (int64_t{y} * p.out_w + x) * p.output_pitch, Max::result(best), n);
}

template <class Max>
inline void max_pool_any(const Pool& p, const typename Max::Value* in, typename Max::Value* out, int y_begin,
                         int y_end) {
  const int window = (p.kernel_w - 1) * p.dilation_w + 1;
  const int outputs = window <= kPoolColumns ? (kPoolColumns - window) / p.stride_w + 1 : 0;
  for (int c = 0; c < p.channels; c += Max::kWidth) {
    const int n = p.channels - c < Max::kWidth ? p.channels - c : Max::kWidth;
    for (int y = y_begin; y < y_end; ++y) {
      for (int x = 0; x < p.out_w;) {
        const int end = x + outputs < p.out_w ? x + outputs : p.out_w;
        if (outputs > 0) {
          max_pool_strip<Max>(p, in + c, out + c, y, x, end, n);
          x = end;
        } else {
          max_pool_pixel<Max>(p, in + c, out + c, y, x++, n);
        }
      }
    }
  }
}

// Same as reference::max_pool.
void max_pool(const Pool& p, const uint8_t* in, uint8_t* out, int y_begin, int y_end) {
  assert(owed(p, y_begin, y_end));
  max_pool_any<MaxU8>(p, in, out, y_begin, y_end);
}
void max_pool_f32(const Pool& p, const float* in, float* out, int y_begin, int y_end) {
  assert(owed(p, y_begin, y_end));
  max_pool_any<MaxF32>(p, in, out, y_begin, y_end);
}

// Same as reference::average_pool. Integer division nowhere: the sum is exact, then two float operations.
void average_pool(const AveragePool& a, const uint8_t* in, uint8_t* out, int y_begin, int y_end) {
  assert(owed(a, y_begin, y_end));
  const Pool& p = a.pool;
  const int taps = p.kernel_h * p.kernel_w;
  for (int c = 0; c < p.channels; c += kLanes) {
    const int n = p.channels - c < kLanes ? p.channels - c : kLanes;
    const I zero_in = load_i(a.zero_point_in + c), zero_out = load_i(a.zero_point_out + c);
    const F multiplier = load_f(a.multiplier + c), low = to_f(sub(set_i(0), zero_out)),
            high = to_f(sub(set_i(255), zero_out));
    int last_count = 0;
    F factor = multiplier;
    for (int64_t pixel = int64_t{y_begin} * p.out_w; pixel < int64_t{y_end} * p.out_w; ++pixel) {
      const int top = static_cast<int>(pixel / p.out_w) * p.stride_h - p.pad_top,
                left = static_cast<int>(pixel % p.out_w) * p.stride_w - p.pad_left;
      const Span rows = taps_inside(top, p.kernel_h, p.dilation_h, p.in_h),
                 columns = taps_inside(left, p.kernel_w, p.dilation_w, p.in_w);
      I sum = set_i(0);
      for (int j = rows.begin; j < rows.end; ++j) {
        const uint8_t* row = in + (int64_t{top + j * p.dilation_h} * p.in_w + left) * p.input_pitch + c;
        for (int k = columns.begin; k < columns.end; ++k)
          sum = add(sum, load_u8(row + k * p.dilation_w * p.input_pitch));
      }
      const int inside = (rows.end - rows.begin) * (columns.end - columns.begin);
      int count = inside > 0 ? inside : 1;
      if (a.count_include_pad) {
        sum = add(sum, mul(set_i(taps - inside), zero_in));
        count = taps;
      }
      if (count != last_count) factor = div(multiplier, set_f(static_cast<float>(count)));
      last_count = count;
      const F v = mul(sub(to_f(sum), to_f(mul(set_i(count), zero_in))), factor);
      const I q = add(zero_out, round(min(max(v, low), high)));
      store_b(out + pixel * p.output_pitch + c, pack_b(pack_h(q, q), pack_h(q, q)), n);
    }
  }
}

void average_pool_f32(const Pool& p, bool count_include_pad, const float* in, float* out, int y_begin, int y_end) {
  assert(owed(p, y_begin, y_end));
  for (int64_t pixel = int64_t{y_begin} * p.out_w; pixel < int64_t{y_end} * p.out_w; ++pixel) {
    const int top = static_cast<int>(pixel / p.out_w) * p.stride_h - p.pad_top,
              left = static_cast<int>(pixel % p.out_w) * p.stride_w - p.pad_left;
    const Span rows = taps_inside(top, p.kernel_h, p.dilation_h, p.in_h),
               columns = taps_inside(left, p.kernel_w, p.dilation_w, p.in_w);
    const int inside = (rows.end - rows.begin) * (columns.end - columns.begin);
    const int count = count_include_pad ? p.kernel_h * p.kernel_w : inside > 0 ? inside : 1;
    const F factor = set_f(1.0f / static_cast<float>(count));
    for (int c = 0; c < p.channels; c += kLanes) {
      const int n = p.channels - c < kLanes ? p.channels - c : kLanes;
      F sum = set_f(0.0f);
      for (int j = rows.begin; j < rows.end; ++j) {
        const float* row = in + (int64_t{top + j * p.dilation_h} * p.in_w + left) * p.input_pitch + c;
        F row_sum = set_f(0.0f);  // a sum of sums loses less than one long chain
        for (int k = columns.begin; k < columns.end; ++k)
          row_sum = add(row_sum, MaxF32::load(row + k * p.dilation_w * p.input_pitch, n));
        sum = add(sum, row_sum);
      }
      MaxF32::store(out + pixel * p.output_pitch + c, mul(sum, factor), n);
    }
  }
}

}  // namespace
}  // namespace octet::kernels
