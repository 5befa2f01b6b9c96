// The tables of every instruction set, one to a file isa_*.cc; only those of the target exist.
#pragma once
#include "kernels/kernels.h"

namespace octet::kernels {

extern const Isa kIsaAvx512Vnni, kIsaAvxVnni, kIsaAvx2;
extern const Isa kIsaI8mm, kIsaDotprod, kIsaNeon;
extern const Isa kIsaScalar;

}  // namespace octet::kernels
