// From accumulators in memory to stored rows: the epilogue of convolution and depthwise, see Epilogue in kernels.h.
#pragma once
#include <cstring>

#include "kernels/conv/act_inl.h"
#include "kernels/isa/unroll_inl.h"

namespace octet::kernels {
namespace {

// The functions below take a Finish of up to 4 vectors of channels.

// kSilu and kHardSwish have loops of their own; kTanh stands for all others, chosen for each group of vectors.
template <Act kAct, int kWide>
inline void activate(const Activation& act, F (&x)[kWide]) {
  if constexpr (kAct == Act::kSilu) {
    silu_fast(x);
  } else if constexpr (kAct == Act::kHardSwish) {
    unroll<kWide>([&](auto i) __attribute__((always_inline)) {
      x[i] = act_simple({Act::kHardSwish, act.a, act.b}, x[i]);
    });
  } else if constexpr (kAct != Act::kNone) {
    act_fast(act, x);
  }
}

inline F add_residual(const Epilogue& e, F v, const uint8_t* residual, int n) {
  return add(v, add(mul(to_f(load_u8(residual + n)), load_f(e.res_multiplier + n)), load_f(e.res_offset + n)));
}

// How rows of kVectors vectors are taken four vectors at a time: one row of 3 or 4, two rows of 2, four rows of 1.
template <int kVectors>
constexpr int kRowsAtOnce = kVectors == 3 ? 1 : 4 / kVectors;

// Stores the first `channels` bytes of each row held in `bytes`, of at most `rows` rows.
template <int kVectors>
inline void store_rows(uint8_t* out, int64_t pitch, int64_t rows, int channels, B bytes) {
  constexpr int kRowBytes = kVectors * kLanes;
  if constexpr (kVectors >= 3) {
    if (kVectors == 4 && channels == kRowBytes) return store_b(out, bytes);
    return store_b(out, bytes, channels);
  }
  if (channels < kRowBytes) {
    uint8_t copy[kBytes];
    store_b(copy, bytes);
    for (int r = 0; r < kRowsAtOnce<kVectors> && r < rows; ++r) {
      std::memcpy(out + r * pitch, copy + r * kRowBytes, static_cast<size_t>(channels));
    }
  } else if constexpr (kVectors == 2) {
    store_half<0>(out, bytes);
    if (rows > 1) store_half<1>(out + pitch, bytes);
  } else {
    store_quarter<0>(out, bytes);
    if (rows > 1) store_quarter<1>(out + pitch, bytes);
    if (rows > 2) store_quarter<2>(out + 2 * pitch, bytes);
    if (rows > 3) store_quarter<3>(out + 3 * pitch, bytes);
  }
}

// Adds zero points and applies lower bounds while narrowing; the values were already held below their upper bounds.
struct Narrow {
  H zero_ab, zero_cd;
  B low;
};

template <int kVectors>
inline Narrow make_narrow(const int32_t* zero_point, const float* lowest) {
  I zero[4], low[4];
  unroll<4>([&](auto i) __attribute__((always_inline)) {
    constexpr int n = i % kVectors * kLanes;
    zero[i] = load_i(zero_point + n);
    low[i] = add(zero[i], round(load_f(lowest + n)));
  });
  return {pack_h(zero[0], zero[1]), pack_h(zero[2], zero[3]), pack_b(pack_h(low[0], low[1]), pack_h(low[2], low[3]))};
}

inline B narrow(const Narrow& n, const I q[4]) {
  return max_b(pack_b(add_h(pack_h(q[0], q[1]), n.zero_ab), add_h(pack_h(q[2], q[3]), n.zero_cd)), n.low);
}

// Kept by value: bytes may alias anything, so the compiler would load them again after every store.
template <int kVectors>
struct Scales {
  F multiplier[kVectors], out_multiplier[kVectors], high[kVectors];
  Narrow limits;
};

// kQuads times four vectors, from `row` on; rows past the last are computed from the last and not stored.
template <int kVectors, Act kAct, bool kResidual, int kQuads>
[[gnu::always_inline]] inline void finish_quads(const Finish& f, const Scales<kVectors>& scales, int row) {
  constexpr int kWide = 4 * kQuads, kRows = kRowsAtOnce<kVectors>;
  const Epilogue& e = f.epilogue;
  F v[kWide];
  const auto row_of = [row](auto i) __attribute__((always_inline)) {
    return row + i / 4 * kRows + (kVectors == 3 ? 0 : i % 4 / kVectors);
  };
  const auto each = [](auto body) __attribute__((always_inline)) {  // the fourth vector of three repeats the first
    unroll<kWide>([&](auto i) __attribute__((always_inline)) { body(i, i % 4 % kVectors * kLanes); });
  };
  each([&](auto i, int n) __attribute__((always_inline)) {
    v[i] = mul(to_f(load_i(f.acc + row_of(i) * f.acc_pitch + n)), scales.multiplier[i % 4 % kVectors]);
  });
  if constexpr (kAct != Act::kNone) {
    activate<kAct>(e.act, v);
    each([&](auto i, int)
             __attribute__((always_inline)) { v[i] = mul(v[i], scales.out_multiplier[i % 4 % kVectors]); });
  }
  if constexpr (kResidual) {
    each([&](auto i, int n) __attribute__((always_inline)) {
      const int r = row_of(i) < f.rows ? row_of(i) : f.rows - 1;
      v[i] = add_residual(e, v[i], f.residual + r * f.residual_pitch, n);
    });
  }
  I q[kWide];  // the lower bounds are applied to bytes: narrowing saturates
  each([&](auto i, int) __attribute__((always_inline)) { q[i] = round(min(v[i], scales.high[i % 4 % kVectors])); });
  unroll<kQuads>([&](auto quad) __attribute__((always_inline)) {
    const int first = row + quad * kRows;
    uint8_t* out = static_cast<uint8_t*>(f.output) + first * f.output_pitch;
    store_rows<kVectors>(out, f.output_pitch, f.rows - first, f.channels, narrow(scales.limits, q + 4 * quad));
  });
}

template <int kVectors, Act kAct, bool kResidual>
void finish_u8(const Finish& finish) {
  const Finish f = finish;
  constexpr int kRows = kRowsAtOnce<kVectors>;
  Scales<kVectors> scales;
  scales.limits = make_narrow<kVectors>(f.epilogue.zero_point, f.epilogue.low);
  unroll<kVectors>([&](auto i) __attribute__((always_inline)) {
    scales.multiplier[i] = load_f(f.epilogue.multiplier + i * kLanes);
    scales.high[i] = load_f(f.epilogue.high + i * kLanes);
    if constexpr (kAct != Act::kNone) scales.out_multiplier[i] = load_f(f.epilogue.out_multiplier + i * kLanes);
  });
  int row = 0;
  if constexpr (kLanes != 8 && !kResidual &&
                kAct != Act::kTanh) {  // registers for eight chains; the rarer cases are short instead
    for (; row + kRows < f.rows; row += 2 * kRows) finish_quads<kVectors, kAct, kResidual, 2>(f, scales, row);
  }
  for (; row < f.rows; row += kRows) finish_quads<kVectors, kAct, kResidual, 1>(f, scales, row);
}

// Act16 on pairs of vectors. Wherever a value says "h" below, its 2 * kLanes are in the order of pack_h.
template <int kVectors, bool kOdd, bool kResidual>
void finish_16(const Finish& finish) {
  const Finish f = finish;
  const Act16& a = *f.epilogue.act16;
  constexpr int kRows = kRowsAtOnce<kVectors>;
  F multiplier[kVectors];
  unroll<kVectors>([&](auto i)
                       __attribute__((always_inline)) { multiplier[i] = load_f(f.epilogue.multiplier + i * kLanes); });
  const H limit = set_h(a.limit), step = set_h(a.step), values = load_table(a.value), slopes = load_table(a.slope),
          bends = load_table(a.bend), extra = set_h(kOdd ? a.base : a.residual);
  const B low = set_b(a.low), high = set_b(a.high);
  const int shift = a.shift;
  for (int row = 0; row < f.rows; row += kRows) {
    const auto row_of = [row](int i) __attribute__((always_inline)) {
      return row + (kVectors == 3 ? 0 : i / kVectors);
    };
    H y[2];
    unroll<2>([&](auto pair) __attribute__((always_inline)) {
      I q[2], r[2];
      unroll<2>([&](auto half) __attribute__((always_inline)) {
        constexpr int i = 2 * pair + half, n = i % kVectors;  // the fourth vector of three repeats the first
        q[half] = round(mul(to_f(load_i(f.acc + row_of(i) * f.acc_pitch + n * kLanes)), multiplier[n]));
        if constexpr (kResidual) {
          const int at = row_of(i) < f.rows ? row_of(i) : f.rows - 1;
          r[half] = load_u8(f.residual + at * f.residual_pitch + n * kLanes);
        }
      });
      const H x = pack_h(q[0], q[1]), u = abs_below(x, limit), t = product_below_15(u, step);
      const H index = table_index(product_above_15(u, step));
      const H slope = add_wrap(look_up(slopes, index), rounded_product(t, look_up(bends, index)));
      H v = add_wrap(look_up(values, index), rounded_product(t, slope));
      if constexpr (kOdd) {
        v = add_h(negate_where_negative(v, x), extra);
      } else {
        if constexpr (kResidual) v = add_h(v, rounded_product(shift_wrap<7>(pack_h(r[0], r[1])), extra));
        v = add_h(max_h(x, set_h(0)), v);
      }
      y[pair] = shift_right_by(v, shift);
    });
    uint8_t* out = static_cast<uint8_t*>(f.output) + row * f.output_pitch;
    store_rows<kVectors>(out, f.output_pitch, f.rows - row, f.channels, min_b(max_b(pack_b(y[0], y[1]), low), high));
  }
}

template <bool kAct, bool kResidual>
void finish_f32(const Finish& f) {
  const Epilogue& e = f.epilogue;
  for (int row = 0; row < f.rows; ++row) {
    float* out = static_cast<float*>(f.output) + row * f.output_pitch;
    for (int n = 0; n < f.channels; n += kLanes) {
      F v = mul(to_f(load_i(f.acc + row * f.acc_pitch + n)), load_f(e.multiplier + n));
      if constexpr (kAct) v = mul(act_accurate(e.act, v), load_f(e.out_multiplier + n));
      if constexpr (kResidual) v = add_residual(e, v, f.residual + row * f.residual_pitch, n);
      v = min(max(v, load_f(e.low + n)), load_f(e.high + n));
      if (f.channels - n >= kLanes) {
        store_f(out + n, v);
      } else {
        store_f(out + n, v, f.channels - n);
      }
    }
  }
}

using FinishFunction = void (*)(const Finish&);

template <int kVectors, bool kResidual>
inline FinishFunction choose_u8(Act act) {
  switch (act) {
    case Act::kNone:
      return finish_u8<kVectors, Act::kNone, kResidual>;
    case Act::kSilu:
      return finish_u8<kVectors, Act::kSilu, kResidual>;
    case Act::kHardSwish:
      return finish_u8<kVectors, Act::kHardSwish, kResidual>;
    default:
      return finish_u8<kVectors, Act::kTanh, kResidual>;
  }
}

template <int kVectors>
inline FinishFunction choose_finish(const Epilogue& e) {
  const bool residual = e.res_multiplier != nullptr;
  if (e.zero_point && e.act16) {
    if (e.act16->odd) return finish_16<kVectors, true, false>;
    return residual ? finish_16<kVectors, false, true> : finish_16<kVectors, false, false>;
  }
  if (e.zero_point) return residual ? choose_u8<kVectors, true>(e.act.kind) : choose_u8<kVectors, false>(e.act.kind);
  if (e.act.kind == Act::kNone) return residual ? finish_f32<false, true> : finish_f32<false, false>;
  return residual ? finish_f32<true, true> : finish_f32<true, false>;
}

// The function for the number of vectors that `channels` take, 1..4.
inline FinishFunction choose_finish(const Epilogue& e, int channels) {
  switch ((channels + kLanes - 1) / kLanes) {
    case 1:
      return choose_finish<1>(e);
    case 2:
      return choose_finish<2>(e);
    case 3:
      return choose_finish<3>(e);
    default:
      return choose_finish<4>(e);
  }
}

inline Epilogue advance(Epilogue e, int channels) {
  e.multiplier += channels;
  e.low += channels;
  e.high += channels;
  if (e.acc0) e.acc0 += channels;
  if (e.out_multiplier) e.out_multiplier += channels;
  if (e.res_multiplier) e.res_multiplier += channels;
  if (e.res_offset) e.res_offset += channels;
  if (e.zero_point) e.zero_point += channels;
  return e;
}

inline void* advance(void* output, const Epilogue& e, int64_t elements) {
  return static_cast<uint8_t*>(output) + elements * (e.zero_point ? 1 : 4);
}

// Same as reference::finish, for any number of channels: by the functions that conv_tile calls for its own.
inline void finish_sums(const Finish& whole) {
  constexpr int kWidth = 4 * kLanes;
  for (int done = 0; done < whole.channels; done += kWidth) {
    Finish part = whole;
    part.acc += done;
    part.channels = whole.channels - done < kWidth ? whole.channels - done : kWidth;
    part.epilogue = advance(whole.epilogue, done);
    part.output = advance(whole.output, whole.epilogue, done);
    if (part.residual) part.residual += done;
    choose_finish(part.epilogue, part.channels)(part);
  }
}

}  // namespace
}  // namespace octet::kernels
