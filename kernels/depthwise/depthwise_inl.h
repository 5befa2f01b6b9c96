// Depthwise convolution: the rows of a kernel column are interleaved, so that one dot product does four taps of a channel.
// Packed weights: [block of kBytes channels][kernel column][4 kernel rows][4 vectors][lane][4 rows], zero padded.
#pragma once
#include <array>

#include "kernels/depthwise/depthwise_finish_inl.h"
#include "kernels/owed.h"

namespace octet::kernels {
namespace {

constexpr int kPart = kLanes == 8 ? 2 : 4;  // vectors at a time, so that accumulators stay in registers

size_t depthwise_packed_bytes(int kernel_h, int kernel_w, int channels) {
  const int blocks = (channels + kBytes - 1) / kBytes;
  return static_cast<size_t>(blocks) * kernel_w * row_groups(kernel_h) * kBytes * 4;
}

void depthwise_pack(const int8_t* weights, int kernel_h, int kernel_w, int channels, int8_t* packed) {
  std::memset(packed, 0, depthwise_packed_bytes(kernel_h, kernel_w, channels));
  const int groups = row_groups(kernel_h);
  for (int first = 0; first < channels; first += kBytes) {
    const int rows = rows_together(channels - first < kBytes ? channels - first : kBytes);
    for (int x = 0; x < kernel_w; ++x) {
      for (int group = 0; group < groups; ++group, packed += kBytes * 4) {
        for (int lane = 0; lane < kBytes; ++lane) {
          const int c = first + channel_at(lane, rows);
          for (int y = group * 4; c < channels && y < kernel_h && y < group * 4 + 4; ++y)
            packed[lane * 4 + y % 4] = weights[(y * kernel_w + x) * channels + c];
        }
      }
    }
  }
}

// An input row under an output row, outside the image a row of padding.
struct InputRow {
  InputRow(const Block& b, int y) : padding(b.d.zero_row + b.first), in_w(b.d.in_w) {
    const bool inside = y >= 0 && y < b.d.in_h;
    row = inside ? b.d.input + int64_t{y} * in_w * b.d.input_pitch + b.first : padding;
    pitch = inside ? b.d.input_pitch : 0;
  }
  const uint8_t* at(int column) const { return column < 0 || column >= in_w ? padding : row + column * pitch; }

  const uint8_t *row, *padding;
  int in_w;
  int64_t pitch;
};

// Any geometry: for each pixel the taps four at a time.
template <int kRows, int kFirst>
void accumulate_any(const Rows& rows, int x, int pixels, int32_t* acc) {
  const Block& b = rows.b;
  const Depthwise& d = b.d;
  const int groups = row_groups(d.kernel_h);
  for (int group = 0; group < groups; ++group) {
    const auto row = [&](int i, int r) {
      const int tap = group * 4 + i < d.kernel_h ? group * 4 + i : d.kernel_h - 1;  // excess rows have zero weights
      return InputRow(b, (rows.y + r) * d.stride_h - d.pad_top + tap * d.dilation_h);
    };
    const auto under = [&](int i) {
      return [&]<int... r>(std::integer_sequence<int, r...>) { return std::array<InputRow, kRows>{row(i, r)...}; }
      (std::make_integer_sequence<int, kRows>{});
    };
    const std::array<InputRow, kRows> w[4] = {under(0), under(1), under(2), under(3)};
    for (int i = 0; i < pixels; ++i) {
      int32_t* to = acc + i * kBytes + kFirst * kLanes;
      const int32_t* from = group == 0 ? b.acc0 + kFirst * kLanes : to;
      I sum[kPart];
      unroll<kPart>([&](auto v) __attribute__((always_inline)) { sum[v] = load_i(from + v * kLanes); });
      for (int kx = 0; kx < d.kernel_w; ++kx) {
        const int8_t* weights = b.weights + ((int64_t{kx} * groups + group) * 4 + kFirst) * kBytes;
        const int column = (x + i) * d.stride_w - d.pad_left + kx * d.dilation_w;
        B tap[4];
        unroll<4>([&](auto t) __attribute__((always_inline)) {
          const uint8_t* p[kRows];
          unroll<kRows>([&](auto r) __attribute__((always_inline)) { p[r] = w[t][r].at(column); });
          tap[t] = load_parts<kRows>(p);
        });
        I z[4];
        interleave(tap[0], tap[1], tap[2], tap[3], z);
        unroll<kPart>([&](auto v) __attribute__((always_inline)) {
          sum[v] = dot(sum[v], prepare(z[kFirst + v]), load_w(weights + v * kBytes));
        });
      }
      unroll<kPart>([&](auto v) __attribute__((always_inline)) { store_i(to + v * kLanes, sum[v]); });
    }
  }
}

template <int kRows>
void tiles_any(const Block& b, int y_begin, int y_end) {
  alignas(64) int32_t acc[(kTile + 1) * kBytes];
  const PixelsFunction finish = choose_pixels<kRows>(b);
  for (int y = y_begin; y < y_end; y += kRows) {
    const Rows rows = {b, y, y_end};
    for (int x = 0; x < b.d.out_w; x += kTile) {
      const int pixels = b.d.out_w - x < kTile ? b.d.out_w - x : kTile;
      accumulate_any<kRows, 0>(rows, x, pixels, acc);
      if constexpr (kPart == 2) accumulate_any<kRows, 2>(rows, x, pixels, acc);
      finish(rows, x, pixels, acc);
    }
  }
}

// Square kernels without dilation. Each input column is interleaved once and added to all outputs that see it; their
// accumulators stay in registers and rotate through kSlots names.
template <int kKernel, int kStride>
struct Rolling {
  static constexpr int kSlots = (kKernel + kStride - 1) / kStride, kPeriod = kSlots * kStride;
  static constexpr int kGroups = (kKernel + 3) / 4;
  static constexpr int kEarly = (kKernel - 1) / kStride;  // accumulators that are stored before the first real one
  static constexpr int kColumns = (kTile + kEarly + kSlots) * kStride;

  // Columns [0, columns) of the lines, `pitch` apart; acc: [kEarly + output][kBytes].
  template <int kFirst>
  static void accumulate(const Block& b, const uint8_t* const (&lines)[kKernel], int64_t pitch, int columns,
                         int32_t* acc) {
    const uint8_t* line[kKernel];
    unroll<kKernel>([&](auto k) __attribute__((always_inline)) { line[k] = lines[k]; });
    const int8_t* const weights = b.weights;
    acc += kFirst * kLanes;
    I sum[kSlots][kPart], start[kPart];
    unroll<kPart>([&](auto v) __attribute__((always_inline)) {
      start[v] = load_i(b.acc0 + (kFirst + v) * kLanes);
      unroll<kSlots>([&](auto s) __attribute__((always_inline)) { sum[s][v] = start[v]; });
    });
    int64_t at = 0;
    const int64_t end = columns * pitch;
    while (at < end) {
      unroll<kPeriod>([&](auto step) __attribute__((always_inline)) {
        unroll<kGroups>([&](auto group) __attribute__((always_inline)) {
          const auto tap = [&](int k) __attribute__((always_inline)) {  // rows past the kernel have zero weights
            return load_b(line[group * 4 + k < kKernel ? group * 4 + k : group * 4] + at);
          };
          I z[4];
          interleave(tap(0), tap(1), tap(2), tap(3), z);
          unroll<kPart>([&](auto v) __attribute__((always_inline)) {
            const X four = prepare(z[kFirst + v]);
            unroll<kKernel>([&](auto kx) __attribute__((always_inline)) {
              constexpr int kAhead = step + kPeriod * kKernel - kx;  // kStride * output, plus a multiple of the period
              if constexpr (kAhead % kStride == 0) {
                I& s = sum[kAhead / kStride % kSlots][v];
                s = dot(kx == 0 && group == 0 ? start[v] : s, four,
                        load_w(weights + ((kx * kGroups + group) * 4 + kFirst + v) * kBytes));
              }
            });
          });
        });
        if constexpr (step % kStride == (kKernel - 1) % kStride) {
          unroll<kPart>([&](auto v) __attribute__((always_inline)) {
            constexpr int kSlot = (step + kPeriod * kKernel - (kKernel - 1)) / kStride % kSlots;
            store_i(acc + step / kStride * kBytes + v * kLanes, sum[kSlot][v]);
          });
        }
        at += pitch;
      });
      acc += kSlots * kBytes;
    }
  }

  template <int kRows>
  static void tiles(const Block& b, int y_begin, int y_end) {
    alignas(64) int32_t acc[(kTile + kEarly + kSlots + 1) * kBytes];
    alignas(64) uint8_t copies[kKernel][kColumns * kBytes];
    const Depthwise& d = b.d;
    const PixelsFunction finish = choose_pixels<kRows>(b);
    for (int x = 0; x < d.out_w; x += kTile) {
      const int pixels = d.out_w - x < kTile ? d.out_w - x : kTile, left = x * kStride - d.pad_left;
      const int columns = (pixels + kEarly + kSlots - 1) / kSlots * kPeriod;
      int copied =
          y_begin * kStride;  // input rows below, from the first padded one, are in `copies` or no longer needed
      for (int y = y_begin; y < y_end; y += kRows) {
        const Rows rows = {b, y, y_end};
        const int top = y * kStride - d.pad_top;
        const bool inside = kRows == 1 && left >= 0 && left + columns <= d.in_w && top >= 0 && top + kKernel <= d.in_h;
        const uint8_t* lines[kKernel];
        for (int k = 0; k < kKernel; ++k) {
          const int row = y * kStride + k;
          if (inside) {
            lines[k] = d.input + (int64_t{top + k} * d.in_w + left) * d.input_pitch + b.first;
          } else {
            uint8_t* copy = copies[row % kKernel];
            lines[k] = copy;
            if (row >= copied) copy_line<kRows>(b, row - d.pad_top, left, columns, copy), copied = row + 1;
          }
        }
        const int64_t pitch = inside ? d.input_pitch : kBytes;
        accumulate<0>(b, lines, pitch, columns, acc);
        if constexpr (kPart == 2) accumulate<2>(b, lines, pitch, columns, acc);
        finish(rows, x, pixels, acc + kEarly * kBytes);
      }
    }
  }

  // Columns [left, left + columns) of input row y, and beside it of those under the next output rows.
  template <int kRows>
  static void copy_line(const Block& b, int y, int left, int columns, uint8_t* to) {
    constexpr int kWidth = kBytes / kRows;
    for (int r = 0; r < kRows; ++r, to += kWidth) {
      const InputRow row(b, y + r * kStride);
      const auto clamped = [&](int column) { return column < 0 ? 0 : column < columns ? column : columns; };
      const int begin = clamped(-left), end = clamped(b.d.in_w - left);
      for (int i = 0; i < begin; ++i) std::memcpy(to + i * kBytes, row.padding, kWidth);
      const uint8_t* from = row.row + (begin + left) * row.pitch;
      for (int i = begin; i < end; ++i, from += row.pitch) std::memcpy(to + i * kBytes, from, kWidth);
      for (int i = end; i < columns; ++i) std::memcpy(to + i * kBytes, row.padding, kWidth);
    }
  }
};

template <int kRows>
inline void tiles(const Block& b, int y_begin, int y_end) {
  const Depthwise& d = b.d;
  const bool square = d.kernel_h == d.kernel_w && d.stride_h == d.stride_w && d.dilation_h == 1 && d.dilation_w == 1;
  const int shape = square ? d.kernel_h * 10 + d.stride_h : 0;
  switch (shape) {
    case 31:
      return Rolling<3, 1>::template tiles<kRows>(b, y_begin, y_end);
    case 32:
      return Rolling<3, 2>::template tiles<kRows>(b, y_begin, y_end);
    case 51:
      return Rolling<5, 1>::template tiles<kRows>(b, y_begin, y_end);
    case 52:
      return Rolling<5, 2>::template tiles<kRows>(b, y_begin, y_end);
    default:
      return tiles_any<kRows>(b, y_begin, y_end);
  }
}

// Same as reference::depthwise, given the folded bias of kActivationOffset.
void depthwise(const Depthwise& d, int y_begin, int y_end) {
  assert(owed(d, y_begin, y_end));
  for (int first = 0; first < d.channels; first += kBytes) {
    const Block b(d, first);
    if (b.rows == 1) tiles<1>(b, y_begin, y_end);
    if constexpr (kPieces > 1) {
      if (b.rows == 2) tiles<2>(b, y_begin, y_end);
    }
    if constexpr (kPieces > 2) {
      if (b.rows == 4) tiles<4>(b, y_begin, y_end);
    }
  }
}

constexpr DepthwiseS8 make_depthwise_s8(uint32_t needs) {
  return {.needs = needs,
          .activation_offset = kActivationOffset,
          .packed_bytes = depthwise_packed_bytes,
          .pack = depthwise_pack,
          .run = depthwise};
}

}  // namespace
}  // namespace octet::kernels
