// The kernels as their users see them: plain structs of arguments, and one table of kernels for each ISA.
// Pure functions over pointers and sizes: no tensors, no allocation, no errors; the caller has checked everything.
//
// Common terms. A u8 tensor is `real = scale * (stored - zero_point)`. "Row" = the channels of one pixel (the last dim),
// contiguous; `pitch` = elements from one row to the next (>= channels, so a row may be a slice of a wider one).
// Readers of u8 rows may load up to 64 bytes past the end of a row: the arena has that slack; what is read there is
// multiplied by zero. Writers never write outside `channels` elements of a row.
// Every int8 entry gives the same bytes as its namesake in reference.h, on every ISA. Every array "padded to 16" has
// its length rounded up to a multiple of 16 (kBlock), filled with zeros.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>

#include "kernels/cpu.h"

namespace octet::kernels {

inline constexpr int kBlock = 16;    // output channels in a block of packed weights
inline constexpr int kGroup = 4;     // consecutive input channels in a block: one dword
inline constexpr int kMaxRows = 32;  // upper bound of GemmS8::rows and Isa::conv_rows_f32
inline constexpr int64_t kReadSlack = 64;

// Values as in schema/model.fbs (checked by a static_assert in the runtime).
enum class Act : uint8_t {
  kNone,
  kRelu,
  kClip,
  kSilu,
  kSigmoid,
  kHardSwish,
  kHardSigmoid,
  kLeakyRelu,
  kTanh,
  kGelu,
  kGeluTanh
};
struct Activation {
  Act kind = Act::kNone;
  float a = 0, b = 0;  // clip: low, high. hard_sigmoid, hard_swish: clamp(a*x+b, 0, 1). leaky_relu: slope a
};

// An activation in 16-bit integers, for an output stored as u8 with one scale: a function of |x| in 8 pieces of second degree, in
// units of 2^-shift of the output's step. With t and i the low 15 bits of u * step and those above, mulr(a, b) = (a * b + 2^14) >> 15,
// sums modulo 2^16, sat = what s16 holds:
//   x = sat(round_half_even(float(acc) * multiplier[n]));   u = min(|x|, limit)
//   curve = value[i] + mulr(t, slope[i] + mulr(t, bend[i]))
//   y = sat(max(x, 0) + sat(curve + ((res * residual + 2^7) >> 8)))       hinges: SiLU, GELU, hard-swish; base is part of value
//   y = sat((x < 0 ? -curve : curve) + base)                              odd: sigmoid, tanh; they take no residual
//   stored = y >> shift, held between low and high
// Callers see to it that |acc * multiplier| < 2^31, limit * step < 2^18 and step < 2^15. Half a step and the zero point are in base.
inline constexpr int kPieces16 = 8;
struct Act16 {
  bool odd = false;
  int shift = 0;                // 0..15
  int16_t limit = 0, step = 0;  // not negative
  int16_t residual = 0;         // not negative; units of 2^-8
  int16_t base = 0;             // odd
  uint8_t low = 0, high = 255;
  int16_t value[kPieces16] = {}, slope[kPieces16] = {}, bend[kPieces16] = {};
};

// From an s32 accumulator to what is stored, one entry an output channel (arrays padded to 16). In this order, each step
// one IEEE operation, no contraction:
//   x = float(acc) * multiplier[n]               s_in * s_w[n]; with act none and u8 output: already divided by s_out[n]
//   y = act(x);  v = y * out_multiplier[n]       only when act is not none; out_multiplier = 1 / s_out[n] (1 for f32 out)
//   v = v + (float(residual) * res_multiplier[n] + res_offset[n])           only with a residual
//   v = min(max(v, low[n]), high[n])             u8: in steps relative to the zero point, so [-zp, 255 - zp] or narrower
//   u8: stored = zero_point[n] + round_half_even(v)            f32: stored = v
// acc starts from acc0[n], which holds the bias and the zero points (see fold_bias in quant.h).
struct Epilogue {
  const int32_t* acc0 = nullptr;
  const float* multiplier = nullptr;
  Activation act = {};
  const Act16* act16 = nullptr;  // not null, and a u8 output: in place of all that follows the accumulator
  const float* out_multiplier = nullptr;
  const float* res_multiplier = nullptr;  // null: no residual
  const float* res_offset = nullptr;
  const float* low = nullptr;
  const float* high = nullptr;
  const int32_t* zero_point = nullptr;  // null: output is f32
};

// Up to GemmS8::rows consecutive output rows x `channels` output channels of an implicit GEMM.
// acc[r][n] = acc0[n] + sum over taps t, groups g, c < 4 of input[t * rows + r][4 * g + c] * weight(n, t, g, c).
// Packed weights: [block of 16 n][tap][group][16 n][4 c], the file's own layout (FORMAT.md), used in place. Channels
// beyond the real ones have zero weights. A matmul is the case of one tap.
struct ConvTile {
  int rows = 0;
  int taps = 0;
  int groups = 0;                         // of 4 input channels, for each tap
  const uint8_t* const* input = nullptr;  // [taps][rows]
  const int8_t* weights = nullptr;        // first block to compute
  int channels = 0;                       // output channels to compute, from a block's first
  Epilogue epilogue = {};                 // arrays start at the first channel to compute
  void* output = nullptr;                 // u8 or f32, first row and channel
  int64_t output_pitch = 0;
  const uint8_t* residual = nullptr;
  int64_t residual_pitch = 0;
};

// The epilogue by itself, for whatever ends in s32 accumulators: `rows` rows of `channels`. acc has acc0 in it already;
// it is read up to the next multiple of 16 channels and for kFinishSlack rows past the last, whatever stands there.
inline constexpr int kFinishSlack = 3;
struct Finish {
  const int32_t* acc = nullptr;
  int64_t acc_pitch = 0;  // at least `channels` rounded up to 16
  int rows = 0;
  int channels = 0;
  Epilogue epilogue = {};  // its acc0 is not read
  void* output = nullptr;  // u8 or f32, first row and channel
  int64_t output_pitch = 0;
  const uint8_t* residual = nullptr;
  int64_t residual_pitch = 0;
};

// Exact Winograd F(4x4, 3x3): 36 products for each 16 outputs of a 3x3 window instead of 144, in 16-bit integers. An input tile of
// 6x6 pixels is transformed by integers that keep |v| <= 100 * 255, weights by integers that keep |u| <= 144 * 127: both fit s16.
// Sums of products, and what the output's transform makes of them, are 576 times the convolution's sums modulo 2^32; multiplied
// by the inverse of 9 and shifted right by 6 they are these sums, where those lie in [-2^25, 2^25). The caller has proved that.
inline constexpr int kWinogradSide = 6, kWinogradOut = 4, kWinogradPoints = kWinogradSide * kWinogradSide;
inline constexpr int kWinogradChannels = 64;  // output channels that are summed side by side
inline constexpr int kWinogradDepth = 4;      // input channels are padded to as many in weights

// One input tile: to[point * plane + channel], written up to the next multiple of 32 channels, whatever stands there.
struct WinogradInput {
  const uint8_t* const* lines = nullptr;  // [6], six pixels each
  int64_t pitch = 0;                      // of a pixel
  int channels = 0;
  int16_t* to = nullptr;
  int64_t plane = 0;
};
constexpr int64_t winograd_pitch(int64_t channels) { return (channels + 31) / 32 * 32; }
// An odd number of cache lines, so that the same place in all planes is not one place in the cache.
constexpr int64_t winograd_plane(int64_t tiles, int64_t channels) {
  return (tiles * winograd_pitch(channels) / 32 | 1) * 32;
}

struct WinogradTile {
  int64_t pixel = 0;           // of its first output
  int lines = 0, columns = 0;  // 1..4: what of it lies inside the image
};

// From transformed tiles to stored outputs. Weights: [64 output channels][point][block of 16][group of 4 in][4 / interleave][16 n]
// [interleave], blocks only as far as there are channels.
struct WinogradOutput {
  int tiles = 0;
  const WinogradTile* at = nullptr;
  int64_t line_pixels = 0;  // from an output pixel to the one below
  int in_channels = 0;
  const int16_t* input = nullptr;  // [point][tile][winograd_pitch(in_channels)], planes apart by winograd_plane
  const int16_t* weights = nullptr;
  int channels = 0;         // output channels to compute, from a multiple of 64
  int32_t* sums = nullptr;  // scratch, winograd_sums(tiles) elements
  Epilogue epilogue = {};   // arrays start at the first channel to compute
  void* output = nullptr;   // u8 or f32, pixel 0 and the first channel
  int64_t output_pitch = 0;
  const uint8_t* residual = nullptr;
  int64_t residual_pitch = 0;
};
constexpr int64_t winograd_weights(int64_t in_channels, int64_t channels) {  // elements
  return (in_channels + kWinogradDepth - 1) / kWinogradDepth * kWinogradDepth * ((channels + kBlock - 1) / kBlock) *
         kBlock * kWinogradPoints;
}
// Transforms the weights of up to 64 output channels from ConvTile's order (9 taps, groups of 4 input channels) into the one above.
void winograd_pack(const int8_t* weights, int groups, int channels, int interleave, int16_t* packed);
constexpr int64_t winograd_sums_plane(int64_t tiles) { return tiles * kWinogradChannels + kBlock; }
constexpr int64_t winograd_sums(int64_t tiles) { return kWinogradPoints * winograd_sums_plane(tiles); }

// Output rows [y_begin, y_end) of a depthwise convolution (channel multiplier 1), NHWC, one image.
struct Depthwise {
  int kernel_h = 1, kernel_w = 1, stride_h = 1, stride_w = 1, dilation_h = 1, dilation_w = 1, pad_top = 0, pad_left = 0;
  int in_h = 0, in_w = 0, out_h = 0, out_w = 0, channels = 0;
  const uint8_t* input = nullptr;
  int64_t input_pitch = 0;            // of a pixel
  const uint8_t* zero_row = nullptr;  // the input's zero point for each channel, with read slack: what padding holds
  const int8_t* weights = nullptr;    // as packed by DepthwiseS8::pack
  Epilogue epilogue = {};
  void* output = nullptr;  // first pixel of the image, u8 or f32
  int64_t output_pitch = 0;
  const uint8_t* residual = nullptr;
  int64_t residual_pitch = 0;
};

// Window geometry of pooling over one NHWC image.
struct Pool {
  int kernel_h = 1, kernel_w = 1, stride_h = 1, stride_w = 1, dilation_h = 1, dilation_w = 1, pad_top = 0, pad_left = 0;
  int in_h = 0, in_w = 0, out_h = 0, out_w = 0, channels = 0;
  int64_t input_pitch = 0, output_pitch = 0;
};

// u8 average pooling. For a window with sum S over its `count` taps inside the image (or all, padding counting as the
// zero point), n = count: stored = clamp(zp_out + rhe((float(S) - float(n * zp_in)) * (multiplier[c] / float(n)))), where
// multiplier = s_in / s_out. Arrays padded to 16.
struct AveragePool {
  Pool pool = {};
  bool count_include_pad = false;
  const float* multiplier = nullptr;
  const int32_t* zero_point_in = nullptr;
  const int32_t* zero_point_out = nullptr;
};

// y[r][c] for `rows` rows of `channels`. add: v = (float(a) * a_multiplier[c] + float(b) * b_multiplier[c]) + offset[c].
// mul: v = ((float(a) - a_zero[c]) * (float(b) - b_zero[c])) * a_multiplier[c]. Then, with act none,
// stored = zero_point[c] + rhe(clamp(v, low[c], high[c])); otherwise the multipliers give real units, and act and
// out_multiplier follow as in Epilogue. A pitch of 0 repeats the row (broadcast over pixels). With `slope`, in place of an act
// and the same way: max(v, 0) + min(v, 0) * slope[c].
struct BinaryU8 {
  int64_t rows = 0;
  int channels = 0;
  const uint8_t* a = nullptr;
  int64_t a_pitch = 0;
  const uint8_t* b = nullptr;
  int64_t b_pitch = 0;
  const float* a_multiplier = nullptr;
  const float* b_multiplier = nullptr;  // add only
  const float* offset = nullptr;        // add only
  const float* a_zero = nullptr;        // mul only
  const float* b_zero = nullptr;        // mul only
  Activation act = {};
  const float* slope = nullptr;
  const float* out_multiplier = nullptr;
  const float* low = nullptr;
  const float* high = nullptr;
  const int32_t* zero_point = nullptr;
  uint8_t* output = nullptr;
  int64_t output_pitch = 0;
};

// Bilinear resize of u8, NHWC, one image, output rows [y_begin, y_end): the four neighbours and the 11-bit weights are
// tables made by the caller; stored = (sum of 4 products + 2^21) >> 22 (so input and output share scale and zero point).
struct BilinearU8 {
  int channels = 0, in_w = 0, out_w = 0;
  const uint8_t* input = nullptr;
  int64_t input_pitch = 0;
  const int32_t* y0 = nullptr;  // [out_h] upper source row; y1 the lower one
  const int32_t* y1 = nullptr;
  const int16_t* wy = nullptr;  // [out_h] weight of y1 in 0..2048
  const int32_t* x0 = nullptr;  // [out_w]
  const int32_t* x1 = nullptr;
  const int16_t* wx = nullptr;
  uint8_t* output = nullptr;
  int64_t output_pitch = 0;
};

// A part of one row of a bilinear resize of f32, NHWC: pixel x is, channel by channel, (ul * (1 - wy)(1 - wx) + ur * (1 - wy)wx) +
// (ll * wy(1 - wx) + lr * wy wx) of its neighbours, every operation rounded.
struct BilinearF32 {
  int channels = 0;
  const float* upper = nullptr;  // the two rows of the input
  const float* lower = nullptr;
  int64_t input_pitch = 0;
  float wy = 0;                 // weight of the lower row
  const int32_t* x0 = nullptr;  // by output pixel: the left neighbour, the right one and its weight
  const int32_t* x1 = nullptr;
  const float* wx = nullptr;
  float* output = nullptr;  // of the first pixel
  int64_t output_pitch = 0;
};

// Float implicit GEMM, as ConvTile: weights [block of 16 n][tap][channel][16 n], zero padded; bias and weights padded to 16.
// y = act(sum + bias[n]) + residual, then max(y, 0) where relu_after; each product is rounded
// into the sum by one fused multiply-add, in the order of taps and channels.
struct ConvTileF32 {
  int rows = 0;
  int taps = 0;
  int in_channels = 0;                  // for each tap
  const float* const* input = nullptr;  // [taps][rows]
  const float* weights = nullptr;
  int channels = 0;
  const float* bias = nullptr;  // never null
  Activation act = {};
  bool relu_after = false;
  float* output = nullptr;
  int64_t output_pitch = 0;
  const float* residual = nullptr;  // may be null
  int64_t residual_pitch = 0;
};

struct DepthwiseF32 {
  int kernel_h = 1, kernel_w = 1, stride_h = 1, stride_w = 1, dilation_h = 1, dilation_w = 1, pad_top = 0, pad_left = 0;
  int in_h = 0, in_w = 0, out_h = 0, out_w = 0, channels = 0;
  const float* input = nullptr;
  int64_t input_pitch = 0;
  const float* weights = nullptr;  // [kernel_h * kernel_w][channels]
  const float* bias = nullptr;     // [channels], never null
  Activation act = {};
  bool relu_after = false;
  float* output = nullptr;
  int64_t output_pitch = 0;
  const float* residual = nullptr;
  int64_t residual_pitch = 0;
};

// One row: y = (x - mean) / sqrt(mean((x - mean)^2) + epsilon) * scale + bias; without `centred` the mean is taken for 0.
struct LayerNormF32 {
  int64_t count = 0;
  bool centred = true;
  float epsilon = 0;
  const float* scale = nullptr;  // null: 1
  const float* bias = nullptr;   // null: 0
};

// Rows of channels: y = x * scale[c] + shift[c], each a rounded operation; with a slope then max(y, 0) + min(y, 0) * slope[c].
struct AffineF32 {
  int64_t rows = 0;
  int channels = 0;
  const float* input = nullptr;
  int64_t input_pitch = 0;
  const float* scale = nullptr;
  const float* shift = nullptr;
  const float* slope = nullptr;  // may be null
  float* output = nullptr;
  int64_t output_pitch = 0;
};

enum class BinaryF32 : uint8_t { kAdd, kSub, kMul, kDiv, kPow, kMin, kMax };
enum class UnaryF32 : uint8_t {
  kAct,
  kExp,
  kLog,
  kSqrt,
  kNeg,
  kAbs,
  kFloor,
  kCeil,
  kRound,
  kErf,
  kReciprocal,
  kSin,
  kCos
};

// A row: the tile of an int8 implicit GEMM.
struct GemmS8 {
  uint32_t needs = 0;         // Feature bits
  int rows = 0;               // the tile: what `run` does best (it takes fewer), at most kMaxRows
  int channels = 0;           // side by side (it takes any)
  int activation_offset = 0;  // 0, or 128 where `run` sees s8 = stored - 128: fold_bias needs it
  bool wide = false;          // weights are s16, made of the file's by widen_weights: ConvTile::weights points at them
  float cost = 0;             // cycles for a row's share of a block: 4 input times 16 output channels
  void (*enter)() = nullptr;  // what a thread sets up before its first tile of a step; null: nothing
  void (*leave)() = nullptr;  // and takes down after its last one
  void (*run)(const ConvTile&) = nullptr;
};

// From packed weights to those that a wide GemmS8 reads: each group's 64 as [2 pairs of c][16 n][2 c]. `count` of them.
void widen_weights(const int8_t* packed, int64_t count, int16_t* wide);

// A row: int8 depthwise convolution.
struct DepthwiseS8 {
  uint32_t needs = 0;
  int activation_offset = 0;  // as of GemmS8
  size_t (*packed_bytes)(int kernel_h, int kernel_w, int channels) = nullptr;
  void (*pack)(const int8_t* weights /*[taps][channels]*/, int kernel_h, int kernel_w, int channels,
               int8_t* packed) = nullptr;
  void (*run)(const Depthwise&, int y_begin, int y_end) = nullptr;
};

// A row: Winograd's convolution. `output` gives what reference::conv_tile gives.
struct WinogradS8 {
  uint32_t needs = 0;
  int interleave = 0;                             // input channels side by side in weights
  float cost = 0;                                 // as of GemmS8, for each of the 36 products of a tile
  float transform_cost = 0;                       // cycles of a tile's 16 channels, there and back
  void (*input)(const WinogradInput&) = nullptr;  // null: not offered
  void (*output)(const WinogradOutput&) = nullptr;
};

// A row: what needs an instruction set's vectors alone.
struct VectorKernels {
  uint32_t vectors_need;  // Feature bits
  int conv_rows_f32;      // as GemmS8::rows, of conv_tile_f32

  void (*finish)(const Finish&);
  void (*max_pool)(const Pool&, const uint8_t* in, uint8_t* out, int y_begin, int y_end);  // padding never wins
  void (*average_pool)(const AveragePool&, const uint8_t* in, uint8_t* out, int y_begin, int y_end);
  void (*add)(const BinaryU8&);
  void (*mul)(const BinaryU8&);
  void (*bilinear)(const BilinearU8&, int y_begin, int y_end);
  void (*table)(const uint8_t* table /*[256]*/, const uint8_t* in, uint8_t* out, int64_t count);
  // [rows][channels], each channel its own inv_scale and zero point (padded to 16):
  // stored = zp + rhe(clamp(x * inv_scale, -zp, 255 - zp)), NaN gives zp. Reverse: real = (float(stored) - float(zp)) * scale.
  void (*quantize)(const float* in, int64_t in_pitch, uint8_t* out, int64_t out_pitch, int64_t rows, int channels,
                   const float* inv_scale, const int32_t* zero_point);
  void (*dequantize)(const uint8_t* in, int64_t in_pitch, float* out, int64_t out_pitch, int64_t rows, int channels,
                     const float* scale, const int32_t* zero_point);
  // out[c][r] = in[r][c]; elements of 1 or 4 bytes; the pitches count elements.
  void (*transpose_8)(const uint8_t* in, int64_t in_pitch, uint8_t* out, int64_t out_pitch, int64_t rows,
                      int64_t columns);
  void (*transpose_32)(const uint32_t* in, int64_t in_pitch, uint32_t* out, int64_t out_pitch, int64_t rows,
                       int64_t columns);
  void (*argmax_u8)(const uint8_t* in, int64_t in_pitch, int64_t rows, int channels, int64_t* out);  // first of equals

  void (*conv_tile_f32)(const ConvTileF32&);
  void (*depthwise_f32)(const DepthwiseF32&, int y_begin, int y_end);
  void (*max_pool_f32)(const Pool&, const float* in, float* out, int y_begin, int y_end);
  void (*average_pool_f32)(const Pool&, bool count_include_pad, const float* in, float* out, int y_begin, int y_end);
  // out[i] = a[i * a_step] op b[i * b_step], steps 0 or 1.
  void (*binary_f32)(BinaryF32 op, const float* a, int a_step, const float* b, int b_step, float* out, int64_t count);
  void (*unary_f32)(UnaryF32 op, Activation act, const float* in, float* out, int64_t count);
  void (*bilinear_f32)(int channels, const float* const corners[4], const float weights[4], float* out);
  void (*bilinear_row_f32)(const BilinearF32&, int x_begin, int x_end);
  void (*softmax_f32)(const float* in, float* out, int64_t rows, int64_t count);  // rows of `count`, without gaps
  void (*affine_f32)(const AffineF32&);
  void (*layer_norm_f32)(const LayerNormF32&, const float* in, float* out);
  void (*argmax_f32)(const float* in, int64_t in_pitch, int64_t rows, int channels, int64_t* out);
};

// All kernels of one ISA: what it does not speed up is the next slower one's. No entry but enter, leave and those of winograd_s8
// (which plain C++ lacks) is ever null. Where an ISA has direct products so fast that a slower one's Winograd does not pay, the
// costs of both say so.
struct Isa : VectorKernels {
  const char* name = nullptr;  // as in OCTET_CPU
  uint32_t needs = 0;          // all its rows' Feature bits
  GemmS8 gemm_s8 = {};
  // The exceptions: may have no `run`, and are not a slower set's then. Of tiles that are large and fast, and so waste more on
  // small products, which gemm_s8 does instead.
  GemmS8 gemm_wide = {}, gemm_tiles = {};
  DepthwiseS8 depthwise_s8 = {};
  WinogradS8 winograd_s8 = {};
};

std::span<const Isa* const> all_isas();  // compiled in, best first, scalar last
bool supported(const Isa& isa);          // by this CPU
const Isa& best_isa();                   // the best supported one that OCTET_CPU allows, chosen once
// Null when OCTET_CPU is unset or names a supported ISA, else what is wrong with it.
const char* isa_choice_error();

}  // namespace octet::kernels
