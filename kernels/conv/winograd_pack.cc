// The weights of Winograd's convolution: transformed, in the order of its kernels. A block of 16 output channels at a time, so that
// compilers make vectors of it.
#include <algorithm>
#include <cassert>

#include "kernels/kernels.h"

namespace octet::kernels {
namespace {

constexpr int kWindow = 3, kTaps = kWindow * kWindow;

struct Lanes {
  int16_t n[kBlock];
};

// to[i * step], i < 6, = G * from[i * step], i < 3: 24 times the usual G, its last row 6 times.
void transform(const Lanes* from, Lanes* to, int step) {
  for (int n = 0; n < kBlock; ++n) {
    const int a = from[0].n[n], b = from[step].n[n], c = from[2 * step].n[n];
    to[0].n[n] = static_cast<int16_t>(6 * a);
    to[step].n[n] = static_cast<int16_t>(-4 * (a + b + c));
    to[2 * step].n[n] = static_cast<int16_t>(-4 * (a - b + c));
    to[3 * step].n[n] = static_cast<int16_t>(a + 2 * b + 4 * c);
    to[4 * step].n[n] = static_cast<int16_t>(a - 2 * b + 4 * c);
    to[5 * step].n[n] = static_cast<int16_t>(6 * c);
  }
}

void transform_window(const Lanes window[kTaps], Lanes points[kWinogradPoints]) {
  Lanes columns[kWinogradSide * kWindow];
  for (int x = 0; x < kWindow; ++x) transform(window + x, columns + x, kWindow);
  for (int y = 0; y < kWinogradSide; ++y) transform(columns + y * kWindow, points + y * kWinogradSide, 1);
}

}  // namespace

void winograd_pack(const int8_t* weights, int groups, int channels, int interleave, int16_t* packed) {
  static_assert(kGroup == kWinogradDepth);
  assert(channels <= kWinogradChannels && kGroup % interleave == 0);
  const int blocks = (channels + kBlock - 1) / kBlock;
  for (int block = 0; block < blocks; ++block)
    for (int g = 0; g < groups; ++g) {
      const int8_t* const first = weights + (int64_t{block} * kTaps * groups + g) * kBlock * kGroup;
      Lanes points[kGroup][kWinogradPoints];
      for (int i = 0; i < kGroup; ++i) {
        Lanes window[kTaps];
        for (int t = 0; t < kTaps; ++t)
          for (int n = 0; n < kBlock; ++n)
            window[t].n[n] = first[int64_t{t} * groups * kBlock * kGroup + n * kGroup + i];
        transform_window(window, points[i]);
      }
      for (int point = 0; point < kWinogradPoints; ++point) {
        int16_t* to = packed + ((int64_t{point} * blocks + block) * groups + g) * kBlock * kGroup;
        for (int i = 0; i < kGroup; i += interleave, to += kBlock * interleave)
          for (int n = 0; n < kBlock; ++n)
            for (int k = 0; k < interleave; ++k) to[n * interleave + k] = points[i + k][point].n[n];
      }
    }
}

}  // namespace octet::kernels
