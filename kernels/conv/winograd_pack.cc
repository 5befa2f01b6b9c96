// The weights of Winograd's convolution: transformed, in the order of its kernels.
#include <algorithm>
#include <cassert>
#include <vector>

#include "kernels/kernels.h"

namespace octet::kernels {
namespace {

constexpr int kTaps = 3;

// to[6] = G * from[3]: 24 times the usual G, its last row 6 times.
template <class T>
void transform(const T* from, int from_step, int16_t* to, int to_step, int count) {
  for (int i = 0; i < count; ++i) {
    const int a = from[i], b = from[i + from_step], c = from[i + 2 * from_step];
    const auto at = [&](int row) -> int16_t& { return to[i + row * to_step]; };
    at(0) = static_cast<int16_t>(6 * a);
    at(1) = static_cast<int16_t>(-4 * (a + b + c));
    at(2) = static_cast<int16_t>(-4 * (a - b + c));
    at(3) = static_cast<int16_t>(a + 2 * b + 4 * c);
    at(4) = static_cast<int16_t>(a - 2 * b + 4 * c);
    at(5) = static_cast<int16_t>(6 * c);
  }
}

}  // namespace

void winograd_pack(const int8_t* weights, int in_channels, int channels, int interleave, int16_t* packed) {
  assert(channels <= kWinogradChannels);
  const int depth = (in_channels + kWinogradDepth - 1) / kWinogradDepth * kWinogradDepth;
  const int blocks = (channels + kBlock - 1) / kBlock;
  std::fill_n(packed, winograd_weights(in_channels, channels), int16_t{0});
  std::vector<int16_t> columns(static_cast<size_t>(kWinogradSide * kTaps * in_channels)),
      points(static_cast<size_t>(kWinogradPoints * in_channels));
  for (int n = 0; n < channels; ++n) {
    const int8_t* of_channel = weights + int64_t{n} * kTaps * kTaps * in_channels;
    const int line = kTaps * in_channels;
    transform(of_channel, line, columns.data(), line, line);
    for (int y = 0; y < kWinogradSide; ++y)
      transform(columns.data() + y * line, in_channels, points.data() + y * kWinogradSide * in_channels, in_channels,
                in_channels);
    for (int point = 0; point < kWinogradPoints; ++point) {
      int16_t* to = packed + (int64_t{point} * blocks + n / kBlock) * depth * kBlock + n % kBlock * interleave;
      for (int c = 0; c < in_channels; ++c)
        to[c / interleave * interleave * kBlock + c % interleave] =
            points[static_cast<size_t>(point * in_channels + c)];
    }
  }
}

}  // namespace octet::kernels
