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
  Tile(const GemmS8& kernel, int groups, int channels)
      : input(static_cast<size_t>(kernel.rows * pitch(groups) + kReadSlack), 1),
        weights(static_cast<size_t>(groups * kGroup * channels * (kernel.wide ? 2 : 1)), 1),
        acc0(static_cast<size_t>(channels)),
        multiplier(acc0.size(), 1e-3f),
        low(acc0.size(), -128.0f),
        high(acc0.size(), 127.0f),
        zero_point(acc0.size(), 128),
        output(static_cast<size_t>(kernel.rows * channels + kReadSlack)) {
    for (int r = 0; r < kernel.rows; ++r) pointers.push_back(input.data() + r * pitch(groups));
    tile.rows = kernel.rows;
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

  // Rows a power of two apart would share places of the cache.
  static int pitch(int groups) { return groups * kGroup + 64; }

  std::vector<uint8_t> input;
  std::vector<int8_t> weights;
  std::vector<int32_t> acc0;
  std::vector<float> multiplier, low, high;
  std::vector<int32_t> zero_point;
  std::vector<uint8_t> output;
  std::vector<const uint8_t*> pointers;
  ConvTile tile;
};

struct TileF32 {
  TileF32(int rows, int depth, int channels)
      : input(static_cast<size_t>(rows * depth), 1.0f),
        weights(static_cast<size_t>(depth * channels), 1.0f),
        bias(static_cast<size_t>(channels)),
        output(static_cast<size_t>(rows * channels)) {
    for (int r = 0; r < rows; ++r) pointers.push_back(input.data() + r * depth);
    tile = {.rows = rows,
            .taps = 1,
            .in_channels = depth,
            .input = pointers.data(),
            .weights = weights.data(),
            .channels = channels,
            .bias = bias.data(),
            .output = output.data(),
            .output_pitch = channels};
  }

  std::vector<float> input, weights, bias, output;
  std::vector<const float*> pointers;
  ConvTileF32 tile;
};

// One thread's speed: the best of short slices, since other programs only ever slow it down.
template <class Call>
double slices(int64_t products, std::atomic<int>& waiting, const Call& call) {
  const int calls = static_cast<int>(std::clamp<int64_t>(10'000'000 / products, 1, 100'000));
  call();
  for (--waiting; waiting > 0;) std::this_thread::yield();
  double best = 0;
  for (int slice = 0; slice < 20; ++slice) {
    const auto begin = Clock::now();
    for (int i = 0; i < calls; ++i) call();
    const double ns = std::chrono::duration<double, std::nano>(Clock::now() - begin).count();
    best = std::max(best, static_cast<double>(products) * calls / ns);
  }
  return best;
}

// The sum over threads of speed(waiting).
template <class Speed>
double on_all(int threads, const Speed& speed) {
  std::atomic<int> waiting = threads;
  std::vector<double> speeds(static_cast<size_t>(threads));
  {
    std::vector<std::jthread> pool;
    pool.reserve(speeds.size());
    for (double& s : speeds) pool.emplace_back([&] { s = speed(waiting); });
  }
  double sum = 0;
  for (double s : speeds) sum += s;
  return sum;
}

// The best of some depths of the sum, so that the epilogue's share vanishes, and widths; small caches are served by the smaller ones.
template <class Measure>
double best_of_sizes(int most, const Measure& measure) {
  double best = 0;
  for (int groups : {64, 128, 256, 1024})
    for (int channels : {16, 32, 64})
      if (groups * channels <= most) best = std::max(best, measure(groups, channels));
  return best;
}

constexpr int kFirstCache = 8192, kSecondCache = 65536;  // groups times channels whose weights stay there

double measure(const GemmS8& kernel, int threads, int most = kFirstCache) {
  return best_of_sizes(most, [&](int groups, int channels) {
    return on_all(threads, [&](std::atomic<int>& waiting) {
      Tile t(kernel, groups, channels);
      if (kernel.enter) kernel.enter();
      const double speed =
          slices(int64_t{kernel.rows} * groups * kGroup * channels, waiting, [&] { kernel.run(t.tile); });
      if (kernel.leave) kernel.leave();
      return speed;
    });
  });
}

double measure_f32(int threads) {
  const Isa& isa = best_isa();
  return best_of_sizes(kFirstCache, [&](int groups, int channels) {
    return on_all(threads, [&](std::atomic<int>& waiting) {
      TileF32 t(isa.conv_rows_f32, groups, channels);
      return slices(int64_t{isa.conv_rows_f32} * groups * channels, waiting, [&] { isa.conv_tile_f32(t.tile); });
    });
  });
}

}  // namespace

double peak_gmac_per_s(std::string_view unit, int threads) {
  const Isa& isa = best_isa();
  if (unit == "int8") return measure(isa.gemm_s8, threads);
  if (unit == "float") return measure_f32(threads);
  if (unit == "tiles") return isa.gemm_tiles.run ? measure(isa.gemm_tiles, threads, kSecondCache) : 0;
  if (unit != "int16") return 0;
  if (isa.gemm_wide.run) return measure(isa.gemm_wide, threads);
  return isa.winograd_s8.input ? measure(isa.gemm_s8, threads) * isa.gemm_s8.cost / isa.winograd_s8.cost : 0;
}

}  // namespace octet::kernels
