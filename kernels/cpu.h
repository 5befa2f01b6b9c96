// What this machine can run. The only place that asks the CPU; built without ISA flags.
#pragma once
#include <cstdint>

namespace octet::kernels {

enum Feature : uint32_t {
  kNoFeature = 0,
  kAvx2 = 1 << 0,  // with FMA3 and F16C, as every AVX2 CPU has
  kAvxVnni = 1 << 1,
  kAvx512Vnni = 1 << 2,  // F, BW, DQ, VL and VNNI
  kNeon = 1 << 3,
  kNeonDot = 1 << 4,
  kNeonI8mm = 1 << 5,
};

uint32_t cpu_features();  // asked once

}  // namespace octet::kernels
