// Asks the CPU, and the system whether it saves the registers.
#include "kernels/cpu.h"

#if defined(__x86_64__)
#include <cpuid.h>
#elif defined(__aarch64__)
#include <sys/auxv.h>
#endif

namespace octet::kernels {
namespace {

#if defined(__x86_64__)
uint64_t saved_registers() {
  uint32_t low, high;
  __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return uint64_t{high} << 32 | low;
}

bool bit(uint32_t word, int index) { return word >> index & 1; }

uint32_t detect() {
  uint32_t a, b, c, d, found = kNoFeature;
  if (!__get_cpuid(1, &a, &b, &c, &d) || !bit(c, 27) /* OSXSAVE */) return found;
  const bool fma_f16c = bit(c, 12) && bit(c, 29);
  const uint64_t saved = saved_registers();
  if ((saved & 0x6) != 0x6 || !fma_f16c || !__get_cpuid_count(7, 0, &a, &b, &c, &d)) return found;
  if (!bit(b, 5)) return found;
  found |= kAvx2;
  const bool avx512 = (saved & 0xe6) == 0xe6 && bit(b, 16) && bit(b, 17) && bit(b, 30) && bit(b, 31);  // F DQ BW VL
  if (avx512 && bit(c, 11)) found |= kAvx512Vnni;
  if (a >= 1 && __get_cpuid_count(7, 1, &a, &b, &c, &d) && bit(a, 4)) found |= kAvxVnni;
  return found;
}
#elif defined(__aarch64__)
uint32_t detect() {
  uint32_t found = kNeon;
  if (getauxval(AT_HWCAP) >> 20 & 1) found |= kNeonDot;
  if (getauxval(AT_HWCAP2) >> 13 & 1) found |= kNeonI8mm;
  return found;
}
#else
uint32_t detect() { return kNoFeature; }
#endif

}  // namespace

uint32_t cpu_features() {
  static const uint32_t features = detect();
  return features;
}

}  // namespace octet::kernels
