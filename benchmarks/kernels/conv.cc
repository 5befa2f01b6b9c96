// Implicit GEMM tiles and Winograd's: layers of YOLOv5n, YOLOv5s and MobileNet, a strip of image rows as a thread sees it.
#include <algorithm>
#include <array>

#include "benchmarks/kernels/support.h"

namespace octet::kernels::bench {
namespace {

struct Layer {
  int taps, channels_in, channels_out;
  Act act;
};
constexpr Layer kLayers[] = {
    {9, 12, 16, Act::kSilu}, {9, 16, 32, Act::kSilu},       {1, 32, 16, Act::kSilu},   {1, 16, 16, Act::kSilu},
    {1, 32, 32, Act::kSilu}, {1, 64, 32, Act::kSilu},       {1, 64, 64, Act::kSilu},   {1, 128, 128, Act::kSilu},
    {9, 32, 32, Act::kSilu}, {9, 64, 64, Act::kSilu},       {9, 64, 64, Act::kNone},   {1, 64, 64, Act::kNone},
    {1, 32, 64, Act::kNone}, {1, 16, 96, Act::kNone},       {1, 256, 256, Act::kNone}, {9, 128, 128, Act::kNone},
    {1, 96, 24, Act::kNone}, {1, 144, 40, Act::kHardSwish}, {1, 128, 255, Act::kNone},
};

void conv(benchmark::State& state, const Isa& isa, const Layer& layer) {
  constexpr int kPixels = 480;
  const int groups = layer.channels_in / kGroup, rows = isa.gemm_s8.rows, pitch = layer.channels_out;
  const Data<uint8_t> input = random_bytes(int64_t{kPixels + 64} * layer.channels_in);
  const int64_t blocks = (layer.channels_out + kBlock - 1) / kBlock;
  const Data<int8_t> weights = random_weights(blocks * kBlock * layer.taps * layer.channels_in);
  const EpilogueArrays arrays(layer.channels_out);
  Data<uint8_t> output(static_cast<size_t>(kPixels * pitch));
  std::vector<const uint8_t*> pointers(static_cast<size_t>(layer.taps * rows));
  ConvTile tile = {.rows = rows,
                   .taps = layer.taps,
                   .groups = groups,
                   .input = pointers.data(),
                   .weights = weights.data(),
                   .channels = layer.channels_out,
                   .epilogue = arrays.epilogue(layer.act),
                   .output_pitch = pitch};
  for ([[maybe_unused]] auto _ : state) {
    for (int pixel = 0; pixel < kPixels; pixel += rows) {
      for (int t = 0; t < layer.taps; ++t) {
        for (int r = 0; r < rows; ++r)
          pointers.data()[t * rows + r] = input.data() + (pixel + r + t * 4) * layer.channels_in;
      }
      tile.output = output.data() + pixel * pitch;
      isa.gemm_s8.run(tile);
    }
    benchmark::ClobberMemory();
  }
  report(state, 2.0 * kPixels * layer.taps * layer.channels_in * layer.channels_out);
}

// The same pixels in tiles of 4x4: what of GOP/s is above the tile's is saved.
void winograd(benchmark::State& state, const Isa& isa, const Layer& layer) {
  constexpr int kTiles = 24, kPixels = 4 * kWinogradOut * kTiles, kLine = kPixels / kWinogradOut;
  const WinogradS8& kernel = isa.winograd_s8;
  const int in = layer.channels_in, out = layer.channels_out;
  if (!kernel.output) return state.SkipWithError("not offered");
  const Data<uint8_t> input = random_bytes(int64_t{kWinogradSide} * (kLine + 2) * in);
  const Data<int8_t> weights = random_weights((out + kBlock - 1) / kBlock * kBlock * int64_t{layer.taps} * in);
  Data<int16_t> packed(static_cast<size_t>(winograd_weights(in, out)));
  for (int n = 0; n < out; n += kWinogradChannels)
    winograd_pack(weights.data() + n * layer.taps * in, in / kGroup, std::min(out - n, kWinogradChannels),
                  kernel.interleave, packed.data() + winograd_weights(in, n));
  const EpilogueArrays arrays(out);
  const int64_t plane = winograd_plane(kTiles, in);
  Data<int16_t> transformed(static_cast<size_t>(plane * kWinogradPoints));
  Data<int32_t> sums(static_cast<size_t>(winograd_sums(kTiles)));
  Data<uint8_t> output(static_cast<size_t>(kPixels * out));
  std::array<WinogradTile, kTiles> at;
  for (int t = 0; t < kTiles; ++t) at[static_cast<size_t>(t)] = {t * kWinogradOut, kWinogradOut, kWinogradOut};
  for ([[maybe_unused]] auto _ : state) {
    for (int t = 0; t < kTiles; ++t) {
      const uint8_t* lines[kWinogradSide];
      for (int i = 0; i < kWinogradSide; ++i) lines[i] = input.data() + (i * (kLine + 2) + t * kWinogradOut) * in;
      kernel.input({lines, in, in, transformed.data() + t * winograd_pitch(in), plane});
    }
    kernel.output({.tiles = kTiles,
                   .at = at.data(),
                   .line_pixels = kLine,
                   .in_channels = in,
                   .input = transformed.data(),
                   .weights = packed.data(),
                   .channels = out,
                   .sums = sums.data(),
                   .epilogue = arrays.epilogue(layer.act),
                   .output = output.data(),
                   .output_pitch = out});
    benchmark::ClobberMemory();
  }
  report(state, 2.0 * kPixels * layer.taps * in * out);
}

const bool kRegistered = [] {
  for (const Layer& layer : kLayers) {
    const std::string shape = "k=" + std::to_string(layer.taps) + "x" + std::to_string(layer.channels_in) +
                              "/n=" + std::to_string(layer.channels_out) +
                              "/act=" + std::to_string(static_cast<int>(layer.act));
    for_each_isa("conv", shape, [layer](benchmark::State& state, const Isa& isa) { conv(state, isa, layer); });
    if (layer.taps == 9)
      for_each_isa("winograd", shape,
                   [layer](benchmark::State& state, const Isa& isa) { winograd(state, isa, layer); });
  }
  return true;
}();

}  // namespace
}  // namespace octet::kernels::bench
