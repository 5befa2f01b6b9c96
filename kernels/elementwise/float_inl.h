// Elementwise float, softmax, argmax: the same bits as the reference.
#pragma once
#include <limits>

#include "kernels/conv/conv_f32_inl.h"
#include "kernels/move/transpose_8_inl.h"
#include "kernels/quant.h"
#include "kernels/reference/reference.h"

namespace octet::kernels {
namespace {

template <class Op>
inline void map2(const float* a, int a_step, const float* b, int b_step, float* out, int64_t count, Op op) {
  for (int64_t i = 0; i < count; i += kLanes) {
    const int n = count - i < kLanes ? static_cast<int>(count - i) : kLanes;
    const F x = a_step ? load_some(a + i, n) : set_f(*a), y = b_step ? load_some(b + i, n) : set_f(*b);
    store_some(out + i, op(x, y), n);
  }
}

template <class Op>
inline void map1(const float* in, float* out, int64_t count, Op op) {
  for (int64_t i = 0; i < count; i += kLanes) {
    const int n = count - i < kLanes ? static_cast<int>(count - i) : kLanes;
    store_some(out + i, op(load_some(in + i, n)), n);
  }
}

// Squares and square roots are vectors, other exponents one by one.
inline void power(const float* a, int a_step, const float* b, int b_step, float* out, int64_t count) {
  if (b_step == 0 && *b == 2.0f) {
    map2(a, a_step, b, 0, out, count, [](F x, F) { return mul(x, x); });
  } else if (b_step == 0 && *b == 0.5f) {
    map2(a, a_step, b, 0, out, count, [](F x, F) { return sqrt(x); });
  } else {
    reference::binary_f32(BinaryF32::kPow, a, a_step, b, b_step, out, count);
  }
}

// As reference::binary_f32.
void binary_f32(BinaryF32 op, const float* a, int a_step, const float* b, int b_step, float* out, int64_t count) {
  const auto map = [&](auto f) { map2(a, a_step, b, b_step, out, count, f); };
  switch (op) {
    case BinaryF32::kAdd:
      return map([](F x, F y) { return add(x, y); });
    case BinaryF32::kSub:
      return map([](F x, F y) { return sub(x, y); });
    case BinaryF32::kMul:
      return map([](F x, F y) { return mul(x, y); });
    case BinaryF32::kDiv:
      return map([](F x, F y) { return div(x, y); });
    case BinaryF32::kPow:
      return power(a, a_step, b, b_step, out, count);
    case BinaryF32::kMin:
      return map([](F x, F y) { return min(y, x); });
    case BinaryF32::kMax:
      return map([](F x, F y) { return max(y, x); });
  }
}

// The square of exp(x / 2), so that results overflow and vanish where they should.
inline F exp_full(F x) {
  const F root = exp_clamped(mul(x, set_f(0.5f)));
  return mul(root, root);
}

// As reference::unary_f32.
void unary_f32(UnaryF32 op, Activation act, const float* in, float* out, int64_t count) {
  const auto map = [&](auto f) { map1(in, out, count, f); };
  switch (op) {
    case UnaryF32::kAct:
      return map([&](F x) { return act_accurate(act, x); });
    case UnaryF32::kExp:
      return map([](F x) { return exp_full(x); });
    case UnaryF32::kSqrt:
      return map([](F x) { return sqrt(x); });
    case UnaryF32::kNeg:
      return map([](F x) { return mul(x, set_f(-1.0f)); });
    case UnaryF32::kAbs:
      return map([](F x) { return add(max(x, mul(x, set_f(-1.0f))), set_f(0.0f)); });  // no negative zero
    case UnaryF32::kFloor:
      return map([](F x) { return floor(x); });
    case UnaryF32::kCeil:
      return map([](F x) { return ceil(x); });
    case UnaryF32::kRound:
      return map([](F x) { return nearest(x); });
    case UnaryF32::kReciprocal:
      return map([](F x) { return div(set_f(1.0f), x); });
    case UnaryF32::kLog:
    case UnaryF32::kErf:
    case UnaryF32::kSin:
    case UnaryF32::kCos:
      return reference::unary_f32(op, act, in, out, count);
  }
}

// As reference::bilinear_f32.
void bilinear_f32(int channels, const float* const corners[4], const float weights[4], float* out) {
  for (int c = 0; c < channels; c += kLanes) {
    const int n = channels - c < kLanes ? channels - c : kLanes;
    const auto term = [&](int i) { return mul(load_some(corners[i] + c, n), set_f(weights[i])); };
    store_some(out + c, add(add(term(0), term(1)), add(term(2), term(3))), n);
  }
}

// kVectors of channels of the pixels [begin, end), which have the same neighbours; `weights` by pixel from the first on. `last`: where
// the last vector begins; it may share channels with the one before.
template <int kVectors>
inline void blend_run(const BilinearF32& b, const float (*weights)[4], int x, int count, int c, int last, int n,
                      float* out) {
  const auto at = [&](int v) { return v == kVectors - 1 ? last : c + v * kLanes; };
  const int64_t left = b.x0[x] * b.input_pitch, right = b.x1[x] * b.input_pitch;
  const float* corners[4] = {b.upper + left, b.upper + right, b.lower + left, b.lower + right};
  F corner[kVectors][4];
  unroll<kVectors>([&](auto v) __attribute__((always_inline)) {
    unroll<4>([&](auto i) __attribute__((always_inline)) { corner[v][i] = load_some(corners[i] + at(v), n); });
  });
  for (int p = 0; p < count; ++p, out += b.output_pitch) {
    const float* w = weights[p];
    unroll<kVectors>([&](auto v) __attribute__((always_inline)) {
      const F upper = add(mul(corner[v][0], set_f(w[0])), mul(corner[v][1], set_f(w[1])));
      const F lower = add(mul(corner[v][2], set_f(w[2])), mul(corner[v][3], set_f(w[3])));
      store_some(out + at(v), add(upper, lower), n);
    });
  }
}

// As reference::bilinear_row_f32: enlarging, several pixels in turn lie between the same neighbours.
void bilinear_row_f32(const BilinearF32& b, int x_begin, int x_end) {
  assert(owed(b, x_begin, x_end));
  constexpr int kRun = 16;
  float weights[kRun][4];
  const float wy = b.wy;
  float* out = b.output;
  for (int x = x_begin, count; x < x_end; x += count, out += count * b.output_pitch) {
    for (count = 0; count < kRun && x + count < x_end; ++count) {
      if (b.x0[x + count] != b.x0[x] || b.x1[x + count] != b.x1[x]) break;
      const float wx = b.wx[x + count];
      float* w = weights[count];
      w[0] = (1 - wy) * (1 - wx), w[1] = (1 - wy) * wx, w[2] = wy * (1 - wx), w[3] = wy * wx;
    }
    const int n = b.channels < kLanes ? b.channels : kLanes, end = b.channels - n;  // where the last vector begins
    int c = 0;
    for (; end - c > kLanes; c += 2 * kLanes) blend_run<2>(b, weights, x, count, c, c + kLanes, n, out);
    if (end > c)
      blend_run<2>(b, weights, x, count, c, end, n, out);
    else
      blend_run<1>(b, weights, x, count, c, end, n, out);
  }
}

inline F largest_of(const float* in, int64_t count) {
  F best = set_f(in[0]);
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) best = max(load_f(in + i), best);
  for (; i < count; ++i) best = max(set_f(in[i]), best);
  return set_f(highest(best));
}

// Up to 16 rows of up to kShortRow elements, side by side: each lane has a row of its own.
constexpr int kShortRow = 32;
inline void softmax_of_rows(const float* in, float* out, int rows, int count) {
  constexpr int kRows = 16;
  alignas(64) float turned[kShortRow * kRows] = {};
  transpose_32(reinterpret_cast<const uint32_t*>(in), count, reinterpret_cast<uint32_t*>(turned), kRows, rows, count);
  int parts = 1;  // of sums
  while (parts < count && parts < kPartialSums) parts *= 2;
  for (int lane = 0; lane < kRows; lane += kLanes) {
    F top = load_f(turned + lane), sums[kPartialSums];
    for (int c = 1; c < count; ++c) {
      const F x = load_f(turned + c * kRows + lane);
      top = if_less(top, x, x, top);
    }
    for (int c = 0; c < count || c < parts; ++c) {
      F& sum = sums[c % kPartialSums];
      const F y = c < count ? exp_clamped(sub(load_f(turned + c * kRows + lane), top)) : set_f(0.0f);
      sum = c < kPartialSums ? y : add(sum, y);
      if (c < count) store_f(turned + c * kRows + lane, y);
    }
    for (int half = parts / 2; half > 0; half /= 2)  // as sum_of, whose other parts are 0
      for (int i = 0; i < half; ++i) sums[i] = add(sums[i], sums[i + half]);
    const F factor = div(set_f(1.0f), sums[0]);
    for (int c = 0; c < count; ++c) {
      float* x = turned + c * kRows + lane;
      store_f(x, mul(load_f(x), factor));
    }
  }
  transpose_32(reinterpret_cast<const uint32_t*>(turned), kRows, reinterpret_cast<uint32_t*>(out), count, count, rows);
}

inline void softmax_of_row(const float* in, float* out, int64_t count) {
  const F top = largest_of(in, count);
  map1(in, out, count, [top](F x) { return exp_clamped(sub(x, top)); });
  float partial[kPartialSums] = {};
  for (int lane = 0; lane < kPartialSums; lane += kLanes) {
    F sums = set_f(0.0f);
    for (int64_t i = lane; i < count; i += kPartialSums)
      sums = add(sums, count - i < kLanes ? load_f(out + i, static_cast<int>(count - i)) : load_f(out + i));
    store_f(partial + lane, sums);
  }
  const F factor = div(set_f(1.0f), set_f(sum_of(partial)));
  map1(out, out, count, [factor](F x) { return mul(x, factor); });
}

// Rows of two: both lanes of a pair compute the row's maximum and sum.
inline void softmax_of_pairs(const float* in, float* out, int64_t rows) {
  map1(in, out, 2 * rows, [](F x) {
    const F other = swap_pairs(x), top = first_of_pairs(if_less(x, other, other, x)), y = exp_clamped(sub(x, top));
    return mul(y, div(set_f(1.0f), add(y, swap_pairs(y))));
  });
}

// As reference::softmax_f32.
void softmax_f32(const float* in, float* out, int64_t rows, int64_t count) {
  if (count == 2) return softmax_of_pairs(in, out, rows);
  const bool is_short = count <= kShortRow && rows > 2;
  for (int64_t r = 0; r < rows; r += is_short ? 16 : 1) {
    if (is_short)
      softmax_of_rows(in + r * count, out + r * count, rows - r < 16 ? static_cast<int>(rows - r) : 16,
                      static_cast<int>(count));
    else
      softmax_of_row(in + r * count, out + r * count, count);
  }
}

// As reference::affine_f32.
void affine_f32(const AffineF32& a) {
  assert(owed(a));
  for (int64_t r = 0; r < a.rows; ++r) {
    for (int c = 0; c < a.channels; c += kLanes) {
      const int n = a.channels - c < kLanes ? a.channels - c : kLanes;
      F y =
          add(mul(load_some(a.input + r * a.input_pitch + c, n), load_some(a.scale + c, n)), load_some(a.shift + c, n));
      if (a.slope) y = leaky(y, load_some(a.slope + c, n));
      store_some(a.output + r * a.output_pitch + c, y, n);
    }
  }
}

// The sum of f(i) over all elements, f(x) of a vector or of a number, in the reference's order: part by part, tails last.
template <class Value>
inline float sum_in_parts(const float* in, int64_t count, Value value) {
  float parts[kPartialSums] = {};
  const int64_t whole = count / kLanes * kLanes;
  for (int lane = 0; lane < kPartialSums; lane += kLanes) {
    F sums = set_f(0.0f);
    for (int64_t i = lane; i < whole; i += kPartialSums) sums = add(sums, value(load_f(in + i)));
    store_f(parts + lane, sums);
  }
  float tail[kLanes];
  if (whole < count) store_f(tail, value(load_f(in + whole, static_cast<int>(count - whole))));
  for (int64_t i = whole; i < count; ++i) parts[i % kPartialSums] += tail[i - whole];
  return sum_of(parts);
}

// As reference::layer_norm_f32.
void layer_norm_f32(const LayerNormF32& norm, const float* in, float* out) {
  const float count = static_cast<float>(norm.count);
  const float mean = norm.centred ? sum_in_parts(in, norm.count, [](F x) { return x; }) / count : 0;
  map1(in, out, norm.count, [mean](F x) { return sub(x, set_f(mean)); });
  const float squares = sum_in_parts(out, norm.count, [](F x) { return mul(x, x); });
  const F factor = div(set_f(1.0f), sqrt(set_f(squares / count + norm.epsilon)));
  map1(out, out, norm.count, [factor](F x) { return mul(x, factor); });
  if (norm.scale) map2(out, 1, norm.scale, 1, out, norm.count, [](F x, F y) { return mul(x, y); });
  if (norm.bias) map2(out, 1, norm.bias, 1, out, norm.count, [](F x, F y) { return add(x, y); });
}

// The index of the largest of a row; the last vector may share elements with the one before.
inline int argmax_of_row(const float* row, int count) {
  const int last = count - kLanes;
  F best = max(load_f(row + last), set_f(row[0]));
  for (int c = 0; c < last; c += kLanes) best = max(load_f(row + c), best);
  best = set_f(highest(best));
  for (int c = 0; c < last; c += kLanes) {
    const int lane = first_equal(load_f(row + c), best);
    if (lane < kLanes) return c + lane;
  }
  const int lane = first_equal(load_f(row + last), best);
  return lane < kLanes ? last + lane : 0;  // none where the first is not a number
}

// Of fewer than kLanes.
inline int argmax_of_short_row(const float* row, int count, F absent) {
  const F values = add(load_f(row, count), absent);
  const int lane = first_equal(values, set_f(highest(max(values, set_f(row[0])))));
  return lane < count ? lane : 0;
}

// As reference::argmax_f32.
void argmax_f32(const float* in, int64_t in_pitch, int64_t rows, int channels, int64_t* out) {
  float absent[kLanes];
  for (int i = 0; i < kLanes; ++i) absent[i] = i < channels ? 0 : -std::numeric_limits<float>::infinity();
  const F none = load_f(absent);
  for (int64_t r = 0; r < rows; ++r)
    out[r] = channels < kLanes ? argmax_of_short_row(in + r * in_pitch, channels, none)
                               : argmax_of_row(in + r * in_pitch, channels);
}

}  // namespace
}  // namespace octet::kernels
