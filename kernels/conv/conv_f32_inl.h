// Float implicit GEMM in register tiles, and float depthwise.
#pragma once
#include "kernels/conv/act_inl.h"
#include "kernels/isa/unroll_inl.h"
#include "kernels/owed.h"
#include "kernels/pool/pool_inl.h"

namespace octet::kernels {
namespace {

constexpr int kFloatBlockVectors = kBlock / kLanes;
constexpr int kFloatTileBlocks = 4 / kFloatBlockVectors;
// Tallest tile for each width, by the number of registers: 32 of 16 lanes, 16 of 8, 32 of 4.
constexpr int kFloatTileRows[5] = {0, kLanes == 16 ? 12 : 6, kLanes == 16 ? 12 : 3, 6, 6};
constexpr int kConvRowsF32 = 12;
constexpr int kFloatPitch = kFloatTileBlocks * kBlock;

struct AccumulateF32 {
  const float* const* input = nullptr;  // [taps][input_stride], the first row of this tile
  int input_stride = 0;
  int taps = 0, in_channels = 0;
  const float* weights = nullptr;
  int64_t block_size = 0;
  const float* bias = nullptr;
  float* sums = nullptr;  // [rows][kFloatPitch]
};

template <int kRows, int kBlocks>
void accumulate_f32(const AccumulateF32& a) {
  constexpr int kVectors = kBlocks * kFloatBlockVectors;
  F sum[kRows][kVectors];
  unroll<kRows>([&](auto r) __attribute__((always_inline)) {
    unroll<kVectors>([&](auto v) __attribute__((always_inline)) { sum[r][v] = load_f(a.bias + v * kLanes); });
  });
  const float* weights = a.weights;
  const int64_t block_size = a.block_size;
  for (int t = 0; t < a.taps; ++t) {
    const float* x[kRows];
    unroll<kRows>([&](auto r) __attribute__((always_inline)) { x[r] = a.input[t * a.input_stride + r]; });
    for (int64_t c = 0; c < a.in_channels; ++c) {
      F w[kVectors];
      unroll<kVectors>([&](auto v) __attribute__((always_inline)) {
        w[v] = load_f(weights + v / kFloatBlockVectors * block_size + v % kFloatBlockVectors * kLanes);
      });
      unroll<kRows>([&](auto r) __attribute__((always_inline)) {
        const F one = set_f(x[r][c]);
        unroll<kVectors>([&](auto v) __attribute__((always_inline)) { sum[r][v] = fma(one, w[v], sum[r][v]); });
      });
      weights += kBlock;
    }
  }
  unroll<kRows>([&](auto r) __attribute__((always_inline)) {
    unroll<kVectors>([&](auto v)
                         __attribute__((always_inline)) { store_f(a.sums + r * kFloatPitch + v * kLanes, sum[r][v]); });
  });
}

using AccumulateF32Function = void (*)(const AccumulateF32&);

template <int kBlocks>
constexpr auto make_f32_row() {
  struct Row {
    AccumulateF32Function rows[kConvRowsF32 + 1] = {};
  } row;
  [&]<int... r>(std::integer_sequence<int, r...>) { ((row.rows[r + 1] = accumulate_f32<r + 1, kBlocks>), ...); }
  (std::make_integer_sequence<int, kFloatTileRows[kBlocks]>{});
  return row;
}

template <int kBlocks>
inline void accumulate_rows_f32(AccumulateF32 a, int rows) {
  static constexpr auto kFunctions = make_f32_row<kBlocks>();
  int tiles = (rows + kFloatTileRows[kBlocks] - 1) / kFloatTileRows[kBlocks];
  while (rows > 0) {
    const int height = (rows + tiles - 1) / tiles;
    kFunctions.rows[height](a);
    a.input += height;
    a.sums += height * kFloatPitch;
    rows -= height;
    --tiles;
  }
}

inline F load_some(const float* p, int n) { return n < kLanes ? load_f(p, n) : load_f(p); }
inline void store_some(float* p, F v, int n) { n < kLanes ? store_f(p, v, n) : store_f(p, v); }

// act, residual, relu and store of one vector of up to kLanes channels.
inline void finish_f32_vector(F v, const Activation& act, const float* residual, bool relu_after, float* out, int n) {
  if (act.kind != Act::kNone) v = act_accurate(act, v);
  if (residual) v = add(v, load_some(residual, n));
  if (relu_after) v = max(v, set_f(0.0f));
  store_some(out, v, n);
}

inline void finish_f32_rows(const ConvTileF32& tile, const float* sums, int first, int channels) {
  for (int r = 0; r < tile.rows; ++r) {
    for (int n = 0; n < channels; n += kLanes) {
      const float* residual = tile.residual ? tile.residual + r * tile.residual_pitch + first + n : nullptr;
      finish_f32_vector(load_f(sums + r * kFloatPitch + n), tile.act, residual, tile.relu_after,
                        tile.output + r * tile.output_pitch + first + n, channels - n);
    }
  }
}

// As reference::conv_tile_f32.
void conv_tile_f32(const ConvTileF32& tile) {
  assert(owed(tile, kConvRowsF32));
  alignas(64) float sums[kConvRowsF32 * kFloatPitch];
  const int64_t block_size = int64_t{tile.taps} * tile.in_channels * kBlock;
  int blocks_left = (tile.channels + kBlock - 1) / kBlock;
  for (int done = 0; blocks_left > 0;) {
    const int widths = (blocks_left + kFloatTileBlocks - 1) / kFloatTileBlocks;
    const int blocks = (blocks_left + widths - 1) / widths;
    const AccumulateF32 a = {.input = tile.input,
                             .input_stride = tile.rows,
                             .taps = tile.taps,
                             .in_channels = tile.in_channels,
                             .weights = tile.weights + done / kBlock * block_size,
                             .block_size = block_size,
                             .bias = tile.bias + done,
                             .sums = sums};
    unroll<kFloatTileBlocks>([&](auto b) __attribute__((always_inline)) {
      if (blocks == b + 1) accumulate_rows_f32<b + 1>(a, tile.rows);
    });
    const int left = tile.channels - done;
    finish_f32_rows(tile, sums, done, left < blocks * kBlock ? left : blocks * kBlock);
    done += blocks * kBlock;
    blocks_left -= blocks;
  }
}

// One pixel, kVectors vectors of channels from `c` on.
template <int kVectors>
inline void depthwise_f32_pixel(const DepthwiseF32& d, int64_t pixel, int c) {
  const int top = static_cast<int>(pixel / d.out_w) * d.stride_h - d.pad_top,
            left = static_cast<int>(pixel % d.out_w) * d.stride_w - d.pad_left;
  const Span rows = taps_inside(top, d.kernel_h, d.dilation_h, d.in_h),
             columns = taps_inside(left, d.kernel_w, d.dilation_w, d.in_w);
  const int last = d.channels - c - (kVectors - 1) * kLanes;  // channels in the last vector
  const auto load_at = [&](const float* p, int v) __attribute__((always_inline)) {
    return v == kVectors - 1 ? load_some(p + v * kLanes, last) : load_f(p + v * kLanes);
  };
  F sum[kVectors];
  unroll<kVectors>([&](auto v) __attribute__((always_inline)) { sum[v] = load_at(d.bias + c, v); });
  for (int j = rows.begin; j < rows.end; ++j) {
    const float* row = d.input + (int64_t{top + j * d.dilation_h} * d.in_w + left) * d.input_pitch + c;
    for (int k = columns.begin; k < columns.end; ++k) {
      const float *x = row + k * d.dilation_w * d.input_pitch,
                  *w = d.weights + int64_t{j * d.kernel_w + k} * d.channels + c;
      unroll<kVectors>([&](auto v)
                           __attribute__((always_inline)) { sum[v] = fma(load_at(x, v), load_at(w, v), sum[v]); });
    }
  }
  unroll<kVectors>([&](auto v) __attribute__((always_inline)) {
    const float* residual = d.residual ? d.residual + pixel * d.residual_pitch + c + v * kLanes : nullptr;
    finish_f32_vector(sum[v], d.act, residual, d.relu_after, d.output + pixel * d.output_pitch + c + v * kLanes,
                      v == kVectors - 1 ? last : kLanes);
  });
}

// As reference::depthwise_f32.
void depthwise_f32(const DepthwiseF32& d, int y_begin, int y_end) {
  assert(owed(d, y_begin, y_end));
  for (int c = 0; c < d.channels; c += 4 * kLanes) {
    const int vectors = (d.channels - c + kLanes - 1) / kLanes;
    for (int64_t pixel = int64_t{y_begin} * d.out_w; pixel < int64_t{y_end} * d.out_w; ++pixel) {
      switch (vectors) {
        case 1:
          depthwise_f32_pixel<1>(d, pixel, c);
          break;
        case 2:
          depthwise_f32_pixel<2>(d, pixel, c);
          break;
        case 3:
          depthwise_f32_pixel<3>(d, pixel, c);
          break;
        default:
          depthwise_f32_pixel<4>(d, pixel, c);
          break;
      }
    }
  }
}

}  // namespace
}  // namespace octet::kernels
