// Float depthwise convolution.
#include "runtime/ops/conv/algorithm.h"
#include "runtime/ops/conv/windows.h"

namespace octet::conv {
namespace {

constexpr double kTapCycles = 1.0 / 8;  // of a channel: it waits for memory more than the GEMM does

struct F32Depthwise {
  Geometry g;
  kernels::DepthwiseF32 d;
  Weights weights;  // [tap][channel]
  std::shared_ptr<const std::vector<float>> bias;
  int x, y, residual;
  int64_t chunks;  // of an image's rows
  void (*kernel)(const kernels::DepthwiseF32&, int, int);

  void run(const RunContext& c) const {
    c.threads.run(g.batch * chunks, [&](int64_t task) {
      const int64_t image = task / chunks, part = task % chunks, first = image * g.out_h * g.out_w;
      kernels::DepthwiseF32 one = d;
      one.weights = reinterpret_cast<const float*>(weights.get());
      one.bias = bias->data();
      one.input = c.data<const float>(x) + image * g.in_h * g.in_w * d.input_pitch;
      one.output = c.data<float>(y) + first * d.output_pitch;
      if (residual >= 0) one.residual = c.data<const float>(residual) + first * d.residual_pitch;
      kernel(one, static_cast<int>(g.out_h * part / chunks), static_cast<int>(g.out_h * (part + 1) / chunks));
    });
  }
};

size_t bytes(const Layer& layer) { return static_cast<size_t>(layer.g.taps() * layer.g.groups) * sizeof(float); }

void pack(const Layer& layer, std::byte* to) {
  const Geometry& g = layer.g;
  std::vector<float> row(static_cast<size_t>(g.taps()));
  for (int64_t c = 0; c < g.groups; ++c) {
    weights_f32(layer, c, 0, row.data());
    for (int64_t t = 0; t < g.taps(); ++t) reinterpret_cast<float*>(to)[t * g.groups + c] = row[static_cast<size_t>(t)];
  }
}

constexpr Packing kTaps = {.name = "depthwise_f32", .bytes = bytes, .pack = pack};

bool fits(const Layer& layer) { return !layer.p.int8() && layer.g.depthwise(); }

double cost(const Layer& layer) { return static_cast<double>(layer.g.macs()) * kTapCycles; }

bool prepare_depthwise(const Layer& layer, Weights weights) {
  Prepare& p = layer.p;
  const Geometry& g = layer.g;
  auto d = window_of<kernels::DepthwiseF32>(g);
  d.act = layer.act;
  d.relu_after = layer.relu_after;
  d.input_pitch = p.in(0).pitch, d.output_pitch = p.out().pitch;
  if (layer.has_residual()) d.residual_pitch = p.in(3).pitch;
  F32Depthwise depthwise{g,
                         d,
                         std::move(weights),
                         padded_bias(p, 1, g.groups),
                         p.in(0).id,
                         p.out().id,
                         layer.has_residual() ? p.in(3).id : -1,
                         row_chunks(g, p.options.threads),
                         p.isa.depthwise_f32};
  p.step.run = [depthwise = std::make_shared<const F32Depthwise>(std::move(depthwise))](const RunContext& context) {
    depthwise->run(context);
  };
  return true;
}

}  // namespace

extern const Algorithm kF32Depthwise;
const Algorithm kF32Depthwise = {.name = "f32_depthwise",
                                 .unit = "float",
                                 .packing = &kTaps,
                                 .fits = fits,
                                 .cost = cost,
                                 .prepare = prepare_depthwise};

}  // namespace octet::conv
