// Asks the CPU, and the system whether it saves the registers.
#include "kernels/cpu.h"

#if defined(__x86_64__)
#include <cpuid.h>
#if defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#endif
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
  const bool tiles_saved = (saved & 0x60000) == 0x60000;  // their configuration and their data
  if ((found & kAvx512Vnni) && tiles_saved && bit(d, 24) && bit(d, 25)) found |= kAmx;
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

#if defined(__x86_64__) && defined(__linux__)
long arch_prctl(int code, uint64_t argument) { return syscall(SYS_arch_prctl, code, argument); }
#else
long arch_prctl(int, uint64_t) { return -1; }
#endif

}  // namespace

bool ask_for_tiles(long (*call)(int code, uint64_t argument)) {
  constexpr int kRequestPermission = 0x1023;  // ARCH_REQ_XCOMP_PERM; headers before Linux 5.16 lack it
  constexpr uint64_t kTileData = 18;
  return call(kRequestPermission, kTileData) == 0;
}

bool tiles_permitted() {
  static const bool permitted = (cpu_features() & kAmx) && ask_for_tiles(arch_prctl);
  return permitted;
}

uint32_t cpu_features() {
  static const uint32_t features = detect();
  return features;
}

}  // namespace octet::kernels
