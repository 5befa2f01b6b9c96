// The table of NEON with dot products (Cortex-A75 and later). sdot needs s8: activations are stored - 128.
#include "kernels/isa/vec_neon.h"

namespace octet::kernels {
namespace {

constexpr int kActivationOffset = 128;
using X = int8x16_t;
inline X prepare(I a) { return vreinterpretq_s8_u8(veorq_u8(vreinterpretq_u8_s32(a), vdupq_n_u8(128))); }
inline I dot(I acc, X a, I w) { return vdotq_s32(acc, a, vreinterpretq_s8_s32(w)); }

constexpr int kConvRows = 12;
constexpr int kTileBlocks = 1;
constexpr int kTileRows[kTileBlocks + 1] = {0, 6};

}  // namespace
}  // namespace octet::kernels

#include "kernels/conv/conv_inl.h"
#include "kernels/depthwise/depthwise_inl.h"
#include "kernels/isa/table_inl.h"

namespace octet::kernels {
const Isa kIsaDotprod = make_isa("dotprod", kNeon | kNeonDot);
}  // namespace octet::kernels
