// Implicit GEMM in 16-bit pairs: u8 pixels are widened a slice of the sum at a time, weights are s16 in memory. For instruction
// sets whose exact 8-bit products cost more: AVX2 takes two instructions for 8 sums of 2 products, and needs no signs.
// Before it, the ISA file gives the vectors, widen16 and conv_inl.h.
#pragma once
#include "kernels/conv/epilogue_inl.h"
#include "kernels/owed.h"

namespace octet::kernels {
namespace {

constexpr int kWideRows = 12;  // of a call
constexpr int kWideTile = 6;   // rows in registers, times one block
constexpr int kWideChannels =
    8 * kBlock;                   // whose sums are held at a time, so that pixels are widened once for all of them
constexpr int kSliceGroups = 64;  // of the sum, widened at a time: 6 KB
constexpr int kPanelPitch = kSliceGroups * kGroup + 16;  // s16 elements; what is widened 16 at a time may end behind
static_assert(kBlock == 2 * kLanes);

struct AccumulateWide {
  const int16_t* panel = nullptr;  // [rows][kPanelPitch]
  const int16_t* weights = nullptr;
  int groups = 0;
  int32_t* acc = nullptr;  // [rows][kWideChannels], added to
};

template <int kRows>
void accumulate_wide(const AccumulateWide& a) {
  I acc[kRows][2];
  unroll<kRows>([&](auto r) __attribute__((always_inline)) {
    acc[r][0] = load_i(a.acc + r * kWideChannels);
    acc[r][1] = load_i(a.acc + r * kWideChannels + kLanes);
  });
  const auto* weights = reinterpret_cast<const int8_t*>(a.weights);
  const auto* x = reinterpret_cast<const uint8_t*>(a.panel);
  for (int pair = 0; pair < 2 * a.groups; ++pair) {
    const I low = load_w(weights), high = load_w(weights + kBytes);
    unroll<kRows>([&](auto r) __attribute__((always_inline)) {
      const I two = broadcast4(x + r * kPanelPitch * 2);
      acc[r][0] = add(acc[r][0], mul_s16(two, low));
      acc[r][1] = add(acc[r][1], mul_s16(two, high));
    });
    weights += 2 * kBytes;
    x += 4;
  }
  unroll<kRows>([&](auto r) __attribute__((always_inline)) {
    store_i(a.acc + r * kWideChannels, acc[r][0]);
    store_i(a.acc + r * kWideChannels + kLanes, acc[r][1]);
  });
}

template <int... rows>
inline void accumulate_wide(int height, const AccumulateWide& a, std::integer_sequence<int, rows...>) {
  ((height == rows + 1 ? accumulate_wide<rows + 1>(a) : void()), ...);
}

// The groups [begin, end) of all taps in a row, of each of the tile's rows.
inline void widen_panel(const ConvTile& tile, int64_t begin, int64_t end, int16_t* panel) {
  for (int r = 0; r < tile.rows; ++r) {
    int16_t* to = panel + r * kPanelPitch;
    for (int64_t at = begin; at < end;) {
      const int64_t tap = at / tile.groups, first = at % tile.groups;
      const int64_t count = tile.groups - first < end - at ? tile.groups - first : end - at;
      const uint8_t* from = tile.input[tap * tile.rows + r] + first * kGroup;
      for (int64_t k = 0; k < count * kGroup; k += 16) widen16(from + k, to + k);
      to += count * kGroup;
      at += count;
    }
  }
}

// Same as reference::conv_tile, the weights widened: see GemmS8::wide.
void conv_tile_wide(const ConvTile& tile) {
  assert(owed(tile, kWideRows));
  alignas(64) int32_t acc[(kWideRows + kFinishSlack) * kWideChannels];
  alignas(64) int16_t panel[kWideRows * kPanelPitch];
  const int64_t groups = int64_t{tile.taps} * tile.groups, block = groups * kBlock * kGroup;
  const auto* weights = reinterpret_cast<const int16_t*>(tile.weights);
  for (int done = 0; done < tile.channels; done += kWideChannels) {
    const int channels = tile.channels - done < kWideChannels ? tile.channels - done : kWideChannels;
    const int blocks = (channels + kBlock - 1) / kBlock;
    for (int r = 0; r < tile.rows; ++r) {
      for (int n = 0; n < blocks * kBlock; n += kLanes)
        store_i(acc + r * kWideChannels + n, load_i(tile.epilogue.acc0 + done + n));
    }
    for (int64_t begin = 0; begin < groups; begin += kSliceGroups) {
      const int64_t end = groups - begin < kSliceGroups ? groups : begin + kSliceGroups;
      widen_panel(tile, begin, end, panel);
      for (int b = 0; b < blocks; ++b) {
        for (int r = 0; r < tile.rows;) {
          const int tiles = (tile.rows - r + kWideTile - 1) / kWideTile, height = (tile.rows - r + tiles - 1) / tiles;
          accumulate_wide(height,
                          {.panel = panel + r * kPanelPitch,
                           .weights = weights + (done / kBlock + b) * block + begin * kBlock * kGroup,
                           .groups = static_cast<int>(end - begin),
                           .acc = acc + r * kWideChannels + b * kBlock},
                          std::make_integer_sequence<int, kWideTile>{});
          r += height;
        }
      }
    }
    finish_sums({.acc = acc,
                 .acc_pitch = kWideChannels,
                 .rows = tile.rows,
                 .channels = channels,
                 .epilogue = advance(tile.epilogue, done),
                 .output = advance(tile.output, tile.epilogue, done),
                 .output_pitch = tile.output_pitch,
                 .residual = tile.residual + (tile.residual ? done : 0),
                 .residual_pitch = tile.residual_pitch});
  }
}

constexpr GemmS8 make_gemm_wide(uint32_t needs, float cost) {
  return {.needs = needs, .rows = kWideRows, .channels = kBlock, .wide = true, .cost = cost, .run = conv_tile_wide};
}

}  // namespace
}  // namespace octet::kernels
