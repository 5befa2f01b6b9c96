// Implicit GEMM tiles: layers of YOLOv5n, YOLOv5s and MobileNet, a strip of image rows as a thread sees it.
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

const bool kRegistered = [] {
  for (const Layer& layer : kLayers) {
    const std::string shape = "k=" + std::to_string(layer.taps) + "x" + std::to_string(layer.channels_in) +
                              "/n=" + std::to_string(layer.channels_out) +
                              "/act=" + std::to_string(static_cast<int>(layer.act));
    for_each_isa("conv", shape, [layer](benchmark::State& state, const Isa& isa) { conv(state, isa, layer); });
  }
  return true;
}();

}  // namespace
}  // namespace octet::kernels::bench
