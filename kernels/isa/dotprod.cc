// The rows of NEON with dot products (Cortex-A75 and later), beside plain NEON's vectors. sdot needs s8: activations are stored - 128.
#include "kernels/isa/vec_neon.h"

namespace octet::kernels {
namespace {

constexpr int kActivationOffset = 128;
using X = int8x16_t;
inline X prepare(I a) { return vreinterpretq_s8_u8(veorq_u8(vreinterpretq_u8_s32(a), vdupq_n_u8(128))); }
inline I dot(I acc, X a, I w) { return vdotq_s32(acc, a, vreinterpretq_s8_s32(w)); }

// A step is 16 channels of a row, a group in each lane: sdot takes its activations from one lane.
constexpr int kStepGroups = 4, kDotGroups = 1;
using Sum = I;
inline Sum begin_sum(I acc0) { return acc0; }
inline I end_sum(Sum sum) { return sum; }
inline X load_x(const uint8_t* p) { return prepare(vreinterpretq_s32_u8(vld1q_u8(p))); }
template <int kLane, int>
inline Sum dot_groups(Sum sum, X x, const I (&w)[1]) {
  return vdotq_laneq_s32(sum, vreinterpretq_s8_s32(w[0]), x, kLane);
}

constexpr int kConvRows = 12;
constexpr int kTileBlocks = 1;
constexpr int kTileRows[kTileBlocks + 1] = {0, 6};

}  // namespace
}  // namespace octet::kernels

#include "kernels/conv/conv_inl.h"
#include "kernels/depthwise/depthwise_inl.h"
#include "kernels/isa/row.h"

namespace octet::kernels {
namespace {

constexpr GemmS8 kGemm = make_gemm_s8(kNeon | kNeonDot, 2.3f);
constexpr DepthwiseS8 kDepthwise = make_depthwise_s8(kNeon | kNeonDot);

}  // namespace

extern const IsaRow kIsaDotprod, kIsaNeon;
const IsaRow kIsaDotprod = {.name = "dotprod", .slower = &kIsaNeon, .gemm_s8 = &kGemm, .depthwise_s8 = &kDepthwise};

}  // namespace octet::kernels
