// int8 convolution by implicit GEMM whose runs are the rows of a window: for few channels, whose pixels lie next to each other
// in the order of the weights. There are fewer and longer runs than taps.
#include "runtime/ops/conv/algorithm.h"
#include "runtime/ops/conv/int8_gemm.h"

namespace octet::conv {
namespace {

constexpr int64_t kMostBytes = 64;  // of a pixel: a row that crosses the border is copied, and larger ones gain little

GemmForm form(const Layer& layer) { return {true, merged_shape(layer), &layer.p.isa.gemm_s8}; }

double cost(const Layer& layer) { return int8_gemm_cost(layer, form(layer)); }

bool prepare_rows(const Layer& layer, Weights weights) {
  prepare_int8_gemm(layer, form(layer), std::move(weights));
  return true;
}

size_t bytes(const Layer& layer) { return static_cast<size_t>(merged_shape(layer).bytes()); }

void pack(const Layer& layer, std::byte* to) { pack_merged(layer, reinterpret_cast<int8_t*>(to)); }

}  // namespace

bool may_merge(const Layer& layer) {
  const Geometry& g = layer.g;
  return layer.p.int8() && layer.p.tensor(1).packing == schema::Packing::conv_s8 && g.groups == 1 && g.kernel_w > 1 &&
         g.dilation_w == 1 && layer.p.in(0).pitch <= kMostBytes;
}

bool merges_in_place(const Layer& layer) {
  return may_merge(layer) && layer.p.in(0).pitch == packed_shape(layer.g).quads() * kernels::kGroup;
}

bool merges_repacked(const Layer& layer) {
  return may_merge(layer) && layer.p.in(0).pitch == layer.g.in && !merges_in_place(layer);
}

schema::PackedShape merged_shape(const Layer& layer) {
  return {1, layer.g.out, layer.g.kernel_h, layer.g.kernel_w * layer.p.in(0).pitch};
}

void pack_merged(const Layer& layer, int8_t* to) {
  const schema::PackedShape shape = merged_shape(layer);
  const int64_t depth = shape.taps * shape.in;
  std::vector<int8_t> dense(static_cast<size_t>(shape.out * depth));
  for (int64_t n = 0; n < shape.out; ++n) weights_s8(layer.g, layer.p.tensor(1), 0, n, dense.data() + n * depth);
  schema::pack_conv_s8(shape, dense.data(), to);
}

const Packing kMergedRows = {.name = "rows", .bytes = bytes, .pack = pack};

extern const Algorithm kInt8Merged, kInt8MergedRepacked;
const Algorithm kInt8Merged = {
    .name = "int8_merged", .unit = "int8", .fits = merges_in_place, .cost = cost, .prepare = prepare_rows};
const Algorithm kInt8MergedRepacked = {.name = "int8_merged_repacked",
                                       .unit = "int8",
                                       .packing = &kMergedRows,
                                       .fits = merges_repacked,
                                       .cost = cost,
                                       .prepare = prepare_rows};

}  // namespace octet::conv
