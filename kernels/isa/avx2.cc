// The rows of AVX2. Products by vpmaddubsw, which needs the signs on one side: activations are seen as s8 = stored - 128.
#include "kernels/isa/vec_avx2.h"

namespace octet::kernels {
namespace {

constexpr int kActivationOffset = 128;
struct X {
  I magnitude, sign;
};
inline X prepare(I a) {
  const I s8 = _mm256_xor_si256(a, _mm256_set1_epi8(-128));
  return {_mm256_abs_epi8(s8), s8};
}
// |a| <= 128 and |w| <= 127, so a pair is <= 32512 and vpmaddubsw does not saturate.
inline I dot(I acc, X a, I w) {
  const I pairs = _mm256_maddubs_epi16(a.magnitude, _mm256_sign_epi8(w, a.sign));
  return _mm256_add_epi32(acc, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
}

// From 16 bytes to 16 s16.
inline void widen16(const uint8_t* from, int16_t* to) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(to),
                      _mm256_cvtepu8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from))));
}

// Two channels of s16 in each lane.
constexpr int kInterleave = 2, kVectorsOfLoad = 1;
template <int kPair>
I operand(const int16_t* four) {
  return broadcast4(reinterpret_cast<const uint8_t*>(four + 2 * kPair));
}
template <int, int>
I dot_s16(I acc, I a, I w) {
  return _mm256_add_epi32(acc, _mm256_madd_epi16(a, w));
}

constexpr int kConvRows = 12;
constexpr int kTileBlocks = 2;
constexpr int kTileRows[kTileBlocks + 1] = {0, 4, 2};
constexpr int kWinogradBlocks = 1;
constexpr int kWinogradRows[kWinogradBlocks + 1] = {0, 6};

}  // namespace
}  // namespace octet::kernels

#include "kernels/conv/one_group_inl.h"

#include "kernels/conv/conv_inl.h"
#include "kernels/conv/conv_wide_inl.h"
#include "kernels/conv/winograd_inl.h"
#include "kernels/depthwise/depthwise_inl.h"
#include "kernels/isa/table_inl.h"

namespace octet::kernels {
namespace {

constexpr GemmS8 kGemm = make_gemm_s8(kAvx2, 2.7f);
constexpr GemmS8 kGemmWide = make_gemm_wide(kAvx2, 2.17f);
constexpr DepthwiseS8 kDepthwise = make_depthwise_s8(kAvx2);
constexpr WinogradS8 kWinograd = make_winograd_s8(kAvx2, 2.7f, 350);
constexpr VectorKernels kVectors = make_vectors(kAvx2);

}  // namespace

extern const IsaRow kIsaAvx2;
const IsaRow kIsaAvx2 = {.name = "avx2",
                         .gemm_s8 = &kGemm,
                         .gemm_wide = &kGemmWide,
                         .depthwise_s8 = &kDepthwise,
                         .winograd_s8 = &kWinograd,
                         .vectors = &kVectors};

}  // namespace octet::kernels
