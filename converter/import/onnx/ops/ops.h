// The ops that the converter knows by their source names. An op's importer is one function; the list is registry.cc.
#pragma once
#include <span>
#include <string_view>

#include "converter/import/onnx/node.h"

namespace octet::convert {

struct OnnxOp {
  std::string_view name;
  void (*import)(OnnxNode&);
  int min_inputs;  // that many must be there
  int max_inputs;
  std::string_view domain = "";  // ONNX' own
  bool reads_stored = false;     // knows what operands that are integers in the file stand for (quantised.h)
};

std::span<const OnnxOp> onnx_ops();
const OnnxOp* find_onnx_op(std::string_view name, std::string_view domain = "");

void import_arg_reduce(OnnxNode& n);
void import_batch_norm(OnnxNode& n);
void import_binary(OnnxNode& n);
void import_cast(OnnxNode& n);
void import_channel_norm(OnnxNode& n);
void import_clip(OnnxNode& n);
void import_compare(OnnxNode& n);
void import_concat(OnnxNode& n);
void import_constant(OnnxNode& n);
void import_constant_of_shape(OnnxNode& n);
void import_conv(OnnxNode& n);
void import_conv_integer(OnnxNode& n);
void import_conv_transpose(OnnxNode& n);
void import_cum_sum(OnnxNode& n);
void import_deform_conv(OnnxNode& n);
void import_depth_to_space(OnnxNode& n);
void import_dequantize_linear(OnnxNode& n);
void import_dynamic_quantize_linear(OnnxNode& n);
void import_einsum(OnnxNode& n);
void import_elementwise_activation(OnnxNode& n);
void import_expand(OnnxNode& n);
void import_flatten(OnnxNode& n);
void import_gather(OnnxNode& n);
void import_gather_elements(OnnxNode& n);
void import_gather_nd(OnnxNode& n);
void import_curve(OnnxNode& n);
void import_gelu(OnnxNode& n);
void import_gemm(OnnxNode& n);
void import_global_pool(OnnxNode& n);
void import_grid_sample(OnnxNode& n);
void import_identity(OnnxNode& n);
void import_layer_norm(OnnxNode& n);
void import_matmul(OnnxNode& n);
void import_matmul_integer(OnnxNode& n);
void import_mod(OnnxNode& n);
void import_non_max_suppression(OnnxNode& n);
void import_non_zero(OnnxNode& n);
void import_not(OnnxNode& n);
void import_pad(OnnxNode& n);
void import_pool(OnnxNode& n);
void import_prelu(OnnxNode& n);
void import_qgemm(OnnxNode& n);
void import_qlinear_activation(OnnxNode& n);
void import_qlinear_binary(OnnxNode& n);
void import_qlinear_concat(OnnxNode& n);
void import_qlinear_conv(OnnxNode& n);
void import_qlinear_matmul(OnnxNode& n);
void import_qlinear_pool(OnnxNode& n);
void import_qlinear_where(OnnxNode& n);
void import_quantize_linear(OnnxNode& n);
void import_range(OnnxNode& n);
void import_reduce(OnnxNode& n);
void import_reshape(OnnxNode& n);
void import_resize(OnnxNode& n);
void import_scatter_elements(OnnxNode& n);
void import_scatter_nd(OnnxNode& n);
void import_shape(OnnxNode& n);
void import_slice(OnnxNode& n);
void import_softmax(OnnxNode& n);
void import_space_to_depth(OnnxNode& n);
void import_split(OnnxNode& n);
void import_squeeze(OnnxNode& n);
void import_thresholded_relu(OnnxNode& n);
void import_tile(OnnxNode& n);
void import_top_k(OnnxNode& n);
void import_transpose(OnnxNode& n);
void import_unary(OnnxNode& n);
void import_upsample(OnnxNode& n);
void import_where(OnnxNode& n);

}  // namespace octet::convert
