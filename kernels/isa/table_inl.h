// The kernels that need an instruction set's vectors alone, not its dot product: one row, on the vec_*.h included before.
#pragma once
#include "kernels/conv/conv_f32_inl.h"
#include "kernels/conv/epilogue_inl.h"
#include "kernels/elementwise/elementwise_inl.h"
#include "kernels/elementwise/float_inl.h"
#include "kernels/isa/row.h"
#include "kernels/move/transpose_8_inl.h"
#include "kernels/pool/bilinear_inl.h"
#include "kernels/pool/pool_inl.h"
#include "kernels/reference/reference.h"

namespace octet::kernels {
namespace {

constexpr VectorKernels make_vectors(uint32_t needs) {
  return {
      .vectors_need = needs,
      .conv_rows_f32 = kConvRowsF32,
      .finish = finish_sums,
      .max_pool = max_pool,
      .average_pool = average_pool,
      .add = add,
      .mul = mul,
      .bilinear = bilinear,
      .table = reference::table,
      .quantize = quantize,
      .dequantize = dequantize,
      .transpose_8 = transpose_8,
      .transpose_32 = transpose_32,
      .argmax_u8 = argmax_u8,
      .conv_tile_f32 = conv_tile_f32,
      .depthwise_f32 = depthwise_f32,
      .max_pool_f32 = max_pool_f32,
      .average_pool_f32 = average_pool_f32,
      .binary_f32 = binary_f32,
      .unary_f32 = unary_f32,
      .bilinear_f32 = bilinear_f32,
      .bilinear_row_f32 = bilinear_row_f32,
      .softmax_f32 = softmax_f32,
      .affine_f32 = affine_f32,
      .layer_norm_f32 = layer_norm_f32,
      .argmax_f32 = argmax_f32,
  };
}

}  // namespace
}  // namespace octet::kernels
