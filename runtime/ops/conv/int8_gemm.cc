// int8 convolution by implicit GEMM over windows of u8 pixels, tap by tap, the weights used where they are mapped.
#include "runtime/ops/conv/int8_gemm.h"

#include <cstddef>

#include "runtime/ops/conv/algorithm.h"
#include "runtime/ops/conv/windows.h"

namespace octet::conv {
namespace {

constexpr double kRunCycles = 2;  // a tile's row: to find where a run of input begins, and to start the loop over it

// Everything a run of a layer reads, made when preparing.
struct Int8Conv {
  Geometry g;
  Windows<uint8_t> windows;
  schema::PackedShape packed;  // as the kernel sees it
  Weights weights;
  std::shared_ptr<const EpilogueArrays> epilogue;
  kernels::ConvTile tile;  // what all tiles share
  Cut cut;
  int x, y, residual;  // value ids
  size_t y_element;
  const kernels::GemmS8* kernel;
  size_t slice_bytes;  // of scratch, a task

  void run(const RunContext& c) const {
    for_each_unit(
        c.threads, cut, g,
        [&](int64_t task, int64_t group, int64_t channel, int64_t channels, int64_t begin, int64_t end) {
          std::byte* scratch = c.scratch + static_cast<size_t>(task) * slice_bytes;
          auto* pointers = reinterpret_cast<const uint8_t**>(scratch);
          auto* patch = reinterpret_cast<uint8_t*>(scratch + windows.pointer_bytes(static_cast<int>(cut.tile)));
          kernels::ConvTile t = tile;
          t.input = pointers;
          t.weights = reinterpret_cast<const int8_t*>(weights.get()) +
                      (group * packed.group_bytes() + channel / kernels::kBlock * (packed.taps * packed.quads() * 64)) *
                          (kernel->wide ? 2 : 1);
          t.channels = static_cast<int>(channels);
          t.epilogue = epilogue->at(group, channel);
          const int64_t first = group * g.out + channel;
          auto cursor = windows.at(begin);
          for (int64_t pixel = begin; pixel < end; pixel += t.rows) {
            t.rows = static_cast<int>(std::min(cut.tile, end - pixel));
            windows.gather(c.data<const uint8_t>(x), group * g.in, cursor, t.rows, pointers, patch);
            t.output = c.data<std::byte>(y) + static_cast<size_t>(pixel * t.output_pitch + first) * y_element;
            if (residual >= 0) t.residual = c.data<const uint8_t>(residual) + pixel * t.residual_pitch + first;
            kernel->run(t);
          }
        },
        {kernel->enter, kernel->leave});
  }
};

// The file's order, a run for each tap.
bool fits(const Layer& layer) { return layer.p.int8() && layer.p.tensor(1).packing == schema::Packing::conv_s8; }

GemmForm form(const Layer& layer) { return {false, packed_shape(layer.g), &layer.p.isa.gemm_s8}; }

double cost(const Layer& layer) { return int8_gemm_cost(layer, form(layer)); }

bool prepare_taps(const Layer& layer, Weights weights) {
  prepare_int8_gemm(layer, form(layer), std::move(weights));
  return true;
}

}  // namespace

double int8_gemm_cost(const Layer& layer, const GemmForm& form) {
  return gemm_cost(*form.kernel, layer.g.pixels(), form.packed);
}

double gemm_cost(const kernels::GemmS8& kernel, int64_t pixels, const schema::PackedShape& packed) {
  const auto times = [](int64_t a, int64_t b) { return static_cast<double>(a) * static_cast<double>(b); };
  const double rows = times(pixels, packed.groups);
  const int64_t passes = (packed.out + kernel.channels - 1) / kernel.channels;
  return rows *
         (times(packed.taps * packed.quads(), packed.blocks()) * kernel.cost + times(packed.taps, passes) * kRunCycles);
}

void prepare_int8_gemm(const Layer& layer, const GemmForm& form, Weights weights) {
  Prepare& p = layer.p;
  const Geometry g = flattened(layer.g);
  const Value& x = p.in(0);
  const schema::PackedShape& packed = form.packed;
  const kernels::GemmS8& kernel = *form.kernel;
  Int8Conv conv{
      g,
      Windows<uint8_t>(g, x.pitch, form.merged, zero_pixels(x, form.merged ? g.kernel_w : 1)),
      packed,
      std::move(weights),
      epilogue(layer, kernel.activation_offset),
      {},
      cut(g, p.options.threads, kernel.rows, packed.taps * packed.quads() * kernels::kGroup * (kernel.wide ? 2 : 1)),
      x.id,
      p.out().id,
      layer.has_residual() ? p.in(3).id : -1,
      size_of(p.out().dtype),
      &kernel,
      0};
  conv.tile.taps = static_cast<int>(packed.taps);
  conv.tile.groups = static_cast<int>(packed.quads());
  conv.tile.output_pitch = p.out().pitch;
  if (layer.has_residual()) conv.tile.residual_pitch = p.in(3).pitch;
  conv.slice_bytes = static_cast<size_t>(
      round_up(conv.windows.pointer_bytes(kernel.rows) + conv.windows.patch_elements(kernel.rows), 64));
  p.step.scratch_bytes = conv.slice_bytes * static_cast<size_t>(conv.cut.tasks());
  p.step.run = [conv = std::make_shared<const Int8Conv>(std::move(conv))](const RunContext& context) {
    conv->run(context);
  };
}

extern const Algorithm kInt8Gemm;
const Algorithm kInt8Gemm = {.name = "int8_gemm", .unit = "int8", .fits = fits, .cost = cost, .prepare = prepare_taps};

}  // namespace octet::conv
