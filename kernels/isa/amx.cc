// The row of AMX: products in tiles, beside the vectors and the small products of AVX-512 VNNI.
#include "kernels/isa/row.h"
#include "kernels/isa/vec_avx512.h"

namespace octet::kernels {
extern const IsaRow kIsaAmx, kIsaAvx512Vnni;
namespace {
inline void finish_rows(const Finish& rows) { kIsaAvx512Vnni.vectors->finish(rows); }
}  // namespace
}  // namespace octet::kernels

#include "kernels/conv/conv_amx_inl.h"

namespace octet::kernels {
namespace {

// A product of two tiles takes 16 cycles: 64 input and 16 output channels of 16 rows.
constexpr GemmS8 kGemmTiles = make_gemm_tiles(kAmx | kAvx512Vnni, 1.0f / 16);

}  // namespace

const IsaRow kIsaAmx = {.name = "amx", .slower = &kIsaAvx512Vnni, .gemm_tiles = &kGemmTiles};

}  // namespace octet::kernels
