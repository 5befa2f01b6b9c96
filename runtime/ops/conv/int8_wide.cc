// int8 convolution by implicit GEMM in 16-bit pairs, where the instruction set computes these faster (GemmS8::wide): the runs are
// taps, or the rows of windows of few channels; weights take twice their bytes.
#include <cmath>

#include "runtime/ops/conv/algorithm.h"
#include "runtime/ops/conv/int8_gemm.h"

namespace octet::conv {
namespace {

// Runs are rows then.
bool merges(const Layer& layer) { return merges_in_place(layer) || merges_repacked(layer); }

GemmForm form(const Layer& layer) {
  const bool merged = merges(layer);
  return {merged, merged ? merged_shape(layer) : packed_shape(layer.g), &layer.p.isa.gemm_wide};
}

bool fits(const Layer& layer) {
  return layer.p.int8() && layer.p.isa.gemm_wide.run && layer.p.tensor(1).packing == schema::Packing::conv_s8;
}

// Beside the products, widening: each run's start, and its groups, once for as many channels as a tile sums at a time.
double cost(const Layer& layer) {
  constexpr double kRunCycles = 6, kGroupCycles = 0.5, kWideChannels = 128;
  const GemmForm f = form(layer);
  const auto runs = static_cast<double>(layer.g.pixels() * f.packed.groups * f.packed.taps);
  const double passes = std::ceil(static_cast<double>(f.packed.out) / kWideChannels);
  return int8_gemm_cost(layer, f) + runs * passes * (kRunCycles + kGroupCycles * static_cast<double>(f.packed.quads()));
}

size_t bytes(const Layer& layer) { return sizeof(int16_t) * static_cast<size_t>(form(layer).packed.bytes()); }

void pack(const Layer& layer, std::byte* to) {
  const int64_t count = form(layer).packed.bytes();
  auto* wide = reinterpret_cast<int16_t*>(to);
  if (!merges_repacked(layer)) return kernels::widen_weights(layer.p.tensor(1).values<int8_t>().data(), count, wide);
  std::vector<int8_t> rows(static_cast<size_t>(count));
  pack_merged(layer, rows.data());
  kernels::widen_weights(rows.data(), count, wide);
}

constexpr Packing kWide = {.name = "wide", .bytes = bytes, .pack = pack};

bool prepare_wide(const Layer& layer, Weights weights) {
  prepare_int8_gemm(layer, form(layer), std::move(weights));
  return true;
}

}  // namespace

extern const Algorithm kInt8Wide;
const Algorithm kInt8Wide = {.name = "int8_wide",
                             .unit = "int16",
                             .packing = &kWide,
                             .optional = true,
                             .fits = fits,
                             .cost = cost,
                             .prepare = prepare_wide};

}  // namespace octet::conv
