// The table of AVX-512 VNNI. 32 registers: 24 accumulators, 4 weight vectors, a broadcast.
#include "kernels/isa/vec_avx512.h"

namespace octet::kernels {
namespace {

constexpr int kActivationOffset = 0;
using X = I;  // four activations a lane, ready for dot
inline X prepare(I a) { return a; }
inline I dot(I acc, X a, I w) { return _mm512_dpbusd_epi32(acc, a, w); }

constexpr int kConvRows = 12;
constexpr int kTileBlocks = 4;
constexpr int kTileRows[kTileBlocks + 1] = {0, 12, 12, 6, 6};

}  // namespace
}  // namespace octet::kernels

#include "kernels/isa/table_inl.h"

namespace octet::kernels {
const Isa kIsaAvx512Vnni = make_isa("avx512vnni", kAvx512Vnni);
}  // namespace octet::kernels
