// The run of int8 convolutions by implicit GEMM, which several algorithms share.
#pragma once
#include "runtime/ops/conv/conv2d.h"

namespace octet::conv {

// How the windows of an input are read: a run of weights for each tap, or for each row of the window.
struct GemmForm {
  bool merged = false;
  schema::PackedShape packed;  // the weights as the kernel sees them
};

void prepare_int8_gemm(const Layer& layer, const GemmForm& form, Weights weights);
double int8_gemm_cost(const Layer& layer, const schema::PackedShape& packed);  // see Algorithm::cost

}  // namespace octet::conv
