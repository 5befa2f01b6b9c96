// int8 depthwise convolution.
#include <cstddef>

#include "runtime/ops/conv/algorithm.h"
#include "runtime/ops/conv/windows.h"

namespace octet::conv {
namespace {

constexpr double kTapCycles = 1.0 / 16;  // of a channel

struct Int8Depthwise {
  Geometry g;
  kernels::Depthwise d;  // what all images share
  std::vector<uint8_t> zero;
  Weights weights;
  std::shared_ptr<const EpilogueArrays> epilogue;
  int x, y, residual;
  size_t y_element;
  int64_t chunks;  // of an image's rows
  void (*kernel)(const kernels::Depthwise&, int, int);

  void run(const RunContext& c) const {
    c.threads.run(g.batch * chunks, [&](int64_t task) {
      const int64_t image = task / chunks, part = task % chunks;
      kernels::Depthwise one = d;
      one.zero_row = zero.data();
      one.weights = reinterpret_cast<const int8_t*>(weights.get());
      one.epilogue = epilogue->at(0, 0);
      const int64_t first = image * g.out_h * g.out_w;
      one.input = c.data<const uint8_t>(x) + image * g.in_h * g.in_w * d.input_pitch;
      one.output = c.data<std::byte>(y) + static_cast<size_t>(first * d.output_pitch) * y_element;
      if (residual >= 0) one.residual = c.data<const uint8_t>(residual) + first * d.residual_pitch;
      kernel(one, static_cast<int>(g.out_h * part / chunks), static_cast<int>(g.out_h * (part + 1) / chunks));
    });
  }
};

int to_int(int64_t v) { return static_cast<int>(v); }  // infer has seen to it that all fit

size_t bytes(const Layer& layer) {
  const Geometry& g = layer.g;
  return layer.p.isa.depthwise_s8.packed_bytes(to_int(g.kernel_h), to_int(g.kernel_w), to_int(g.groups));
}

// The file's [channel][tap] turned into the kernel's own order.
void pack(const Layer& layer, std::byte* to) {
  const Geometry& g = layer.g;
  const auto from = layer.p.tensor(1).values<int8_t>();
  std::vector<int8_t> turned(from.size());
  for (int64_t c = 0; c < g.groups; ++c)
    for (int64_t t = 0; t < g.taps(); ++t)
      turned[static_cast<size_t>(t * g.groups + c)] = from[static_cast<size_t>(c * g.taps() + t)];
  layer.p.isa.depthwise_s8.pack(turned.data(), to_int(g.kernel_h), to_int(g.kernel_w), to_int(g.groups),
                                reinterpret_cast<int8_t*>(to));
}

constexpr Packing kDepthwise = {.name = "depthwise", .by_isa = true, .bytes = bytes, .pack = pack};

bool fits(const Layer& layer) {
  return layer.p.int8() && layer.g.depthwise() && layer.p.tensor(1).packing == schema::Packing::dense;
}

double cost(const Layer& layer) { return static_cast<double>(layer.g.macs()) * kTapCycles; }

bool prepare_depthwise(const Layer& layer, Weights weights) {
  Prepare& p = layer.p;
  const Geometry& g = layer.g;
  const kernels::DepthwiseS8& kernel = p.isa.depthwise_s8;
  auto d = window_of<kernels::Depthwise>(g);
  d.input_pitch = p.in(0).pitch, d.output_pitch = p.out().pitch;
  if (layer.has_residual()) d.residual_pitch = p.in(3).pitch;
  Int8Depthwise depthwise{g,
                          d,
                          zero_pixels(p.in(0), 1),
                          std::move(weights),
                          epilogue(layer, kernel.activation_offset),
                          p.in(0).id,
                          p.out().id,
                          layer.has_residual() ? p.in(3).id : -1,
                          size_of(p.out().dtype),
                          row_chunks(g, p.options.threads),
                          kernel.run};
  p.step.run = [depthwise = std::make_shared<const Int8Depthwise>(std::move(depthwise))](const RunContext& context) {
    depthwise->run(context);
  };
  return true;
}

}  // namespace

extern const Algorithm kInt8Depthwise;
const Algorithm kInt8Depthwise = {.name = "int8_depthwise",
                                  .unit = "int8",
                                  .packing = &kDepthwise,
                                  .fits = fits,
                                  .cost = cost,
                                  .prepare = prepare_depthwise};

}  // namespace octet::conv
