// Depthwise convolution: the rows of a kernel column are interleaved, so that one dot product does four taps of a channel.
// Packed weights: [block of kBytes channels][kernel column][4 kernel rows][4][kLanes][4 rows], zero padded.
#pragma once
#include "kernels/epilogue_inl.h"

namespace octet::kernels {
namespace {

constexpr int kChannelBlock = kBytes;
constexpr int kPixels = 32;  // accumulated before the epilogue runs

inline int row_groups(int kernel_h) { return (kernel_h + 3) / 4; }

size_t depthwise_packed_bytes(int kernel_h, int kernel_w, int channels) {
  const int blocks = (channels + kChannelBlock - 1) / kChannelBlock;
  return static_cast<size_t>(blocks) * kernel_w * row_groups(kernel_h) * kChannelBlock * 4;
}

void depthwise_pack(const int8_t* weights, int kernel_h, int kernel_w, int channels, int8_t* packed) {
  std::memset(packed, 0, depthwise_packed_bytes(kernel_h, kernel_w, channels));
  const int groups = row_groups(kernel_h);
  for (int c = 0; c < channels; ++c) {
    for (int y = 0; y < kernel_h; ++y) {
      for (int x = 0; x < kernel_w; ++x) {
        const int64_t group = (int64_t{c / kChannelBlock} * kernel_w + x) * groups + y / 4;
        packed[(group * kChannelBlock + c % kChannelBlock) * 4 + y % 4] = weights[(y * kernel_w + x) * channels + c];
      }
    }
  }
}

// One output row of one block of up to kBytes channels.
struct DepthwiseRow {
  const Depthwise* d = nullptr;
  const int8_t* weights = nullptr;  // of the block
  int first = 0;                    // channel
  int channels = 0;                 // in this block
  int y = 0;                        // output row
  Epilogue epilogue = {};           // of the block
  FinishFunction finish = nullptr;
};

inline void finish_pixels(const DepthwiseRow& row, const int32_t* acc, int pitch, int x, int pixels) {
  const Depthwise& d = *row.d;
  const int64_t pixel = int64_t{row.y} * d.out_w + x;
  row.finish({.acc = acc,
              .acc_pitch = pitch,
              .rows = pixels,
              .channels = row.channels,
              .epilogue = row.epilogue,
              .output = advance(d.output, d.epilogue, pixel * d.output_pitch + row.first),
              .output_pitch = d.output_pitch,
              .residual = d.residual ? d.residual + pixel * d.residual_pitch + row.first : nullptr,
              .residual_pitch = d.residual_pitch});
}

// Input rows under one output row; a row of padding has pitch 0.
template <int kRows>
struct Window {
  const uint8_t* base[kRows];
  int64_t pitch[kRows];
  const uint8_t* padding;
  int in_w;
  const uint8_t* at(int row, int column) const {
    return column < 0 || column >= in_w ? padding : base[row] + column * pitch[row];
  }
};

template <int kRows>
inline Window<kRows> window(const DepthwiseRow& row, int first_tap_row) {
  const Depthwise& d = *row.d;
  Window<kRows> w;
  w.padding = d.zero_row + row.first;
  w.in_w = d.in_w;
  for (int i = 0; i < kRows; ++i) {
    const int tap_row = first_tap_row + i < d.kernel_h ? first_tap_row + i : d.kernel_h - 1;  // excess: zero weights
    const int y = row.y * d.stride_h - d.pad_top + tap_row * d.dilation_h;
    const bool inside = y >= 0 && y < d.in_h;
    w.base[i] = inside ? d.input + int64_t{y} * d.in_w * d.input_pitch + row.first : w.padding;
    w.pitch[i] = inside ? d.input_pitch : 0;
  }
  return w;
}

// Any geometry: for each pixel the taps four at a time.
template <int kVectors>
void row_any(const DepthwiseRow& row) {
  constexpr int kPitch = kVectors * kLanes;
  alignas(64) int32_t acc[(kPixels + 3) * kPitch];
  const Depthwise& d = *row.d;
  const int groups = row_groups(d.kernel_h);
  for (int x0 = 0; x0 < d.out_w; x0 += kPixels) {
    const int pixels = d.out_w - x0 < kPixels ? d.out_w - x0 : kPixels;
    for (int i = 0; i < pixels; ++i) std::memcpy(acc + i * kPitch, row.epilogue.acc0, kPitch * sizeof(int32_t));
    for (int group = 0; group < groups; ++group) {
      const Window<4> w = window<4>(row, group * 4);
      for (int i = 0; i < pixels; ++i) {
        I sum[kVectors];
        unroll<kVectors>([&](auto v)
                             __attribute__((always_inline)) { sum[v] = load_i(acc + i * kPitch + v * kLanes); });
        for (int kx = 0; kx < d.kernel_w; ++kx) {
          const int column = (x0 + i) * d.stride_w - d.pad_left + kx * d.dilation_w;
          const int8_t* weights = row.weights + (int64_t{kx} * groups + group) * kChannelBlock * 4;
          I z[4];
          interleave(spread(load_b(w.at(0, column))), spread(load_b(w.at(1, column))), spread(load_b(w.at(2, column))),
                     spread(load_b(w.at(3, column))), z);
          unroll<kVectors>([&](auto v) __attribute__((always_inline)) {
            sum[v] = dot(sum[v], prepare(z[v]), load_w(weights + v * kBytes));
          });
        }
        unroll<kVectors>([&](auto v)
                             __attribute__((always_inline)) { store_i(acc + i * kPitch + v * kLanes, sum[v]); });
      }
    }
    finish_pixels(row, acc, kPitch, x0, pixels);
  }
}

// Square kernels without dilation: each input column is interleaved once and added to all outputs that see it; their
// accumulators stay in registers and rotate through kSlots names.
template <int kKernel, int kStride, int kVectors>
void row_rolling(const DepthwiseRow& row) {
  constexpr int kSlots = (kKernel + kStride - 1) / kStride, kPeriod = kSlots * kStride;
  constexpr int kGroups = (kKernel + 3) / 4, kPitch = kVectors * kLanes;
  alignas(64) int32_t done[(kPixels + 3) * kPitch];
  const Depthwise& d = *row.d;
  const Window<kKernel> w = window<kKernel>(row, 0);
  const int columns = (d.out_w - 1) * kStride + kKernel;
  int filled = 0, flushed = 0;
  I acc[kSlots][kVectors];
  unroll<kSlots>([&](auto s) __attribute__((always_inline)) {
    unroll<kVectors>([&](auto v)
                         __attribute__((always_inline)) { acc[s][v] = load_i(row.epilogue.acc0 + v * kLanes); });
  });
  for (int i0 = 0; i0 < columns; i0 += kPeriod) {
    unroll<kPeriod>([&](auto step) __attribute__((always_inline)) {
      const int i = i0 + step, column = i - d.pad_left;
      unroll<kGroups>([&](auto group) __attribute__((always_inline)) {
        B tap[4];
        unroll<4>([&](auto k) __attribute__((always_inline)) {
          constexpr int kRow = group * 4 + k;  // rows past the kernel have zero weights: any bytes serve
          tap[k] = kRow < kKernel ? spread(load_b(w.at(kRow < kKernel ? kRow : 0, column))) : tap[0];
        });
        I z[4];
        interleave(tap[0], tap[1], tap[2], tap[3], z);
        unroll<kVectors>([&](auto v) __attribute__((always_inline)) {
          const X four = prepare(z[v]);
          unroll<kKernel>([&](auto kx) __attribute__((always_inline)) {
            constexpr int kAhead = step + kPeriod * kKernel - kx;  // kStride * output, plus a multiple of the period
            if constexpr (kAhead % kStride == 0) {
              constexpr int kSlot = kAhead / kStride % kSlots;
              const I from = kx == 0 && group == 0 ? load_i(row.epilogue.acc0 + v * kLanes) : acc[kSlot][v];
              acc[kSlot][v] = dot(from, four, load_w(row.weights + ((kx * kGroups + group) * 4 + v) * kBytes));
            }
          });
        });
      });
      constexpr int kAhead = step + kPeriod * kKernel - (kKernel - 1);
      if constexpr (kAhead % kStride == 0) {
        constexpr int kSlot = kAhead / kStride % kSlots;
        if (i >= kKernel - 1 && i < columns) {
          unroll<kVectors>([&](auto v) __attribute__((always_inline)) {
            store_i(done + filled * kPitch + v * kLanes, acc[kSlot][v]);
          });
          ++filled;
        }
      }
    });
    if (filled > kPixels - kSlots) {
      finish_pixels(row, done, kPitch, flushed, filled);
      flushed += filled;
      filled = 0;
    }
  }
  if (filled > 0) finish_pixels(row, done, kPitch, flushed, filled);
}

using RowFunction = void (*)(const DepthwiseRow&);

template <int kVectors>
inline RowFunction choose_row(const Depthwise& d) {
  const bool square = d.kernel_h == d.kernel_w && d.stride_h == d.stride_w && d.dilation_h == 1 && d.dilation_w == 1;
  if (square && d.kernel_h == 3 && d.stride_h == 1) return row_rolling<3, 1, kVectors>;
  if (square && d.kernel_h == 3 && d.stride_h == 2) return row_rolling<3, 2, kVectors>;
  if (square && d.kernel_h == 5 && d.stride_h == 1) return row_rolling<5, 1, kVectors>;
  if (square && d.kernel_h == 5 && d.stride_h == 2) return row_rolling<5, 2, kVectors>;
  return row_any<kVectors>;
}

inline RowFunction choose_row(const Depthwise& d, int channels) {
  switch ((channels + kLanes - 1) / kLanes) {
    case 1:
      return choose_row<1>(d);
    case 2:
      return choose_row<2>(d);
    case 3:
      return choose_row<3>(d);
    default:
      return choose_row<4>(d);
  }
}

// Same as reference::depthwise, given the folded bias of kActivationOffset.
void depthwise(const Depthwise& d, int y_begin, int y_end) {
  const int64_t block_bytes = int64_t{d.kernel_w} * row_groups(d.kernel_h) * kChannelBlock * 4;
  // Half a block at a time where the accumulators of a whole one would not stay in registers.
  const bool half = d.kernel_h == d.kernel_w && (d.kernel_h == 5 || (d.kernel_h == 3 && kLanes == 8));
  const int width = half ? kChannelBlock / 2 : kChannelBlock;
  for (int first = 0; first < d.channels; first += width) {
    const int left = d.channels - first, channels = left < width ? left : width;
    DepthwiseRow row = {.d = &d,
                        .weights = d.weights + first / kChannelBlock * block_bytes + first % kChannelBlock * 4,
                        .first = first,
                        .channels = channels,
                        .epilogue = advance(d.epilogue, first),
                        .finish = choose_finish(d.epilogue, channels)};
    const RowFunction function = choose_row(d, channels);
    for (row.y = y_begin; row.y < y_end; ++row.y) function(row);
  }
}

}  // namespace
}  // namespace octet::kernels
