// The slow, obvious version of every kernel: the oracle of the tests, and the scalar table. See kernels.h for the meaning.
#pragma once
#include "kernels/kernels.h"

namespace octet::kernels::reference {

// As vector units do: b where one is not a number, and where both are zeros.
inline float min_of(float a, float b) { return a < b ? a : b; }
inline float max_of(float a, float b) { return a > b ? a : b; }

// The activation before a u8 store: a polynomial for the sigmoid family (see act_constants.h). Same bits on every ISA.
float act_fast(const Activation& act, float x);
// The activation before an f32 store: a relative error of about 1e-6. Same bits on every ISA too.
float act_accurate(const Activation& act, float x);
int16_t curve(const Act16& a, int16_t x);  // of |x|, see Act16
float exp_accurate(float x);               // never 0 or infinite
float exp_full(float x);                   // overflows and vanishes where it should

void finish(const Finish& f);
void conv_tile(const ConvTile& tile);
size_t depthwise_packed_bytes(int kernel_h, int kernel_w, int channels);
void depthwise_pack(const int8_t* weights, int kernel_h, int kernel_w, int channels, int8_t* packed);  // a copy
void depthwise(const Depthwise& d, int y_begin, int y_end);
void max_pool(const Pool& p, const uint8_t* in, uint8_t* out, int y_begin, int y_end);
void average_pool(const AveragePool& p, const uint8_t* in, uint8_t* out, int y_begin, int y_end);
void add(const BinaryU8& b);
void mul(const BinaryU8& b);
void bilinear(const BilinearU8& b, int y_begin, int y_end);
void table(const uint8_t* table, const uint8_t* in, uint8_t* out, int64_t count);
void quantize(const float* in, int64_t in_pitch, uint8_t* out, int64_t out_pitch, int64_t rows, int channels,
              const float* inv_scale, const int32_t* zero_point);
void dequantize(const uint8_t* in, int64_t in_pitch, float* out, int64_t out_pitch, int64_t rows, int channels,
                const float* scale, const int32_t* zero_point);
void transpose_8(const uint8_t* in, int64_t in_pitch, uint8_t* out, int64_t out_pitch, int64_t rows, int64_t columns);
void transpose_32(const uint32_t* in, int64_t in_pitch, uint32_t* out, int64_t out_pitch, int64_t rows,
                  int64_t columns);
void argmax_u8(const uint8_t* in, int64_t in_pitch, int64_t rows, int channels, int64_t* out);

void conv_tile_f32(const ConvTileF32& tile);
void depthwise_f32(const DepthwiseF32& d, int y_begin, int y_end);
void max_pool_f32(const Pool& p, const float* in, float* out, int y_begin, int y_end);
void average_pool_f32(const Pool& p, bool count_include_pad, const float* in, float* out, int y_begin, int y_end);
void binary_f32(BinaryF32 op, const float* a, int a_step, const float* b, int b_step, float* out, int64_t count);
void unary_f32(UnaryF32 op, Activation act, const float* in, float* out, int64_t count);
void bilinear_f32(int channels, const float* const corners[4], const float weights[4], float* out);
void bilinear_row_f32(const BilinearF32& b, int x_begin, int x_end);
void softmax_f32(const float* in, float* out, int64_t rows, int64_t count);
void affine_f32(const AffineF32& a);
void layer_norm_f32(const LayerNormF32& norm, const float* in, float* out);
void argmax_f32(const float* in, int64_t in_pitch, int64_t rows, int channels, int64_t* out);

}  // namespace octet::kernels::reference
