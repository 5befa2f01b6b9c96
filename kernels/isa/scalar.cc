// The rows of plain C++, for every target: the reference itself.
#include "kernels/isa/row.h"
#include "kernels/reference/reference.h"

namespace octet::kernels {
namespace {

constexpr GemmS8 kGemm = {.rows = 8, .channels = kBlock, .cost = 64.0f, .run = reference::conv_tile};

constexpr DepthwiseS8 kDepthwise = {
    .packed_bytes = reference::depthwise_packed_bytes, .pack = reference::depthwise_pack, .run = reference::depthwise};

constexpr VectorKernels kVectors = {
    .vectors_need = kNoFeature,
    .conv_rows_f32 = 8,
    .finish = reference::finish,
    .max_pool = reference::max_pool,
    .average_pool = reference::average_pool,
    .add = reference::add,
    .mul = reference::mul,
    .bilinear = reference::bilinear,
    .table = reference::table,
    .quantize = reference::quantize,
    .dequantize = reference::dequantize,
    .transpose_8 = reference::transpose_8,
    .transpose_32 = reference::transpose_32,
    .argmax_u8 = reference::argmax_u8,
    .conv_tile_f32 = reference::conv_tile_f32,
    .depthwise_f32 = reference::depthwise_f32,
    .max_pool_f32 = reference::max_pool_f32,
    .average_pool_f32 = reference::average_pool_f32,
    .binary_f32 = reference::binary_f32,
    .unary_f32 = reference::unary_f32,
    .bilinear_f32 = reference::bilinear_f32,
    .bilinear_row_f32 = reference::bilinear_row_f32,
    .softmax_f32 = reference::softmax_f32,
    .affine_f32 = reference::affine_f32,
    .layer_norm_f32 = reference::layer_norm_f32,
    .argmax_f32 = reference::argmax_f32,
};

}  // namespace

extern const IsaRow kIsaScalar;
const IsaRow kIsaScalar = {.name = "scalar", .gemm_s8 = &kGemm, .depthwise_s8 = &kDepthwise, .vectors = &kVectors};

}  // namespace octet::kernels
