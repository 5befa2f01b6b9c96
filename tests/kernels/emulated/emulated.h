// The x86 instruction sets that this CPU lacks, emulated by those that it has: their kernels are tested everywhere.
#pragma once
#include <vector>

#include "kernels/kernels.h"

namespace octet::kernels {

// Empty where the CPU has them all, or not even AVX2.
std::vector<const Isa*> emulated_isas();

}  // namespace octet::kernels
