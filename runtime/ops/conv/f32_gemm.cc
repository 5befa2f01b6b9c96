// Float convolution by implicit GEMM over windows of pixels.
#include <cstddef>

#include "runtime/ops/conv/algorithm.h"
#include "runtime/ops/conv/windows.h"

namespace octet::conv {
namespace {

constexpr int64_t kMergeChannels = 32;       // more than this: inner loops are long enough as they are
constexpr double kProductCycles = 1.0 / 16;  // of a product

struct F32Conv {
  Geometry g;
  Windows<float> windows;
  Weights weights;
  std::shared_ptr<const std::vector<float>> bias;  // [group][padded out]
  kernels::ConvTileF32 tile;
  Cut cut;
  int x, y, residual;
  void (*kernel)(const kernels::ConvTileF32&);
  size_t slice_bytes;

  void run(const RunContext& c) const {
    const int64_t padded = round_up(g.out, kernels::kBlock), depth = g.taps() * g.in;
    for_each_unit(c.threads, cut, g,
                  [&](int64_t task, int64_t group, int64_t channel, int64_t channels, int64_t begin, int64_t end) {
                    std::byte* scratch = c.scratch + static_cast<size_t>(task) * slice_bytes;
                    auto* pointers = reinterpret_cast<const float**>(scratch);
                    auto* patch = reinterpret_cast<float*>(
                        scratch + round_up(windows.pointer_bytes(static_cast<int>(cut.tile)), 64));
                    kernels::ConvTileF32 t = tile;
                    t.input = pointers;
                    t.weights = reinterpret_cast<const float*>(weights.get()) + (group * padded + channel) * depth;
                    t.channels = static_cast<int>(channels);
                    t.bias = bias->data() + group * padded + channel;
                    const int64_t first = group * g.out + channel;
                    auto cursor = windows.at(begin);
                    for (int64_t pixel = begin; pixel < end; pixel += t.rows) {
                      t.rows = static_cast<int>(std::min(cut.tile, end - pixel));
                      windows.gather(c.data<const float>(x), group * g.in, cursor, t.rows, pointers, patch);
                      t.output = c.data<float>(y) + pixel * t.output_pitch + first;
                      if (residual >= 0) t.residual = c.data<const float>(residual) + pixel * t.residual_pitch + first;
                      kernel(t);
                    }
                  });
  }
};

size_t bytes(const Layer& layer) {
  const Geometry& g = layer.g;
  return static_cast<size_t>(g.groups * round_up(g.out, kernels::kBlock) * g.taps() * g.in) * sizeof(float);
}

void pack(const Layer& layer, std::byte* to) {
  const Geometry& g = layer.g;
  const int64_t padded = round_up(g.out, kernels::kBlock), depth = g.taps() * g.in;
  auto* floats = reinterpret_cast<float*>(to);
  std::fill_n(floats, g.groups * padded * depth, 0.0f);
  std::vector<float> row(static_cast<size_t>(depth));
  for (int64_t n = 0; n < g.out_channels(); ++n) {
    const int64_t group = n / g.out, o = n % g.out;
    weights_f32(layer, group, o, row.data());
    float* block = floats + (group * padded + o / kernels::kBlock * kernels::kBlock) * depth + o % kernels::kBlock;
    for (int64_t k = 0; k < depth; ++k) block[k * kernels::kBlock] = row[static_cast<size_t>(k)];
  }
}

bool fits(const Layer& layer) { return !layer.p.int8(); }

double cost(const Layer& layer) {
  const Geometry& g = layer.g;
  return static_cast<double>(g.pixels()) * static_cast<double>(g.groups * round_up(g.out, kernels::kBlock)) *
         static_cast<double>(g.taps() * g.in) * kProductCycles;
}

bool prepare_f32(const Layer& layer, Weights weights) {
  Prepare& p = layer.p;
  const Geometry g = flattened(layer.g);
  const int64_t pitch = p.in(0).pitch;
  const bool merged = g.groups == 1 && g.kernel_w > 1 && g.dilation_w == 1 && pitch == g.in && g.in <= kMergeChannels;
  const int64_t zeros = pitch * (merged ? g.kernel_w : 1) + kernels::kReadSlack;
  Windows<float> windows(g, pitch, merged, std::vector<float>(static_cast<size_t>(zeros)));
  kernels::ConvTileF32 tile;
  tile.taps = windows.runs();
  tile.in_channels = static_cast<int>(merged ? g.in * g.kernel_w : g.in);
  tile.act = layer.act;
  tile.relu_after = layer.relu_after;
  tile.output_pitch = p.out().pitch;
  if (layer.has_residual()) tile.residual_pitch = p.in(3).pitch;
  const int rows = p.isa.conv_rows_f32;
  const Cut c = cut(g, p.options.threads, rows, g.taps() * g.in * static_cast<int64_t>(sizeof(float)));
  const size_t slice =
      static_cast<size_t>(round_up(windows.pointer_bytes(rows), 64) +
                          round_up(windows.patch_elements(rows) * static_cast<int64_t>(sizeof(float)), 64));
  F32Conv conv{
      g,    std::move(windows), std::move(weights), padded_bias(p, g.groups, g.out),        tile,
      c,    p.in(0).id,         p.out().id,         layer.has_residual() ? p.in(3).id : -1, p.isa.conv_tile_f32,
      slice};
  p.step.scratch_bytes = slice * static_cast<size_t>(c.tasks());
  p.step.run = [conv = std::make_shared<const F32Conv>(std::move(conv))](const RunContext& context) {
    conv->run(context);
  };
  return true;
}

}  // namespace

extern const Packing kBlocksF32;
const Packing kBlocksF32 = {.name = "f32", .bytes = bytes, .pack = pack};

extern const Algorithm kF32Gemm;
const Algorithm kF32Gemm = {
    .name = "f32_gemm", .unit = "float", .packing = &kBlocksF32, .fits = fits, .cost = cost, .prepare = prepare_f32};

}  // namespace octet::conv
