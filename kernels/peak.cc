#include "kernels/peak.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <thread>
#include <vector>

#include "kernels/kernels.h"

namespace octet::kernels {
namespace {

using Clock = std::chrono::steady_clock;

// One tile's operands, of a thread's own.
struct Tile {
  Tile(int rows, int groups, int channels)
      : input(static_cast<size_t>(rows * groups * kGroup + kReadSlack), 1),
        weights(static_cast<size_t>(groups * kGroup * channels), 1),
        acc0(static_cast<size_t>(channels)),
        multiplier(acc0.size(), 1e-3f),
        low(acc0.size(), -128.0f),
        high(acc0.size(), 127.0f),
        zero_point(acc0.size(), 128),
        output(static_cast<size_t>(rows * channels + kReadSlack)) {
    for (int r = 0; r < rows; ++r) pointers.push_back(input.data() + r * groups * kGroup);
    tile.rows = rows;
    tile.taps = 1;
    tile.groups = groups;
    tile.input = pointers.data();
    tile.weights = weights.data();
    tile.channels = channels;
    tile.epilogue.acc0 = acc0.data();
    tile.epilogue.multiplier = multiplier.data();
    tile.epilogue.low = low.data();
    tile.epilogue.high = high.data();
    tile.epilogue.zero_point = zero_point.data();
    tile.output = output.data();
    tile.output_pitch = channels;
  }

  int64_t macs() const { return int64_t{tile.rows} * tile.groups * kGroup * tile.channels; }

  std::vector<uint8_t> input;
  std::vector<int8_t> weights;
  std::vector<int32_t> acc0;
  std::vector<float> multiplier, low, high;
  std::vector<int32_t> zero_point;
  std::vector<uint8_t> output;
  std::vector<const uint8_t*> pointers;
  ConvTile tile;
};

// One thread's speed: the best of short slices, since other programs only ever slow it down.
double slices(Tile& t, std::atomic<int>& waiting) {
  const auto conv = best_isa().conv_tile;
  const int calls = static_cast<int>(std::clamp<int64_t>(10'000'000 / t.macs(), 1, 100'000));
  conv(t.tile);
  for (--waiting; waiting > 0;) std::this_thread::yield();
  double best = 0;
  for (int slice = 0; slice < 20; ++slice) {
    const auto begin = Clock::now();
    for (int i = 0; i < calls; ++i) conv(t.tile);
    const double ns = std::chrono::duration<double, std::nano>(Clock::now() - begin).count();
    best = std::max(best, static_cast<double>(t.macs()) * calls / ns);
  }
  return best;
}

double measure(int threads, int groups, int channels) {
  std::atomic<int> waiting = threads;
  std::vector<double> speeds(static_cast<size_t>(threads));
  {
    std::vector<std::jthread> pool;
    for (double& speed : speeds)
      pool.emplace_back([&] {
        Tile tile(best_isa().conv_rows, groups, channels);
        speed = slices(tile, waiting);
      });
  }
  double sum = 0;
  for (double speed : speeds) sum += speed;
  return sum;
}

}  // namespace

double int8_peak_gmac_per_s(int threads) {
  double best = 0;
  for (int groups : {64, 128, 256})    // 256 to 1024 input channels: the epilogue's share vanishes
    for (int channels : {16, 32, 64})  // at most 64 KiB of weights; small caches are served by the smaller ones
      if (groups * channels <= 8192) best = std::max(best, measure(threads, groups, channels));
  return best;
}

}  // namespace octet::kernels
