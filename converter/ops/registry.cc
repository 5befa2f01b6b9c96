// The list of source ops that the converter knows.
#include <algorithm>
#include <iterator>
#include <limits>

#include "converter/ops/ops.h"

namespace octet::convert {
namespace {

constexpr int kAny = std::numeric_limits<int>::max();

constexpr std::string_view kMicrosoft = "com.microsoft";

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
    {"ConvInteger", import_conv_integer, 2, 4, "", true},
    {"ConvTranspose", import_conv_transpose, 2, 3},
    {"DepthToSpace", import_depth_to_space, 1, 1},
    {"DequantizeLinear", import_dequantize_linear, 2, 3, "", true},
    {"Div", import_binary, 2, 2},
    {"Dropout", import_identity, 1, 3},
    {"DynamicQuantizeLinear", import_dynamic_quantize_linear, 1, 1, "", true},
    {"Equal", import_compare, 2, 2},
    {"Erf", import_unary, 1, 1},
    {"Exp", import_unary, 1, 1},
    {"Expand", import_expand, 2, 2},
    {"Flatten", import_flatten, 1, 1},
    {"Floor", import_unary, 1, 1},
    {"Gather", import_gather, 2, 2},
    {"GatherND", import_gather_nd, 2, 2},
    {"Gemm", import_gemm, 2, 3},
    {"GlobalAveragePool", import_global_pool, 1, 1},
    {"GlobalMaxPool", import_global_pool, 1, 1},
    {"Greater", import_compare, 2, 2},
    {"GreaterOrEqual", import_compare, 2, 2},
    {"HardSigmoid", import_elementwise_activation, 1, 1},
    {"HardSwish", import_elementwise_activation, 1, 1},
    {"Identity", import_identity, 1, 1},
    {"LeakyRelu", import_elementwise_activation, 1, 1},
    {"Less", import_compare, 2, 2},
    {"LessOrEqual", import_compare, 2, 2},
    {"Log", import_unary, 1, 1},
    {"LogSoftmax", import_softmax, 1, 1},
    {"MatMul", import_matmul, 2, 2},
    {"MatMulInteger", import_matmul_integer, 2, 4, "", true},
    {"Max", import_binary, 1, kAny},
    {"MaxPool", import_pool, 1, 1},
    {"Mean", import_binary, 1, kAny},
    {"Min", import_binary, 1, kAny},
    {"Mul", import_binary, 2, 2},
    {"Neg", import_unary, 1, 1},
    {"NonMaxSuppression", import_non_max_suppression, 2, 5},
    {"NonZero", import_non_zero, 1, 1},
    {"Not", import_not, 1, 1},
    {"Or", import_compare, 2, 2},
    {"PRelu", import_prelu, 2, 2},
    {"Pad", import_pad, 1, 4},
    {"Pow", import_binary, 2, 2},
    {"QLinearConv", import_qlinear_conv, 8, 9, "", true},
    {"QLinearMatMul", import_qlinear_matmul, 8, 8, "", true},
    {"QuantizeLinear", import_quantize_linear, 2, 3, "", true},
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
    {"DequantizeLinear", import_dequantize_linear, 2, 3, kMicrosoft, true},
    {"QGemm", import_qgemm, 6, 9, kMicrosoft, true},
    {"QLinearAdd", import_qlinear_binary, 7, 8, kMicrosoft, true},
    {"QLinearAveragePool", import_qlinear_pool, 4, 5, kMicrosoft, true},
    {"QLinearConcat", import_qlinear_concat, 5, kAny, kMicrosoft, true},
    {"QLinearConv", import_qlinear_conv, 8, 9, kMicrosoft, true},
    {"QLinearGlobalAveragePool", import_qlinear_pool, 5, 5, kMicrosoft, true},
    {"QLinearLeakyRelu", import_qlinear_activation, 4, 5, kMicrosoft, true},
    {"QLinearMul", import_qlinear_binary, 7, 8, kMicrosoft, true},
    {"QLinearSigmoid", import_qlinear_activation, 4, 5, kMicrosoft, true},
    {"QLinearSoftmax", import_qlinear_activation, 5, 5, kMicrosoft, true},
    {"QLinearWhere", import_qlinear_where, 9, 9, kMicrosoft, true},
    {"QuantizeLinear", import_quantize_linear, 2, 3, kMicrosoft, true},
};

}  // namespace

std::span<const OnnxOp> onnx_ops() { return kOnnxOps; }

const OnnxOp* find_onnx_op(std::string_view name, std::string_view domain) {
  auto it = std::find_if(std::begin(kOnnxOps), std::end(kOnnxOps),
                         [&](const OnnxOp& op) { return op.name == name && op.domain == domain; });
  return it == std::end(kOnnxOps) ? nullptr : &*it;
}

}  // namespace octet::convert
