// The ops of Paddle that the converter knows. An op's importer is one function; the list is paddle_registry.cc.
#pragma once
#include <array>
#include <span>
#include <string_view>

#include "converter/import/paddle/node.h"

namespace octet::convert {

struct PaddleOp {
  std::string_view name;
  void (*import)(PaddleNode&);
  std::array<std::string_view, 3> needs;  // inputs that must be there
  bool quantises = false;                 // training's quantisation ops: other inputs may be missing or not finite
};

std::span<const PaddleOp> paddle_ops();
const PaddleOp* find_paddle_op(std::string_view name);

// X and Y of a two-operand op: of one type, the shorter one's dims standing where the axis attribute says.
std::pair<TensorId, TensorId> paddle_operands(PaddleNode& n);
// The activation of that name, its attributes those of the node.
TensorId paddle_activation(PaddleNode& n, const std::string& name, TensorId x);

// Weights that are stored as integers, their steps in an attribute of the op, become floats.
void dequantise_stored_weights(PaddleNode& n);

void import_paddle_activation(PaddleNode& n);
void import_paddle_affine_channel(PaddleNode& n);
void import_paddle_arg_max(PaddleNode& n);
void import_paddle_argsort(PaddleNode& n);
void import_paddle_assign_value(PaddleNode& n);
void import_paddle_batch_norm(PaddleNode& n);
void import_paddle_box_coder(PaddleNode& n);
void import_paddle_cast(PaddleNode& n);
void import_paddle_clip(PaddleNode& n);
void import_paddle_compare(PaddleNode& n);
void import_paddle_concat(PaddleNode& n);
void import_paddle_conv2d(PaddleNode& n);
void import_paddle_conv2d_transpose(PaddleNode& n);
void import_paddle_cumsum(PaddleNode& n);
void import_paddle_deformable_conv(PaddleNode& n);
void import_paddle_dequantize_linear(PaddleNode& n);
void import_paddle_dropout(PaddleNode& n);
void import_paddle_elementwise(PaddleNode& n);
void import_paddle_expand(PaddleNode& n);
void import_paddle_fake_dequantize(PaddleNode& n);
void import_paddle_fake_quantize(PaddleNode& n);
void import_paddle_fc(PaddleNode& n);
void import_paddle_fill_batch_size_like(PaddleNode& n);
void import_paddle_fill_constant(PaddleNode& n);
void import_paddle_fill_like(PaddleNode& n);
void import_paddle_flatten(PaddleNode& n);
void import_paddle_flip(PaddleNode& n);
void import_paddle_gather(PaddleNode& n);
void import_paddle_gather_nd(PaddleNode& n);
void import_paddle_grid_sampler(PaddleNode& n);
void import_paddle_group_norm(PaddleNode& n);
void import_paddle_identity(PaddleNode& n);
void import_paddle_instance_norm(PaddleNode& n);
void import_paddle_interp(PaddleNode& n);
void import_paddle_layer_norm(PaddleNode& n);
void import_paddle_linspace(PaddleNode& n);
void import_paddle_logical_not(PaddleNode& n);
void import_paddle_lookup_table(PaddleNode& n);
void import_paddle_matmul(PaddleNode& n);
void import_paddle_matrix_nms(PaddleNode& n);
void import_paddle_meshgrid(PaddleNode& n);
void import_paddle_mul(PaddleNode& n);
void import_paddle_multiclass_nms(PaddleNode& n);
void import_paddle_observer(PaddleNode& n);
void import_paddle_one_hot(PaddleNode& n);
void import_paddle_p_norm(PaddleNode& n);
void import_paddle_pad(PaddleNode& n);
void import_paddle_pixel_shuffle(PaddleNode& n);
void import_paddle_pool2d(PaddleNode& n);
void import_paddle_pow(PaddleNode& n);
void import_paddle_prelu(PaddleNode& n);
void import_paddle_prior_box(PaddleNode& n);
void import_paddle_quantize_linear(PaddleNode& n);
void import_paddle_range(PaddleNode& n);
void import_paddle_reduce(PaddleNode& n);
void import_paddle_reduce_logical(PaddleNode& n);
void import_paddle_reshape(PaddleNode& n);
void import_paddle_roll(PaddleNode& n);
void import_paddle_round(PaddleNode& n);
void import_paddle_put_along_axis(PaddleNode& n);
void import_paddle_scale(PaddleNode& n);
void import_paddle_scatter(PaddleNode& n);
void import_paddle_scatter_nd_add(PaddleNode& n);
void import_paddle_shape(PaddleNode& n);
void import_paddle_slice(PaddleNode& n);
void import_paddle_softmax(PaddleNode& n);
void import_paddle_space_to_depth(PaddleNode& n);
void import_paddle_split(PaddleNode& n);
void import_paddle_squeeze(PaddleNode& n);
void import_paddle_stack(PaddleNode& n);
void import_paddle_sum(PaddleNode& n);
void import_paddle_take_along_axis(PaddleNode& n);
void import_paddle_tile(PaddleNode& n);
void import_paddle_top_k(PaddleNode& n);
void import_paddle_transpose(PaddleNode& n);
void import_paddle_tril_triu(PaddleNode& n);
void import_paddle_unary(PaddleNode& n);
void import_paddle_unfold(PaddleNode& n);
void import_paddle_unsqueeze(PaddleNode& n);
void import_paddle_unstack(PaddleNode& n);
void import_paddle_where(PaddleNode& n);
void import_paddle_where_index(PaddleNode& n);
void import_paddle_yolo_box(PaddleNode& n);

}  // namespace octet::convert
