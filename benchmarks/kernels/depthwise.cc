// Depthwise convolution, layers of MobileNet and PP-LCNet.
#include "benchmarks/kernels/support.h"

namespace octet::kernels::bench {
namespace {

struct Layer {
  int kernel, stride, size, channels;
  Act act;
};
constexpr Layer kLayers[] = {
    {3, 1, 112, 32, Act::kNone}, {3, 1, 56, 128, Act::kNone}, {3, 1, 28, 256, Act::kNone},
    {3, 2, 112, 64, Act::kNone}, {5, 1, 28, 128, Act::kNone}, {5, 1, 14, 512, Act::kHardSwish},
    {5, 2, 28, 256, Act::kNone}, {3, 1, 56, 144, Act::kNone}, {3, 1, 112, 16, Act::kNone},
    {3, 1, 112, 24, Act::kNone}, {7, 1, 28, 128, Act::kNone}, {3, 1, 160, 48, Act::kNone},
    {3, 1, 14, 512, Act::kNone}, {3, 2, 28, 256, Act::kNone}, {3, 1, 10, 96, Act::kHardSwish},
};

void depthwise(benchmark::State& state, const Isa& isa, const Layer& layer) {
  const int taps = layer.kernel * layer.kernel, c = layer.channels, out = layer.size / layer.stride;
  const Data<uint8_t> input = random_bytes(int64_t{layer.size} * layer.size * c), zero_row = random_bytes(c);
  const Data<int8_t> weights = random_weights(taps * c);
  Data<int8_t> packed(isa.depthwise_s8.packed_bytes(layer.kernel, layer.kernel, c));
  isa.depthwise_s8.pack(weights.data(), layer.kernel, layer.kernel, c, packed.data());
  const EpilogueArrays arrays(c);
  Data<uint8_t> output(static_cast<size_t>(out * out * c));
  const Depthwise d = {.kernel_h = layer.kernel,
                       .kernel_w = layer.kernel,
                       .stride_h = layer.stride,
                       .stride_w = layer.stride,
                       .pad_top = layer.kernel / 2,
                       .pad_left = layer.kernel / 2,
                       .in_h = layer.size,
                       .in_w = layer.size,
                       .out_h = out,
                       .out_w = out,
                       .channels = c,
                       .input = input.data(),
                       .input_pitch = c,
                       .zero_row = zero_row.data(),
                       .weights = packed.data(),
                       .epilogue = arrays.epilogue(layer.act),
                       .output = output.data(),
                       .output_pitch = c};
  for ([[maybe_unused]] auto _ : state) {
    isa.depthwise_s8.run(d, 0, out);
    benchmark::ClobberMemory();
  }
  report(state, 2.0 * out * out * taps * c);
}

const bool kRegistered = [] {
  for (const Layer& layer : kLayers) {
    const std::string shape = std::to_string(layer.kernel) + "x" + std::to_string(layer.kernel) +
                              "/stride=" + std::to_string(layer.stride) + "/size=" + std::to_string(layer.size) +
                              "/c=" + std::to_string(layer.channels) +
                              "/act=" + std::to_string(static_cast<int>(layer.act));
    for_each_isa("depthwise", shape,
                 [layer](benchmark::State& state, const Isa& isa) { depthwise(state, isa, layer); });
  }
  return true;
}();

}  // namespace
}  // namespace octet::kernels::bench
