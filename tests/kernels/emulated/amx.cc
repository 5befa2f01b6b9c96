// The kernels of AMX, over tiles in memory and AVX2.
#define kIsaAmx kEmulatedAmx
#define kIsaAvx512Vnni kEmulatedAvx512Vnni
#include "tests/kernels/emulated/tiles.h"

#include "kernels/isa/amx.cc"
