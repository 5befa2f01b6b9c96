// The floating point environment of everything that decides output bytes, whatever the caller's is: rounding to nearest,
// subnormal numbers kept, no traps. Of a thread, while an object of this lives; then the caller's again, flags included.
#pragma once
#include <cstdint>

#if defined(__x86_64__)
#include <immintrin.h>
#elif !defined(__aarch64__)
#include <cfenv>
#endif

namespace octet {

class FloatEnvironment {
 public:
#if defined(__x86_64__)
  FloatEnvironment() : callers_(_mm_getcsr()) { _mm_setcsr(0x1f80); }  // all exceptions masked, nothing else
  ~FloatEnvironment() { _mm_setcsr(callers_); }
#elif defined(__aarch64__)
  FloatEnvironment() {
    asm volatile("mrs %0, fpcr\n mrs %1, fpsr\n msr fpcr, xzr" : "=&r"(control_), "=&r"(status_) : : "memory");
  }
  ~FloatEnvironment() { asm volatile("msr fpcr, %0\n msr fpsr, %1" : : "r"(control_), "r"(status_) : "memory"); }
#else
  FloatEnvironment() { std::fegetenv(&callers_), std::fesetenv(FE_DFL_ENV); }
  ~FloatEnvironment() { std::fesetenv(&callers_); }
#endif
  FloatEnvironment(const FloatEnvironment&) = delete;
  FloatEnvironment& operator=(const FloatEnvironment&) = delete;

 private:
#if defined(__x86_64__)
  uint32_t callers_;
#elif defined(__aarch64__)
  uint64_t control_, status_;
#else
  std::fenv_t callers_;
#endif
};

}  // namespace octet
