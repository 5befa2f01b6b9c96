// The run of int8 convolutions by implicit GEMM, which several algorithms share.
#pragma once
#include "runtime/ops/conv/conv2d.h"

namespace octet::conv {

// How the windows of an input are read: a run of weights for each tap, or for each row of the window.
struct GemmForm {
  bool merged = false;
  schema::PackedShape packed;  // the weights as the kernel sees them
  const kernels::GemmS8* kernel;
};

void prepare_int8_gemm(const Layer& layer, const GemmForm& form, Weights weights);
double int8_gemm_cost(const Layer& layer, const GemmForm& form);  // see Algorithm::cost
double gemm_cost(const kernels::GemmS8& kernel, int64_t rows, const schema::PackedShape& packed);

// Rows of windows as runs: for few channels, whose pixels lie next to each other in the order of the weights.
bool may_merge(const Layer& layer);
bool merges_in_place(
    const Layer& layer);  // a pixel takes as many bytes as the weights' quads: they are in order as they are
bool merges_repacked(const Layer& layer);  // a pixel takes fewer, say 3
schema::PackedShape merged_shape(const Layer& layer);
void pack_merged(const Layer& layer, int8_t* to);  // merged_shape's bytes
extern const Packing kMergedRows;                  // of those that are repacked

// The same of products in tiles (Isa::gemm_tiles). `straddle`: the share of tiles whose rows are
// not equally far apart, and so are copied.
double tiles_cost(int64_t rows, const schema::PackedShape& packed, double straddle);

}  // namespace octet::conv
