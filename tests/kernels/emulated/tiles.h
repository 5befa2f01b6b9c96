// AMX out of plain C++: each thread's eight tiles, and what the CPU refuses about them, which ends the test program. So does a
// thread that ends without releasing them.
#pragma once
#include <immintrin.h>

#include <cstdint>

namespace octet::kernels {

// The intrinsics, as the CPU has them.
void emulated_tile_loadconfig(const void* from);
void emulated_tile_release();
void emulated_tile_zero(int t);
void emulated_tile_loadd(int t, const void* from, int64_t stride);
void emulated_tile_stored(int t, void* to, int64_t stride);
void emulated_tile_dpbusd(int c, int a, int b);

bool emulated_tiles_configured();  // for the calling thread

}  // namespace octet::kernels

#undef _tile_loadconfig
#undef _tile_release
#undef _tile_zero
#undef _tile_loadd
#undef _tile_stored
#undef _tile_dpbusd
#define _tile_loadconfig octet::kernels::emulated_tile_loadconfig
#define _tile_release octet::kernels::emulated_tile_release
#define _tile_zero octet::kernels::emulated_tile_zero
#define _tile_loadd octet::kernels::emulated_tile_loadd
#define _tile_stored octet::kernels::emulated_tile_stored
#define _tile_dpbusd octet::kernels::emulated_tile_dpbusd
