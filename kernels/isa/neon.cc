// The rows of plain 64-bit NEON (Cortex-A53 and later). Products by smull, which needs s8: activations are stored - 128.
#include "kernels/isa/vec_neon.h"

namespace octet::kernels {
namespace {

constexpr int kActivationOffset = 128;
using X = int8x16_t;  // four activations in each lane
inline X prepare(I a) { return vreinterpretq_s8_u8(veorq_u8(vreinterpretq_u8_s32(a), vdupq_n_u8(128))); }
inline I dot(I acc, X a, I w) {
  const int8x16_t s8 = vreinterpretq_s8_s32(w);
  const int32x4_t low = vpaddlq_s16(vmull_s8(vget_low_s8(a), vget_low_s8(s8)));
  const int32x4_t high = vpaddlq_s16(vmull_high_s8(a, s8));
  return vaddq_s32(acc, vpaddq_s32(low, high));
}

// A step is two groups, each in all lanes: the s16 products of both are added (2 * 128 * 127 fits), then pairs of channels into
// s32, so that an output has two sums until the end.
constexpr int kStepGroups = 2, kDotGroups = 2;
struct Sum {
  I low, high;
};
inline Sum begin_sum(I acc0) { return {vzip1q_s32(acc0, vdupq_n_s32(0)), vzip2q_s32(acc0, vdupq_n_s32(0))}; }
inline I end_sum(Sum sum) { return vpaddq_s32(sum.low, sum.high); }
struct Groups {
  X first, second;
};
inline Groups load_x(const uint8_t* p) { return {prepare(broadcast4(p)), prepare(broadcast4(p + 4))}; }
template <int, int kGroups>
inline Sum dot_groups(Sum sum, const Groups& x, const I (&w)[2]) {
  const int8x16_t a = vreinterpretq_s8_s32(w[0]);
  int16x8_t low = vmull_s8(vget_low_s8(x.first), vget_low_s8(a)), high = vmull_high_s8(x.first, a);
  if constexpr (kGroups == 2) {
    const int8x16_t b = vreinterpretq_s8_s32(w[1]);
    low = vmlal_s8(low, vget_low_s8(x.second), vget_low_s8(b));
    high = vmlal_high_s8(high, x.second, b);
  }
  return {vpadalq_s16(sum.low, low), vpadalq_s16(sum.high, high)};
}

// smlal by lane: one input channel times four output channels; a load holds eight of them.
constexpr int kInterleave = 1, kVectorsOfLoad = 2;
template <int>
int16x4_t operand(const int16_t* four) {
  return vld1_s16(four);
}
template <int kChannel, int kHalf>
I dot_s16(I acc, int16x4_t a, I w) {
  const int16x8_t eight = vreinterpretq_s16_s32(w);
  if constexpr (kHalf == 0) return vmlal_lane_s16(acc, vget_low_s16(eight), a, kChannel);
  return vmlal_high_lane_s16(acc, eight, a, kChannel);
}

constexpr int kConvRows = 8;
constexpr int kTileBlocks = 1;
constexpr int kTileRows[kTileBlocks + 1] = {0, 2};
constexpr int kWinogradBlocks = 1;
constexpr int kWinogradRows[kWinogradBlocks + 1] = {0, 4};

}  // namespace
}  // namespace octet::kernels

#include "kernels/conv/conv_inl.h"
#include "kernels/conv/winograd_inl.h"
#include "kernels/depthwise/depthwise_inl.h"
#include "kernels/isa/table_inl.h"

namespace octet::kernels {
namespace {

constexpr GemmS8 kGemm = make_gemm_s8(kNeon, 8.0f);
constexpr DepthwiseS8 kDepthwise = make_depthwise_s8(kNeon);
constexpr WinogradS8 kWinograd = make_winograd_s8(kNeon, 8.0f, 500);
constexpr VectorKernels kVectors = make_vectors(kNeon);

}  // namespace

extern const IsaRow kIsaNeon;
const IsaRow kIsaNeon = {
    .name = "neon", .gemm_s8 = &kGemm, .depthwise_s8 = &kDepthwise, .winograd_s8 = &kWinograd, .vectors = &kVectors};

}  // namespace octet::kernels
