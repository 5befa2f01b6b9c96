// Implicit GEMM in register tiles: some rows x some blocks of 16 channels, kStepGroups groups of four input channels a step.
// Before it, the ISA file gives kConvRows, kTileBlocks (widest tile) and kTileRows[blocks] (tallest tile of that width), and how a
// step's products are summed (or one_group_inl.h does): load_x(), a row's channels of a step; Sum, what is added up in registers for a
// vector of outputs, from begin_sum(acc0) to end_sum(); dot_groups<first, count>(sum, x, w) for kDotGroups groups of a step from the
// first on, or fewer in the last step of a tap.
#pragma once
#include <algorithm>

#include "kernels/conv/epilogue_inl.h"
#include "kernels/owed.h"

namespace octet::kernels {
namespace {

constexpr int kBlockVectors = kBlock / kLanes;
constexpr int kAccPitch = kTileBlocks * kBlock;
static_assert(kTileBlocks * kBlockVectors <= 4, "the epilogue takes 4 vectors a row");

struct Accumulate {
  const uint8_t* const* input = nullptr;  // [taps][input_stride], the first row of this tile
  int input_stride = 0;
  int taps = 0, groups = 0;
  const int8_t* weights = nullptr;
  int64_t block_bytes = 0;
  const int32_t* acc0 = nullptr;
  int32_t* acc = nullptr;  // [rows][kAccPitch]
};

// kGroups groups of a tap for all rows; `weights` and `offset` are where the step begins.
template <int kGroups, int kRows, int kBlocks>
[[gnu::always_inline]] inline void add_step(Sum (&sum)[kRows][kBlocks * kBlockVectors],
                                            const uint8_t* const (&x)[kRows], int64_t offset, const int8_t* weights,
                                            int64_t block_bytes) {
  constexpr int kVectors = kBlocks * kBlockVectors;
  const auto load = [&](int v, int g) __attribute__((always_inline)) {
    return load_w(weights + v / kBlockVectors * block_bytes + g * kBlock * kGroup + v % kBlockVectors * kBytes);
  };
  if constexpr (kStepGroups == 1) {  // the weights of a step stay, rows pass
    I w[kVectors][1];
    unroll<kVectors>([&](auto v) __attribute__((always_inline)) { w[v][0] = load(v, 0); });
    unroll<kRows>([&](auto r) __attribute__((always_inline)) {
      const auto four = load_x(x[r] + offset);
      unroll<kVectors>([&](auto v)
                           __attribute__((always_inline)) { sum[r][v] = dot_groups<0, 1>(sum[r][v], four, w[v]); });
    });
  } else {  // the rows of a step stay, weights pass; neighbours in time add to different sums, for CPUs that wait for them
    decltype(load_x(x[0])) rows[kRows];
    unroll<kRows>([&](auto r) __attribute__((always_inline)) { rows[r] = load_x(x[r] + offset); });
    constexpr int kDots = (kGroups + kDotGroups - 1) / kDotGroups;
    I w[2][kDotGroups];  // of these products and of the next
    const auto load_at = [&](auto i) __attribute__((always_inline)) {
      constexpr int first = i / kVectors * kDotGroups;
      unroll<std::min(kGroups - first, kDotGroups)>([&](auto g) __attribute__((always_inline)) {
        w[i % 2][g] = load(i % kVectors, first + g);
      });
    };
    load_at(std::integral_constant<int, 0>{});
    unroll<kDots * kVectors>([&](auto i) __attribute__((always_inline)) {
      constexpr int first = i / kVectors * kDotGroups, v = i % kVectors;
      if constexpr (i + 1 < kDots * kVectors) load_at(std::integral_constant<int, i + 1>{});
      unroll<kRows>([&](auto r) __attribute__((always_inline)) {
        sum[r][v] = dot_groups<first, std::min(kGroups - first, kDotGroups)>(sum[r][v], rows[r], w[i % 2]);
      });
    });
  }
}

template <int kRows, int kBlocks>
void accumulate(const Accumulate& a) {
  constexpr int kVectors = kBlocks * kBlockVectors;
  Sum sum[kRows][kVectors];
  // Started from the folded bias, not from zero: GCC 12 spills zeroed accumulators.
  unroll<kRows>([&](auto r) __attribute__((always_inline)) {
    unroll<kVectors>([&](auto v)
                         __attribute__((always_inline)) { sum[r][v] = begin_sum(load_i(a.acc0 + v * kLanes)); });
  });
  const int8_t* weights = a.weights;
  const int64_t block_bytes = a.block_bytes;
  for (int t = 0; t < a.taps; ++t) {
    const uint8_t* x[kRows];
    unroll<kRows>([&](auto r) __attribute__((always_inline)) { x[r] = a.input[t * a.input_stride + r]; });
    int64_t g = 0;
    for (; g + kStepGroups <= a.groups; g += kStepGroups) {
      add_step<kStepGroups, kRows, kBlocks>(sum, x, g * kGroup, weights, block_bytes);
      weights += kStepGroups * kBlock * kGroup;
    }
    if constexpr (kStepGroups > 1) {
      unroll<kStepGroups - 1>([&](auto less) __attribute__((always_inline)) {
        if (a.groups - g != less + 1) return;
        add_step<less + 1, kRows, kBlocks>(sum, x, g * kGroup, weights, block_bytes);
      });
      weights += (a.groups - g) * kBlock * kGroup;
    }
  }
  unroll<kRows>([&](auto r) __attribute__((always_inline)) {
    unroll<kVectors>([&](auto v) __attribute__((always_inline)) {
      store_i(a.acc + r * kAccPitch + v * kLanes, end_sum(sum[r][v]));
    });
  });
}

using AccumulateFunction = void (*)(const Accumulate&);
constexpr int kMaxTileRows = 12;

template <int kBlocks, int... rows>
constexpr AccumulateFunction accumulate_of(int wanted, std::integer_sequence<int, rows...>) {
  AccumulateFunction found = nullptr;
  ((wanted == rows + 1 ? void(found = accumulate<rows + 1, kBlocks>) : void()), ...);
  return found;
}

struct AccumulateTable {
  AccumulateFunction entries[kTileBlocks + 1][kMaxTileRows + 1] = {};
};

constexpr AccumulateTable make_accumulate_table() {
  AccumulateTable table;
  [&]<int... b>(std::integer_sequence<int, b...>) {
    (
        [&] {
          constexpr int kBlocks = b + 1;
          for (int r = 1; r <= kTileRows[kBlocks]; ++r) {
            table.entries[kBlocks][r] =
                accumulate_of<kBlocks>(r, std::make_integer_sequence<int, kTileRows[kBlocks]>{});
          }
        }(),
        ...);
  }
  (std::make_integer_sequence<int, kTileBlocks>{});
  return table;
}

constexpr AccumulateTable kAccumulate = make_accumulate_table();

// All rows of `blocks` blocks, in tiles of even height.
inline void accumulate_rows(Accumulate a, int rows, int blocks) {
  int tiles = (rows + kTileRows[blocks] - 1) / kTileRows[blocks];
  while (rows > 0) {
    const int height = (rows + tiles - 1) / tiles;
    kAccumulate.entries[blocks][height](a);
    a.input += height;
    a.acc += height * kAccPitch;
    rows -= height;
    --tiles;
  }
}

// Same as reference::conv_tile.
void conv_tile(const ConvTile& tile) {
  assert(owed(tile, kConvRows));
  alignas(64) int32_t acc[(kConvRows + kFinishSlack) * kAccPitch];
  const int64_t block_bytes = int64_t{tile.taps} * tile.groups * kBlock * kGroup;
  int blocks_left = (tile.channels + kBlock - 1) / kBlock;
  for (int done = 0; blocks_left > 0;) {
    const int widths = (blocks_left + kTileBlocks - 1) / kTileBlocks;
    const int blocks = (blocks_left + widths - 1) / widths;
    accumulate_rows({.input = tile.input,
                     .input_stride = tile.rows,
                     .taps = tile.taps,
                     .groups = tile.groups,
                     .weights = tile.weights + done / kBlock * block_bytes,
                     .block_bytes = block_bytes,
                     .acc0 = tile.epilogue.acc0 + done,
                     .acc = acc},
                    tile.rows, blocks);
    const int left = tile.channels - done;
    const int channels = left < blocks * kBlock ? left : blocks * kBlock;
    const Finish finish = {.acc = acc,
                           .acc_pitch = kAccPitch,
                           .rows = tile.rows,
                           .channels = channels,
                           .epilogue = advance(tile.epilogue, done),
                           .output = advance(tile.output, tile.epilogue, done),
                           .output_pitch = tile.output_pitch,
                           .residual = tile.residual + (tile.residual ? done : 0),
                           .residual_pitch = tile.residual_pitch};
    choose_finish(finish.epilogue, finish.channels)(finish);
    done += blocks * kBlock;
    blocks_left -= blocks;
  }
}

constexpr GemmS8 make_gemm_s8(uint32_t needs, float cost) {
  return {.needs = needs,
          .rows = kConvRows,
          .channels = kTileBlocks * kBlock,
          .activation_offset = kActivationOffset,
          .cost = cost,
          .run = conv_tile};
}

}  // namespace
}  // namespace octet::kernels
