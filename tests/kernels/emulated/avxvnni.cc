// The kernels of AVX-VNNI, compiled to AVX2.
#define kIsaAvxVnni kEmulatedAvxVnni
#include "kernels/isa/avxvnni.cc"
