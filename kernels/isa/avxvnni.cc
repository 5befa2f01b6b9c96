// The table of AVX-VNNI: 256-bit vpdpbusd. 16 registers: 12 accumulators, 2 weight vectors, a broadcast.
#include "kernels/isa/vec_avx2.h"

namespace octet::kernels {
namespace {

constexpr int kActivationOffset = 0;
using X = I;
inline X prepare(I a) { return a; }
inline I dot(I acc, X a, I w) { return _mm256_dpbusd_avx_epi32(acc, a, w); }

constexpr int kConvRows = 12;
constexpr int kTileBlocks = 2;
constexpr int kTileRows[kTileBlocks + 1] = {0, 6, 3};

}  // namespace
}  // namespace octet::kernels

#include "kernels/isa/table_inl.h"

namespace octet::kernels {
const Isa kIsaAvxVnni = make_isa("avxvnni", kAvxVnni | kAvx2);
}  // namespace octet::kernels
