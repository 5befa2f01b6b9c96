// The list of the schema's ops: which ONNX has, and in which layout.
#include <algorithm>
#include <cassert>
#include <iterator>

#include "converter/export/export_ops.h"

namespace octet::convert {
namespace {

using schema::Op;

constexpr ExportOp kOps[] = {
    {Op::Affine, Wants::kAny, export_affine},
    {Op::ArgMax, Wants::kAny, export_arg_max},
    {Op::Binary, Wants::kAny, export_binary},
    {Op::BoxCoder, Wants::kNothing, export_nothing},
    {Op::Cast, Wants::kAny, export_cast},
    {Op::Compare, Wants::kAny, export_compare},
    {Op::Concat, Wants::kAny, export_concat},
    {Op::Conv2d, Wants::kImage, export_conv},
    {Op::CumSum, Wants::kFile, export_cum_sum},
    {Op::DeformConv2d, Wants::kImage, export_deform_conv},
    {Op::Expand, Wants::kFile, export_expand},
    {Op::FakeQuantize, Wants::kAny, export_fake_quantize},
    {Op::Gather, Wants::kFile, export_gather},
    {Op::GatherElements, Wants::kFile, export_gather_elements},
    {Op::GatherNd, Wants::kFile, export_gather_nd},
    {Op::GridSample, Wants::kImage, export_grid_sample},
    {Op::LayerNorm, Wants::kFile, export_layer_norm},
    {Op::MatMul, Wants::kFile, export_matmul},
    {Op::MatrixNms, Wants::kNothing, export_nothing},
    {Op::MulticlassNms, Wants::kNothing, export_nothing},
    {Op::NonMaxSuppression, Wants::kFile, export_non_max_suppression},
    {Op::NonZero, Wants::kFile, export_non_zero},
    {Op::Pad, Wants::kAny, export_pad},
    {Op::Pool2d, Wants::kImage, export_pool},
    {Op::PriorBox, Wants::kNothing, export_nothing},
    {Op::Range, Wants::kFile, export_range},
    {Op::Reduce, Wants::kAny, export_reduce},
    {Op::Reshape, Wants::kFile, export_reshape},
    {Op::Resize, Wants::kImage, export_resize},
    {Op::ScatterElements, Wants::kFile, export_scatter_elements},
    {Op::ScatterNd, Wants::kFile, export_scatter_nd},
    {Op::ShapeOf, Wants::kForm, export_shape_of},
    {Op::Slice, Wants::kAny, export_slice},
    {Op::Softmax, Wants::kAny, export_softmax},
    {Op::TopK, Wants::kFile, export_top_k},
    {Op::Transpose, Wants::kForm, export_transpose},
    {Op::Unary, Wants::kAny, export_unary},
    {Op::Where, Wants::kAny, export_where},
    {Op::YoloBox, Wants::kNothing, export_nothing},
};
static_assert(std::size(kOps) == static_cast<size_t>(Op::MAX), "a row for each op of the schema");

}  // namespace

const ExportOp& export_op(Op type) {
  auto it = std::find_if(std::begin(kOps), std::end(kOps), [&](const ExportOp& op) { return op.type == type; });
  assert(it != std::end(kOps));
  return *it;
}

Result<void> export_nothing(ExportNode& n) {
  return n.refuse(
      "has no equivalent in ONNX; convert the source model again with --outputs naming the tensors before it ('" +
      std::string(n.in(0).name) + "' is one), and export that");
}

}  // namespace octet::convert
