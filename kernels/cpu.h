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
  kAmx = 1 << 6,  // tiles of int8, where the system saves them; to use them takes tiles_permitted() too
};

uint32_t cpu_features();  // asked once

// Whether the system lets this process use tiles. Asks for it at the first call, and so only when something would use them:
// the leave is for the whole process and its children, and makes its signal frames 8 KB larger. Any thread may call.
bool tiles_permitted();

// How it asks: `call` is arch_prctl, 0 for success. False on any refusal, as where a thread's alternate signal stack is too
// small for the larger frame. Tests pass their own call.
bool ask_for_tiles(long (*call)(int code, uint64_t argument));

}  // namespace octet::kernels
