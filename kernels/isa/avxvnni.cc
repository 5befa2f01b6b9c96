// The rows of AVX-VNNI, 256-bit vpdpbusd, beside AVX2's vectors. 16 registers: 12 accumulators, 2 weight vectors, a broadcast.
#include "kernels/isa/vec_avx2.h"

namespace octet::kernels {
namespace {

constexpr int kActivationOffset = 0;
using X = I;
inline X prepare(I a) { return a; }
inline I dot(I acc, X a, I w) { return _mm256_dpbusd_avx_epi32(acc, a, w); }

// Two channels of s16 in each lane.
constexpr int kInterleave = 2, kVectorsOfLoad = 1;
template <int kPair>
I operand(const int16_t* four) {
  return broadcast4(reinterpret_cast<const uint8_t*>(four + 2 * kPair));
}
template <int, int>
I dot_s16(I acc, I a, I w) {
  return _mm256_dpwssd_avx_epi32(acc, a, w);
}

constexpr int kConvRows = 12;
constexpr int kTileBlocks = 2;
constexpr int kTileRows[kTileBlocks + 1] = {0, 6, 3};
constexpr int kWinogradBlocks = 1;
constexpr int kWinogradRows[kWinogradBlocks + 1] = {0, 6};

}  // namespace
}  // namespace octet::kernels

#include "kernels/conv/one_group_inl.h"

#include "kernels/conv/conv_inl.h"
#include "kernels/conv/winograd_inl.h"
#include "kernels/depthwise/depthwise_inl.h"
#include "kernels/isa/row.h"

namespace octet::kernels {
namespace {

constexpr GemmS8 kGemm = make_gemm_s8(kAvxVnni | kAvx2, 1.0f);
constexpr DepthwiseS8 kDepthwise = make_depthwise_s8(kAvxVnni | kAvx2);
constexpr WinogradS8 kWinograd = make_winograd_s8(kAvxVnni | kAvx2, 2.0f, 350);

}  // namespace

extern const IsaRow kIsaAvxVnni, kIsaAvx2;
const IsaRow kIsaAvxVnni = {
    .name = "avxvnni", .slower = &kIsaAvx2, .gemm_s8 = &kGemm, .depthwise_s8 = &kDepthwise, .winograd_s8 = &kWinograd};

}  // namespace octet::kernels
