// Exact Winograd F(4x4, 3x3) in 16-bit integers, see WinogradInput and WinogradOutput in kernels.h.
// Before it, the ISA file gives kInterleave, kVectorsOfLoad, operand, dot_s16, kWinogradBlocks (widest tile of products) and
// kWinogradRows[blocks] (tallest tile of that width).
#pragma once
#include <cassert>

#include "kernels/conv/epilogue_inl.h"

namespace octet::kernels {
namespace {

// The input's transform by 1, 4, 5: out[i * kStep] of in[i * kStep], i < 6.
template <int kStep>
[[gnu::always_inline]] inline void transform_input(const H* in, H* out) {
  const H d0 = in[0], d1 = in[kStep], d2 = in[2 * kStep], d3 = in[3 * kStep], d4 = in[4 * kStep], d5 = in[5 * kStep];
  const H even = sub_wrap(d4, d2), odd = shift_wrap<1>(sub_wrap(d3, d1));
  const H even4 = sub_wrap(d4, shift_wrap<2>(d2)), odd4 = sub_wrap(d3, shift_wrap<2>(d1));
  out[0] = add_wrap(shift_wrap<2>(sub_wrap(d0, d2)), even);
  out[kStep] = add_wrap(even4, odd4);
  out[2 * kStep] = sub_wrap(even4, odd4);
  out[3 * kStep] = add_wrap(even, odd);
  out[4 * kStep] = sub_wrap(even, odd);
  out[5 * kStep] = sub_wrap(sub_wrap(d5, d3), shift_wrap<1>(odd));
}

// B^T d B of a tile of 6x6 pixels.
void winograd_input(const WinogradInput& w) {
  constexpr int kSide = kWinogradSide, kWide = 2 * kLanes;
  for (int c = 0; c < w.channels; c += kWide) {
    H columns[kWinogradPoints];
    for (int x = 0; x < kSide; ++x) {
      H line[kSide];
      unroll<kSide>([&](auto y) __attribute__((always_inline)) { line[y] = widen_u8(w.lines[y] + x * w.pitch + c); });
      H turned[kSide];
      transform_input<1>(line, turned);
      unroll<kSide>([&](auto y) __attribute__((always_inline)) { columns[y * kSide + x] = turned[y]; });
    }
    int16_t* to = w.to + c;
    for (int y = 0; y < kSide; ++y) {
      H points[kSide];
      transform_input<1>(columns + y * kSide, points);
      unroll<kSide>([&](auto x) __attribute__((always_inline)) { store_h(to + x * w.plane, points[x]); });
      to += kSide * w.plane;
    }
  }
}

// A point's products: sums[r][n] of the tiles' rows and some blocks of 16 output channels.
struct Multiply {
  const int16_t* input = nullptr;  // the first tile's row
  int64_t input_pitch = 0;
  int groups = 0;  // of kWinogradDepth input channels
  const int16_t* weights = nullptr;
  int64_t block_elements = 0;
  int32_t* sums = nullptr;  // rows of kWinogradChannels
};

alignas(64) constexpr int32_t kZeros[16] = {};

template <int kRows, int kBlocks>
void multiply(const Multiply& m) {
  constexpr int kOfBlock = kBlock / kLanes, kVectors = kBlocks * kOfBlock, kLoads = kVectors / kVectorsOfLoad;
  constexpr int kLoadsOfBlock = kOfBlock / kVectorsOfLoad, kSteps = kWinogradDepth / kInterleave;
  constexpr int kElements = kBytes / 2;  // of a load
  I acc[kRows][kVectors];
  // From memory, since GCC 12 spills zeroed accumulators.
  unroll<kRows>([&](auto r) __attribute__((always_inline)) {
    unroll<kVectors>([&](auto v) __attribute__((always_inline)) { acc[r][v] = load_i(kZeros); });
  });
  const int16_t* x = m.input;
  const int16_t* weights = m.weights;
  const int64_t pitch = m.input_pitch, block_elements = m.block_elements;
  for (int g = 0; g < m.groups; ++g, x += kWinogradDepth) {
    unroll<kSteps>([&](auto step) __attribute__((always_inline)) {
      I w[kLoads];
      unroll<kLoads>([&](auto i) __attribute__((always_inline)) {
        w[i] = load_w(reinterpret_cast<const int8_t*>(weights + i / kLoadsOfBlock * block_elements +
                                                      i % kLoadsOfBlock * kElements));
      });
      unroll<kRows>([&](auto r) __attribute__((always_inline)) {
        const auto a = operand<step>(x + r * pitch);
        unroll<kVectors>([&](auto v) __attribute__((always_inline)) {
          acc[r][v] = dot_s16<step, v % kVectorsOfLoad>(acc[r][v], a, w[v / kVectorsOfLoad]);
        });
      });
      weights += kBlock * kInterleave;
    });
  }
  unroll<kRows>([&](auto r) __attribute__((always_inline)) {
    unroll<kVectors>([&](auto v) __attribute__((always_inline)) {
      store_i(m.sums + r * kWinogradChannels + v * kLanes, acc[r][v]);
    });
  });
}

using MultiplyFunction = void (*)(const Multiply&);

template <int kBlocks>
MultiplyFunction multiply_of(int rows) {
  MultiplyFunction found = nullptr;
  unroll<kWinogradRows[kBlocks]>([&](auto r) {
    if (rows == r + 1) found = multiply<r + 1, kBlocks>;
  });
  return found;
}

// All tiles of one point, in register tiles of even height.
template <int kBlocks>
void multiply_tiles(Multiply m, int tiles) {
  constexpr int kRows = kWinogradRows[kBlocks];
  for (int left = (tiles + kRows - 1) / kRows; left > 0; --left) {
    const int rows = (tiles + left - 1) / left;
    multiply_of<kBlocks>(rows)(m);
    m.input += rows * m.input_pitch;
    m.sums += rows * kWinogradChannels;
    tiles -= rows;
  }
}

// The sums of all points for `blocks` blocks of output channels; returns where the next weights are.
inline const int16_t* multiply_points(const WinogradOutput& w, const int16_t* weights, int blocks) {
  const int groups = (w.in_channels + kWinogradDepth - 1) / kWinogradDepth;
  Multiply m = {.input = w.input,
                .input_pitch = winograd_pitch(w.in_channels),
                .groups = groups,
                .weights = weights,
                .block_elements = int64_t{groups} * kWinogradDepth * kBlock,
                .sums = w.sums};
  for (int point = 0; point < kWinogradPoints; ++point) {
    for (int done = 0; done < blocks;) {
      const int wide = blocks - done < kWinogradBlocks ? blocks - done : kWinogradBlocks;
      Multiply part = m;
      part.weights += done * m.block_elements;
      part.sums += done * kBlock;
      unroll<kWinogradBlocks>([&](auto b) {
        if (wide == b + 1) multiply_tiles<b + 1>(part, w.tiles);
      });
      done += wide;
    }
    m.input += winograd_plane(w.tiles, w.in_channels);
    m.weights += blocks * m.block_elements;
    m.sums += winograd_sums_plane(w.tiles);
  }
  return m.weights;
}

// The output's transform, its last column four times the usual: weights have a quarter there.
template <int kStep>
[[gnu::always_inline]] inline void transform_output(const I* in, I* out) {
  const I p = add(in[1], in[2]), q = sub(in[1], in[2]), r = add(in[3], in[4]), s = sub(in[3], in[4]);
  out[0] = add(in[0], add(p, r));
  out[kStep] = add(q, shift_left<1>(s));
  out[2 * kStep] = add(p, shift_left<2>(r));
  out[3 * kStep] = add(add(q, shift_left<3>(s)), shift_left<2>(in[5]));
}

// Accumulators of up to kAtOnce tiles side by side: kWinogradOut lines of their pixels. Lines are a row more apart than they are
// long, for the cache's sake.
constexpr int kAtOnce = 4, kLineRows = kAtOnce * kWinogradOut + 1;

// A tile's 4x4 accumulators for kLanes channels, rows of kWinogradChannels.
inline void tile_to_accumulators(const int32_t* sums, int64_t plane, I acc0, int32_t* to) {
  constexpr int kSide = kWinogradSide, kOut = kWinogradOut;
  constexpr int32_t kInverseOf9 = 954437177;  // 9 * 954437177 = 1 modulo 2^32; 576 = 9 * 64
  I turned[kOut * kSide];
  unroll<kSide>([&](auto x) __attribute__((always_inline)) {
    I column[kSide];
    unroll<kSide>([&](auto y) __attribute__((always_inline)) { column[y] = load_i(sums + (y * kSide + x) * plane); });
    transform_output<kSide>(column, turned + x);
  });
  for (int y = 0; y < kOut; ++y) {
    I line[kOut];
    transform_output<1>(turned + y * kSide, line);
    unroll<kOut>([&](auto x) __attribute__((always_inline)) {
      const I sum = shift_right_signed<6>(mul(line[x], set_i(kInverseOf9)));
      store_i(to + (y * kLineRows + x) * kWinogradChannels, add(sum, acc0));
    });
  }
}

// Whether b's lines are those of a, continued.
inline bool continues(const WinogradTile& a, const WinogradTile& b) {
  return a.columns == kWinogradOut && b.pixel == a.pixel + kWinogradOut && b.lines == a.lines;
}

// From the points' sums of `channels` output channels, from channel `first` on, to stored rows.
inline void finish_tiles(const WinogradOutput& w, int first, int channels) {
  alignas(64) int32_t acc[(kWinogradOut * kLineRows + kFinishSlack) * kWinogradChannels];
  Finish finish = {.acc_pitch = kWinogradChannels, .channels = channels, .epilogue = advance(w.epilogue, first)};
  finish.output_pitch = w.output_pitch, finish.residual_pitch = w.residual_pitch;
  for (int t = 0; t < w.tiles;) {
    const WinogradTile& tile = w.at[t];
    int count = 1;
    while (count < kAtOnce && t + count < w.tiles && continues(w.at[t + count - 1], w.at[t + count])) ++count;
    for (int n = 0; n < channels; n += kLanes) {
      const I acc0 = load_i(finish.epilogue.acc0 + n);
      for (int i = 0; i < count; ++i)
        tile_to_accumulators(w.sums + (t + i) * kWinogradChannels + n, winograd_sums_plane(w.tiles), acc0,
                             acc + i * kWinogradOut * kWinogradChannels + n);
    }
    t += count;
    finish.rows = (count - 1) * kWinogradOut + w.at[t - 1].columns;
    for (int y = 0; y < tile.lines; ++y) {
      const int64_t pixel = tile.pixel + y * w.line_pixels;
      finish.acc = acc + y * kLineRows * kWinogradChannels;
      finish.output = advance(w.output, w.epilogue, pixel * w.output_pitch + first);
      finish.residual = w.residual ? w.residual + pixel * w.residual_pitch + first : nullptr;
      finish_sums(finish);
    }
  }
}

void winograd_output(const WinogradOutput& w) {
  const int16_t* weights = w.weights;
  for (int done = 0; done < w.channels; done += kWinogradChannels) {
    const int channels = w.channels - done < kWinogradChannels ? w.channels - done : kWinogradChannels;
    weights = multiply_points(w, weights, (channels + kBlock - 1) / kBlock);
    finish_tiles(w, done, channels);
  }
}

constexpr WinogradS8 make_winograd_s8(uint32_t needs, float cost, float transform_cost) {
  return {.needs = needs,
          .interleave = kInterleave,
          .cost = cost,
          .transform_cost = transform_cost,
          .input = winograd_input,
          .output = winograd_output};
}

}  // namespace
}  // namespace octet::kernels
