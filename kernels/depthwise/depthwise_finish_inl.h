// The epilogue of depthwise convolution. Accumulators are in the order of interleave: lane n of vector j is byte
// 16 * (n / 4) + 4 * j + n % 4 of a block of kBytes channels; packing them to bytes undoes it. Where a last block has no more
// than half or a quarter of that, it takes as many output rows side by side.
#pragma once
#include <bit>

#include "kernels/conv/epilogue_inl.h"

namespace octet::kernels {
namespace {

constexpr int kPieces = kBytes / 16;  // of 16 channels in a block
constexpr int kTile = 32;             // pixels accumulated before the epilogue runs

inline int row_groups(int kernel_h) { return (kernel_h + 3) / 4; }
inline int rows_together(int channels) {
  return kPieces / static_cast<int>(std::bit_ceil(static_cast<unsigned>(channels + 15) / 16));
}
// The channel within a block that `lane` of 4 * kLanes stands for.
inline int channel_at(int lane, int rows) {
  return lane % kLanes / 4 % (kPieces / rows) * 16 + lane / kLanes * 4 + lane % 4;
}

// A block of channels; the epilogue's arrays are in the accumulators' order.
struct Block {
  Block(const Depthwise& depthwise, int first_channel);

  const Depthwise& d;
  int first, channels, rows;
  const int8_t* weights;
  alignas(64) int32_t acc0[kBytes];
  alignas(64) float multiplier[kBytes], out_multiplier[kBytes], high[kBytes];
  bool below_one = true;  // the multipliers: then no product is beyond s32, and bounds can wait for the bytes
  H zero[2];
  B lowest, highest;
};

template <class T>
inline void reorder(const Block& b, const T* from, T (&to)[kBytes]) {
  std::memset(to, 0, sizeof to);
  for (int lane = 0; from && lane < kBytes; lane += 4) {
    const int c = channel_at(lane, b.rows);
    if (c < b.channels) std::memcpy(to + lane, from + b.first + c, 4 * sizeof(T));
  }
}

inline B bounds(const int32_t* zero_point, const float* bound) {
  I v[4];
  unroll<4>([&](auto i) __attribute__((always_inline)) {
    v[i] = add(load_i(zero_point + i * kLanes), round(load_f(bound + i * kLanes)));
  });
  return pack_lanes(pack_h(v[0], v[1]), pack_h(v[2], v[3]));
}

Block::Block(const Depthwise& depthwise, int first_channel) : d(depthwise), first(first_channel) {
  const Epilogue& e = d.epilogue;
  channels = d.channels - first < kBytes ? d.channels - first : kBytes;
  rows = rows_together(channels);
  weights = d.weights + int64_t{first} * d.kernel_w * row_groups(d.kernel_h) * 4;
  alignas(64) int32_t zero_point[kBytes];
  alignas(64) float low[kBytes];
  reorder(*this, e.acc0, acc0);
  reorder(*this, e.multiplier, multiplier);
  reorder(*this, e.out_multiplier, out_multiplier);
  reorder(*this, e.low, low);
  reorder(*this, e.high, high);
  reorder(*this, e.zero_point, zero_point);
  for (float m : multiplier) below_one = below_one && m < 1.0f;
  for (int i = 0; i < 2; ++i)
    zero[i] = pack_h(load_i(zero_point + i * 2 * kLanes), load_i(zero_point + (i * 2 + 1) * kLanes));
  lowest = bounds(zero_point, low);
  highest = bounds(zero_point, high);
}

// The output rows [y, end) of a block, at most as many as it has side by side.
struct Rows {
  const Block& b;
  int y, end;
  int64_t pixel(int r, int x) const { return int64_t{y + r} * b.d.out_w + x; }
  bool has(int r) const { return y + r < end; }
};

// The first n of kWidth bytes without a call, some of them perhaps twice.
template <int kWidth>
[[gnu::always_inline]] inline void copy_bytes(uint8_t* to, const uint8_t* from, int n) {
  if (n == kWidth) {
    std::memcpy(to, from, kWidth);
  } else if constexpr (kWidth > 1) {
    constexpr int kHalf = kWidth / 2;
    if (n <= kHalf) return copy_bytes<kHalf>(to, from, n);
    std::memcpy(to, from, kHalf);
    std::memcpy(to + n - kHalf, from + n - kHalf, kHalf);
  }
}

// Stores a pixel of each row.
template <int kRows>
[[gnu::always_inline]] inline void store_pixel(const Rows& rows, int x, B bytes) {
  const Block& b = rows.b;
  uint8_t* to = static_cast<uint8_t*>(b.d.output) + rows.pixel(0, x) * b.d.output_pitch + b.first;
  if (kRows == 1 && b.channels == kBytes) return store_b(to, bytes);
  alignas(64) uint8_t copy[kBytes];
  store_b(copy, bytes);
  unroll<kRows>([&](auto r) __attribute__((always_inline)) {
    constexpr int kWidth = kBytes / kRows;
    if (rows.has(r)) copy_bytes<kWidth>(to, copy + r * kWidth, b.channels);
    to += b.d.out_w * b.d.output_pitch;
  });
}

// The epilogue of kCount pixels from x on, u8 without residual, those from `end` on not stored. acc: [pixel][kBytes].
template <Act kAct, int kRows, int kCount>
[[gnu::always_inline]] inline void finish_pixels(const Rows& rows, int x, int end, const int32_t* acc) {
  const Block& b = rows.b;
  F v[4 * kCount];
  I q[4 * kCount];
  const auto each = [](auto body) __attribute__((always_inline)) {
    unroll<4 * kCount>([&](auto i) __attribute__((always_inline)) { body(i, i % 4 * kLanes); });
  };
  each([&](auto i, int n)
           __attribute__((always_inline)) { v[i] = mul(to_f(load_i(acc + i * kLanes)), load_f(b.multiplier + n)); });
  if constexpr (kAct != Act::kNone) {
    activate<kAct>(b.d.epilogue.act, v);
    each([&](auto i, int n) __attribute__((always_inline)) {
      v[i] = min(mul(v[i], load_f(b.out_multiplier + n)), load_f(b.high + n));
    });
  }
  each([&](auto i, int) __attribute__((always_inline)) { q[i] = round(v[i]); });
  unroll<kCount>([&](auto p) __attribute__((always_inline)) {
    if (x + p >= end) return;
    const H ab = add_h(pack_h(q[4 * p], q[4 * p + 1]), b.zero[0]),
            cd = add_h(pack_h(q[4 * p + 2], q[4 * p + 3]), b.zero[1]);
    store_pixel<kRows>(rows, x + p, min_b(max_b(pack_lanes(ab, cd), b.lowest), b.highest));
  });
}

using PixelsFunction = void (*)(const Rows& rows, int x, int pixels, const int32_t* acc);

template <Act kAct, int kRows>
void finish_bytes(const Rows& rows, int x, int pixels, const int32_t* acc) {
  constexpr int kCount = kLanes == 8 ? 1 : 2;  // registers for eight chains
  for (int i = 0; i < pixels; i += kCount)
    finish_pixels<kAct, kRows, kCount>(rows, x + i, x + pixels, acc + i * kBytes);
}

// Whatever the epilogue: runs of 16 neighbouring channels are put together for the common one.
void finish_runs(const Rows& rows, int x, int pixels, const int32_t* acc) {
  const Block& b = rows.b;
  const Depthwise& d = b.d;
  alignas(64) int32_t run[(kTile + kFinishSlack) * 16];
  const int pieces = kPieces / b.rows;
  for (int piece = 0; piece < kPieces; ++piece) {
    const int n = b.first + piece % pieces * 16, left = b.first + b.channels - n, r = piece / pieces;
    if (left <= 0 || !rows.has(r)) continue;
    for (int i = 0; i < pixels; ++i) {
      for (int j = 0; j < 4; ++j)
        std::memcpy(run + i * 16 + j * 4, acc + i * kBytes + j * kLanes + piece * 4, 4 * sizeof(int32_t));
    }
    const int64_t pixel = rows.pixel(r, x);
    const Finish finish = {.acc = run,
                           .acc_pitch = 16,
                           .rows = pixels,
                           .channels = left < 16 ? left : 16,
                           .epilogue = advance(d.epilogue, n),
                           .output = advance(d.output, d.epilogue, pixel * d.output_pitch + n),
                           .output_pitch = d.output_pitch,
                           .residual = d.residual ? d.residual + pixel * d.residual_pitch + n : nullptr,
                           .residual_pitch = d.residual_pitch};
    choose_finish(finish.epilogue, finish.channels)(finish);
  }
}

template <int kRows>
inline PixelsFunction choose_pixels(const Block& b) {
  const Epilogue& e = b.d.epilogue;
  if (!e.zero_point || e.res_multiplier) return finish_runs;
  switch (e.act.kind) {
    case Act::kNone:
      return b.below_one ? finish_bytes<Act::kNone, kRows> : finish_runs;
    case Act::kSilu:
      return finish_bytes<Act::kSilu, kRows>;
    case Act::kHardSwish:
      return finish_bytes<Act::kHardSwish, kRows>;
    default:
      return finish_bytes<Act::kTanh, kRows>;
  }
}

}  // namespace
}  // namespace octet::kernels
