// The rows of NEON with i8mm (Cortex-A510, Neoverse V1 and later), beside plain NEON's vectors: usdot takes u8 activations as they are.
#include "kernels/isa/vec_neon.h"

namespace octet::kernels {
namespace {

constexpr int kActivationOffset = 0;
using X = uint8x16_t;
inline X prepare(I a) { return vreinterpretq_u8_s32(a); }
inline I dot(I acc, X a, I w) { return vusdotq_s32(acc, a, vreinterpretq_s8_s32(w)); }

// A step is 16 channels of a row, a group in each lane: sudot takes its activations from one lane.
constexpr int kStepGroups = 4, kDotGroups = 1;
using Sum = I;
inline Sum begin_sum(I acc0) { return acc0; }
inline I end_sum(Sum sum) { return sum; }
inline X load_x(const uint8_t* p) { return vld1q_u8(p); }
template <int kLane, int>
inline Sum dot_groups(Sum sum, X x, const I (&w)[1]) {
  return vsudotq_laneq_s32(sum, vreinterpretq_s8_s32(w[0]), x, kLane);
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

constexpr GemmS8 kGemm = make_gemm_s8(kNeon | kNeonDot | kNeonI8mm, 2.1f);
constexpr DepthwiseS8 kDepthwise = make_depthwise_s8(kNeon | kNeonDot | kNeonI8mm);

}  // namespace

extern const IsaRow kIsaI8mm, kIsaNeon;
const IsaRow kIsaI8mm = {.name = "i8mm", .slower = &kIsaNeon, .gemm_s8 = &kGemm, .depthwise_s8 = &kDepthwise};

}  // namespace octet::kernels
