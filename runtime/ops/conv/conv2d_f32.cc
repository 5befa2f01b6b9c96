// Float convolution by our own kernels: implicit GEMM over windows of pixels, and depthwise.
#include <cstddef>

#include "runtime/ops/conv/conv2d.h"
#include "runtime/ops/conv/conv2d_windows.h"

namespace octet::conv {
namespace {

constexpr int64_t kMergeChannels = 32;  // more than this: inner loops are long enough as they are

struct F32Conv {
  Geometry g;
  Windows<float> windows;
  std::shared_ptr<const std::byte> weights;
  std::vector<float> bias;  // [group][padded out]
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
                    t.bias = bias.data() + group * padded + channel;
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

std::string key_of(const Layer& layer, const char* layout) { return std::to_string(layer.weight_tensor()) + layout; }

}  // namespace

std::shared_ptr<const std::byte> pack_f32(const Layer& layer) {
  const Geometry& g = layer.g;
  const int64_t padded = round_up(g.out, kernels::kBlock), depth = g.taps() * g.in;
  const size_t elements = static_cast<size_t>(g.groups * padded * depth);
  return layer.p.model.packs.get(key_of(layer, "/f32"), elements * sizeof(float), [&](std::byte* bytes) {
    auto* to = reinterpret_cast<float*>(bytes);
    std::fill_n(to, elements, 0.0f);
    std::vector<float> row(static_cast<size_t>(depth));
    for (int64_t n = 0; n < g.out_channels(); ++n) {
      const int64_t group = n / g.out, o = n % g.out;
      weights_f32(layer, group, o, row.data());
      float* block = to + (group * padded + o / kernels::kBlock * kernels::kBlock) * depth + o % kernels::kBlock;
      for (int64_t k = 0; k < depth; ++k) block[k * kernels::kBlock] = row[static_cast<size_t>(k)];
    }
  });
}

void prepare_f32(const Layer& layer) {
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
  const int64_t padded = round_up(g.out, kernels::kBlock);
  std::vector<float> bias(static_cast<size_t>(g.groups * padded));
  for (int64_t n = 0; n < g.out_channels(); ++n)
    bias[static_cast<size_t>(n / g.out * padded + n % g.out)] = layer.bias(n);
  const int rows = p.isa.conv_rows_f32;
  const Cut c = cut(g, p.options.threads, rows, g.taps() * g.in * static_cast<int64_t>(sizeof(float)));
  const size_t slice =
      static_cast<size_t>(round_up(windows.pointer_bytes(rows), 64) +
                          round_up(windows.patch_elements(rows) * static_cast<int64_t>(sizeof(float)), 64));
  F32Conv conv{g,
               std::move(windows),
               pack_f32(layer),
               std::move(bias),
               tile,
               c,
               p.in(0).id,
               p.out().id,
               layer.has_residual() ? p.in(3).id : -1,
               p.isa.conv_tile_f32,
               slice};
  p.step.scratch_bytes = slice * static_cast<size_t>(c.tasks());
  p.step.kernel = std::string(layer.label) + " f32 " + p.isa.name;
  p.step.run = [conv = std::make_shared<const F32Conv>(std::move(conv))](const RunContext& context) {
    conv->run(context);
  };
}

namespace {

struct F32Depthwise {
  Geometry g;
  kernels::DepthwiseF32 d;
  std::shared_ptr<const std::byte> weights;  // [tap][channel]
  std::vector<float> bias;
  int x, y, residual;
  int64_t chunks;  // of an image's rows
  void (*kernel)(const kernels::DepthwiseF32&, int, int);

  void run(const RunContext& c) const {
    c.threads.run(g.batch * chunks, [&](int64_t task) {
      const int64_t image = task / chunks, part = task % chunks, first = image * g.out_h * g.out_w;
      kernels::DepthwiseF32 one = d;
      one.weights = reinterpret_cast<const float*>(weights.get());
      one.bias = bias.data();
      one.input = c.data<const float>(x) + image * g.in_h * g.in_w * d.input_pitch;
      one.output = c.data<float>(y) + first * d.output_pitch;
      if (residual >= 0) one.residual = c.data<const float>(residual) + first * d.residual_pitch;
      kernel(one, static_cast<int>(g.out_h * part / chunks), static_cast<int>(g.out_h * (part + 1) / chunks));
    });
  }
};

}  // namespace

void prepare_depthwise_f32(const Layer& layer) {
  Prepare& p = layer.p;
  const Geometry& g = layer.g;
  auto d = window_of<kernels::DepthwiseF32>(g);
  d.act = layer.act;
  d.relu_after = layer.relu_after;
  d.input_pitch = p.in(0).pitch, d.output_pitch = p.out().pitch;
  if (layer.has_residual()) d.residual_pitch = p.in(3).pitch;
  const size_t bytes = static_cast<size_t>(g.taps() * g.groups) * sizeof(float);
  auto weights = p.model.packs.get(key_of(layer, "/depthwise_f32"), bytes, [&](std::byte* to) {
    std::vector<float> row(static_cast<size_t>(g.taps()));
    for (int64_t c = 0; c < g.groups; ++c) {
      weights_f32(layer, c, 0, row.data());
      for (int64_t t = 0; t < g.taps(); ++t)
        reinterpret_cast<float*>(to)[t * g.groups + c] = row[static_cast<size_t>(t)];
    }
  });
  std::vector<float> bias(static_cast<size_t>(round_up(g.groups, kernels::kBlock)));
  for (int64_t c = 0; c < g.groups; ++c) bias[static_cast<size_t>(c)] = layer.bias(c);
  F32Depthwise depthwise{g,
                         d,
                         std::move(weights),
                         std::move(bias),
                         p.in(0).id,
                         p.out().id,
                         layer.has_residual() ? p.in(3).id : -1,
                         row_chunks(g, p.options.threads),
                         p.isa.depthwise_f32};
  p.step.kernel = std::string("depthwise f32 ") + p.isa.name;
  p.step.run = [depthwise = std::make_shared<const F32Depthwise>(std::move(depthwise))](const RunContext& context) {
    depthwise->run(context);
  };
}

}  // namespace octet::conv
