// The implicit GEMM's side of a convolution: from output pixels to pointers at what their windows cover, in place.
#pragma once
#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <vector>

#include "kernels/kernels.h"
#include "runtime/ops/conv/conv2d.h"

namespace octet::conv {

// A run is what one pointer leads to: the channels of one tap; or, `merged`, all of a window's row, whose pixels lie next
// to each other in the order of the weights. Fewer pointers then, and long inner loops even for few channels.
template <class T>
class Windows {
 public:
  struct Cursor {
    int64_t x, y, image;  // of an output pixel
  };

  // `zero_pixels`: what padding holds: one pixel of `pitch` elements, kernel_w of them when merged, and slack to read.
  Windows(const Geometry& g, int64_t pitch, bool merged, std::vector<T> zero_pixels)
      : g_(g), pitch_(pitch), merged_(merged), zero_(std::move(zero_pixels)) {
    for (int64_t ky = 0; ky < g.kernel_h; ++ky)
      for (int64_t kx = 0; kx < (merged ? 1 : g.kernel_w); ++kx)
        offset_.push_back(bytes((ky * g.dilation_h * g.in_w + kx * g.dilation_w) * pitch));
    // Output columns whose windows stay inside: ceil(pad / stride) and one past the last.
    x_begin_ = (g.pad_left + g.stride_w - 1) / g.stride_w;
    const int64_t room = g.in_w + g.pad_left - (g.dilation_w * (g.kernel_w - 1) + 1);
    x_end_ = room < 0 ? 0 : room / g.stride_w + 1;
  }

  int runs() const { return static_cast<int>(offset_.size()); }
  // Elements of gather's patch for tiles of `rows`, and bytes of its pointers, which it writes 16 at a time.
  int64_t patch_elements(int rows) const {
    return merged_ ? rows * g_.kernel_h * g_.kernel_w * pitch_ + kernels::kReadSlack : 0;
  }
  int64_t pointer_bytes(int rows) const {
    return (runs() * rows + kernels::kMaxRows) * static_cast<int64_t>(sizeof(T*));
  }

  Cursor at(int64_t pixel) const {
    return {pixel % g_.out_w, pixel / g_.out_w % g_.out_h, pixel / (g_.out_w * g_.out_h)};
  }

  // Fills pointers[runs()][rows] for `rows` output pixels, from channel `channel` of each tap, and steps over them.
  void gather(const T* input, int64_t channel, Cursor& cursor, int rows, const T** pointers, T* patch) const {
    uintptr_t base[kernels::kMaxRows];
    const int padded = (rows + kAtOnce - 1) / kAtOnce * kAtOnce;
    Cursor c = cursor;
    uint64_t crossing = 0;  // rows whose windows cross the image's border, by bits
    for (int r = 0; r < rows;) {
      const int64_t count = std::min<int64_t>(rows - r, g_.out_w - c.x);
      line(input, channel, c, base + r, padded - r);
      crossing |= crossing_of(c, count) << r;
      r += static_cast<int>(count);
      c.x += count;
      if (c.x < g_.out_w) break;
      c.x = 0;
      if (++c.y == g_.out_h) c.y = 0, ++c.image;
    }
    for (size_t t = 0; t < offset_.size(); ++t) add(base, offset_[t], padded, pointers + t * static_cast<size_t>(rows));
    while (crossing) {
      const int r = std::countr_zero(crossing);
      crossing &= crossing - 1;
      const Cursor at_row = step(cursor, r);
      merged_ ? repair_merged(input, at_row, r, rows, pointers, patch) : repair(channel, at_row, r, rows, pointers);
    }
    cursor = c;
  }

 private:
  static constexpr int kAtOnce = 16;  // rows
  static_assert(kernels::kMaxRows % kAtOnce == 0 && kernels::kMaxRows < 64);
  static int64_t bytes(int64_t elements) { return elements * static_cast<int64_t>(sizeof(T)); }
  int64_t top_of(const Cursor& c) const { return c.y * g_.stride_h - g_.pad_top; }
  int64_t left_of(const Cursor& c) const { return c.x * g_.stride_w - g_.pad_left; }

  Cursor step(const Cursor& c, int pixels) const { return at((c.image * g_.out_h + c.y) * g_.out_w + c.x + pixels); }

  // Addresses of the first taps of `count` pixels of one line, as numbers: those outside the image are only ever
  // intermediates, repaired before anybody reads there.
  void line(const T* input, int64_t channel, const Cursor& c, uintptr_t* base, int count) const {
    const int64_t pixel = (c.image * g_.in_h + top_of(c)) * g_.in_w + left_of(c);
    const uintptr_t first =
        reinterpret_cast<uintptr_t>(input) + static_cast<uintptr_t>(bytes(pixel * pitch_ + channel));
    const uintptr_t stride = static_cast<uintptr_t>(bytes(g_.stride_w * pitch_));
    for (int r = 0; r < count; ++r) base[r] = first + static_cast<uintptr_t>(r) * stride;
  }

  // A fixed number of rows at a time, so that it is a few vector instructions; what is too much the next run overwrites.
  static void add(const uintptr_t* __restrict base, int64_t offset, int rows, const T** __restrict to) {
    for (int first = 0; first < rows; first += kAtOnce)
      for (int r = first; r < first + kAtOnce; ++r)
        to[r] = reinterpret_cast<const T*>(base[r] + static_cast<uintptr_t>(offset));
  }

  // Bits of the pixels [c.x, c.x + count) of a line.
  uint64_t crossing_of(const Cursor& c, int64_t count) const {
    const auto ones = [](int64_t n) { return (uint64_t{1} << n) - 1; };  // n <= kMaxRows
    const int64_t top = top_of(c);
    if (top < 0 || top + g_.dilation_h * (g_.kernel_h - 1) >= g_.in_h) return ones(count);
    const int64_t inside_end = std::clamp<int64_t>(x_end_ - c.x, 0, count),
                  inside = std::clamp<int64_t>(x_begin_ - c.x, 0, count);
    return ones(inside) | (ones(count) & ~ones(inside_end));
  }

  // Taps outside the image read zero points.
  void repair(int64_t channel, const Cursor& c, int r, int rows, const T** pointers) const {
    const int64_t top = top_of(c), left = left_of(c);
    const T** p = pointers + r;
    for (int64_t ky = 0; ky < g_.kernel_h; ++ky) {
      const int64_t y = top + ky * g_.dilation_h;
      for (int64_t kx = 0; kx < g_.kernel_w; ++kx, p += rows) {
        const int64_t x = left + kx * g_.dilation_w;
        if (y < 0 || y >= g_.in_h || x < 0 || x >= g_.in_w) *p = zero_.data() + channel;
      }
    }
  }

  // Rows of the window outside the image read zero points; those half inside are copied together.
  void repair_merged(const T* input, const Cursor& c, int r, int rows, const T** pointers, T* patch) const {
    const int64_t top = top_of(c), left = left_of(c);
    const int64_t x_begin = std::clamp<int64_t>(-left, 0, g_.kernel_w),
                  x_end = std::clamp<int64_t>(g_.in_w - left, x_begin, g_.kernel_w);
    const int64_t run = g_.kernel_w * pitch_;
    for (int64_t ky = 0; ky < g_.kernel_h; ++ky) {
      const int64_t y = top + ky * g_.dilation_h;
      const T** p = pointers + ky * rows + r;
      if (y < 0 || y >= g_.in_h || x_begin >= x_end) {
        *p = zero_.data();
      } else if (x_end - x_begin < g_.kernel_w) {
        T* to = patch + (r * g_.kernel_h + ky) * run;
        std::copy_n(zero_.data(), run, to);
        std::copy_n(input + ((c.image * g_.in_h + y) * g_.in_w + left + x_begin) * pitch_, (x_end - x_begin) * pitch_,
                    to + x_begin * pitch_);
        *p = to;
      }
    }
  }

  Geometry g_;
  int64_t pitch_;
  bool merged_;
  std::vector<T> zero_;
  std::vector<int64_t> offset_;  // bytes from a window's first pixel, by run
  int64_t x_begin_ = 0, x_end_ = 0;
};

// A convolution of single pixels has no lines: one long one costs less to walk.
inline Geometry flattened(Geometry g) {
  if (g.taps() > 1 || g.stride_h > 1 || g.stride_w > 1 || g.pad_top || g.pad_left || g.out_h > g.in_h ||
      g.out_w > g.in_w)
    return g;
  g.in_w = g.out_w = g.pixels();
  g.batch = g.in_h = g.out_h = 1;
  return g;
}

// How a layer's work is cut: tasks = unit ranges x pixel ranges. A unit is a range of output channels of one group whose
// weights stay in the cache while the pixels pass.
struct Cut {
  int64_t units_per_group = 1, unit_channels = 0;
  int64_t unit_chunks = 1, pixel_chunks = 1;
  int64_t tile = 1;  // pixels of a tile
  int64_t tasks() const { return unit_chunks * pixel_chunks; }
};
Cut cut(const Geometry& g, int threads, int tile_rows, int64_t bytes_per_channel);
int64_t row_chunks(const Geometry& g, int threads);  // of an image's rows, for depthwise layers

// body(task, group, channel, channels, pixel_begin, pixel_end) for each unit of each task.
template <class F>
void for_each_unit(Threads& threads, const Cut& c, const Geometry& g, F&& body, AroundTasks around = {}) {
  const int64_t units = g.groups * c.units_per_group, tiles = (g.pixels() + c.tile - 1) / c.tile;
  const auto run_task = [&](int64_t task) {
    const int64_t u = task / c.pixel_chunks, p = task % c.pixel_chunks;
    const int64_t begin = tiles * p / c.pixel_chunks * c.tile;
    const int64_t end = std::min(tiles * (p + 1) / c.pixel_chunks * c.tile, g.pixels());
    for (int64_t unit = units * u / c.unit_chunks; unit < units * (u + 1) / c.unit_chunks; ++unit) {
      const int64_t channel = unit % c.units_per_group * c.unit_channels;
      body(task, unit / c.units_per_group, channel, std::min(c.unit_channels, g.out - channel), begin, end);
    }
  };
  threads.run(c.tasks(), run_task, around);
}

}  // namespace octet::conv
