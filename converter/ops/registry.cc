// The list of source ops that the converter knows.
#include <algorithm>
#include <iterator>
#include <limits>

#include "converter/ops/ops.h"

namespace octet::convert {
namespace {

constexpr int kAny = std::numeric_limits<int>::max();

constexpr OnnxOp kOnnxOps[] = {
    {"Abs", import_unary, 1, 1},
    {"Add", import_binary, 2, 2},
    {"And", import_compare, 2, 2},
    {"ArgMax", import_arg_reduce, 1, 1},
    {"ArgMin", import_arg_reduce, 1, 1},
    {"AveragePool", import_pool, 1, 1},
    {"BatchNormalization", import_batch_norm, 5, 5},
    {"Cast", import_cast, 1, 1},
    {"Ceil", import_unary, 1, 1},
    {"Clip", import_clip, 1, 3},
    {"Concat", import_concat, 1, kAny},
    {"Constant", import_constant, 0, 0},
    {"ConstantOfShape", import_constant_of_shape, 1, 1},
    {"Conv", import_conv, 2, 3},
    {"ConvTranspose", import_conv_transpose, 2, 3},
    {"DepthToSpace", import_depth_to_space, 1, 1},
    {"Div", import_binary, 2, 2},
    {"Dropout", import_identity, 1, 3},
    {"Einsum", import_einsum, 1, 2},
    {"Equal", import_compare, 2, 2},
    {"Erf", import_unary, 1, 1},
    {"Exp", import_unary, 1, 1},
    {"Expand", import_expand, 2, 2},
    {"Flatten", import_flatten, 1, 1},
    {"Floor", import_unary, 1, 1},
    {"Gather", import_gather, 2, 2},
    {"GatherElements", import_gather_elements, 2, 2},
    {"GatherND", import_gather_nd, 2, 2},
    {"Gelu", import_gelu, 1, 1},
    {"Gemm", import_gemm, 2, 3},
    {"GlobalAveragePool", import_global_pool, 1, 1},
    {"GlobalMaxPool", import_global_pool, 1, 1},
    {"Greater", import_compare, 2, 2},
    {"GreaterOrEqual", import_compare, 2, 2},
    {"GridSample", import_grid_sample, 2, 2},
    {"GroupNormalization", import_channel_norm, 3, 3},
    {"HardSigmoid", import_elementwise_activation, 1, 1},
    {"HardSwish", import_elementwise_activation, 1, 1},
    {"Identity", import_identity, 1, 1},
    {"InstanceNormalization", import_channel_norm, 3, 3},
    {"LayerNormalization", import_layer_norm, 2, 3},
    {"LeakyRelu", import_elementwise_activation, 1, 1},
    {"Less", import_compare, 2, 2},
    {"LessOrEqual", import_compare, 2, 2},
    {"Log", import_unary, 1, 1},
    {"LogSoftmax", import_softmax, 1, 1},
    {"MatMul", import_matmul, 2, 2},
    {"Max", import_binary, 1, kAny},
    {"MaxPool", import_pool, 1, 1},
    {"Mean", import_binary, 1, kAny},
    {"Min", import_binary, 1, kAny},
    {"Mod", import_mod, 2, 2},
    {"Mul", import_binary, 2, 2},
    {"Neg", import_unary, 1, 1},
    {"NonMaxSuppression", import_non_max_suppression, 2, 5},
    {"NonZero", import_non_zero, 1, 1},
    {"Not", import_not, 1, 1},
    {"Or", import_compare, 2, 2},
    {"PRelu", import_prelu, 2, 2},
    {"Pad", import_pad, 1, 4},
    {"Pow", import_binary, 2, 2},
    {"Range", import_range, 3, 3},
    {"Reciprocal", import_unary, 1, 1},
    {"ReduceL1", import_reduce, 1, 2},
    {"ReduceL2", import_reduce, 1, 2},
    {"ReduceMax", import_reduce, 1, 2},
    {"ReduceMean", import_reduce, 1, 2},
    {"ReduceMin", import_reduce, 1, 2},
    {"ReduceProd", import_reduce, 1, 2},
    {"ReduceSum", import_reduce, 1, 2},
    {"ReduceSumSquare", import_reduce, 1, 2},
    {"Relu", import_elementwise_activation, 1, 1},
    {"Reshape", import_reshape, 2, 2},
    {"Resize", import_resize, 1, 4},
    {"Round", import_unary, 1, 1},
    {"Scatter", import_scatter_elements, 3, 3},
    {"ScatterElements", import_scatter_elements, 3, 3},
    {"ScatterND", import_scatter_nd, 3, 3},
    {"Shape", import_shape, 1, 1},
    {"Sigmoid", import_elementwise_activation, 1, 1},
    {"Slice", import_slice, 1, 5},
    {"Softmax", import_softmax, 1, 1},
    {"SpaceToDepth", import_space_to_depth, 1, 1},
    {"Split", import_split, 1, 2},
    {"Sqrt", import_unary, 1, 1},
    {"Squeeze", import_squeeze, 1, 2},
    {"Sub", import_binary, 2, 2},
    {"Sum", import_binary, 1, kAny},
    {"Tanh", import_elementwise_activation, 1, 1},
    {"Tile", import_tile, 2, 2},
    {"TopK", import_top_k, 1, 2},
    {"Transpose", import_transpose, 1, 1},
    {"Unsqueeze", import_squeeze, 1, 2},
    {"Upsample", import_upsample, 1, 2},
    {"Where", import_where, 3, 3},
    {"Xor", import_compare, 2, 2},
};

}  // namespace

std::span<const OnnxOp> onnx_ops() { return kOnnxOps; }

const OnnxOp* find_onnx_op(std::string_view name) {
  auto it = std::find_if(std::begin(kOnnxOps), std::end(kOnnxOps), [&](const OnnxOp& op) { return op.name == name; });
  return it == std::end(kOnnxOps) ? nullptr : &*it;
}

}  // namespace octet::convert
