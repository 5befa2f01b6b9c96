// The kernels of AVX-512 VNNI, compiled to AVX2.
#define kIsaAvx512Vnni kEmulatedAvx512Vnni
#include "kernels/isa/avx512vnni.cc"
