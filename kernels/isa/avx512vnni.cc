// The rows of AVX-512 VNNI. 32 registers: 24 accumulators, 4 weight vectors, a broadcast.
#include "kernels/isa/vec_avx512.h"

namespace octet::kernels {
namespace {

constexpr int kActivationOffset = 0;
using X = I;  // four activations a lane, ready for dot
inline X prepare(I a) { return a; }
inline I dot(I acc, X a, I w) { return _mm512_dpbusd_epi32(acc, a, w); }

// Two channels of s16 in each lane.
constexpr int kInterleave = 2, kVectorsOfLoad = 1;
template <int kPair>
I operand(const int16_t* four) {
  return broadcast4(reinterpret_cast<const uint8_t*>(four + 2 * kPair));
}
template <int, int>
I dot_s16(I acc, I a, I w) {
  return _mm512_dpwssd_epi32(acc, a, w);
}

constexpr int kConvRows = 12;
constexpr int kTileBlocks = 4;
constexpr int kTileRows[kTileBlocks + 1] = {0, 12, 12, 6, 6};
constexpr int kWinogradBlocks = 4;
constexpr int kWinogradRows[kWinogradBlocks + 1] = {0, 12, 12, 6, 6};

}  // namespace
}  // namespace octet::kernels

#include "kernels/conv/one_group_inl.h"

#include "kernels/conv/conv_inl.h"
#include "kernels/conv/winograd_inl.h"
#include "kernels/depthwise/depthwise_inl.h"
#include "kernels/isa/table_inl.h"

namespace octet::kernels {
namespace {

constexpr GemmS8 kGemm = make_gemm_s8(kAvx512Vnni, 1.0f);
constexpr DepthwiseS8 kDepthwise = make_depthwise_s8(kAvx512Vnni);
constexpr WinogradS8 kWinograd = make_winograd_s8(kAvx512Vnni, 2.0f, 150);
constexpr VectorKernels kVectors = make_vectors(kAvx512Vnni);

}  // namespace

extern const IsaRow kIsaAvx512Vnni;
const IsaRow kIsaAvx512Vnni = {.name = "avx512vnni",
                               .gemm_s8 = &kGemm,
                               .depthwise_s8 = &kDepthwise,
                               .winograd_s8 = &kWinograd,
                               .vectors = &kVectors};

}  // namespace octet::kernels
