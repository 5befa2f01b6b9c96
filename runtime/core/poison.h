// In builds with AddressSanitizer: while a plan runs, memory of the arena that no value alive owns may not be touched, so
// that a step that strays is caught as if each value were an allocation of its own. In other builds, nothing.
#pragma once
#include <cstddef>
#include <span>
#include <vector>

#include "runtime/core/arena.h"

#if defined(__SANITIZE_ADDRESS__)
#define OCTET_POISON 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define OCTET_POISON 1
#endif
#endif

namespace octet {

class Plan;

#ifdef OCTET_POISON

// Of one plan. What a value owns includes kReadSlack behind it, which kernels may read.
class Poison {
 public:
  void follow(const Plan& plan,
              std::span<const Lifetime> lives);  // lives: by value, as the arena was laid out for them
  void begin(const Plan& plan, const std::byte* arena);
  void before_step(const Plan& plan, const std::byte* arena, size_t step);  // of all steps in turn
  void end(const Plan& plan, const std::byte* arena);                       // all may be touched again

 private:
  struct Buffer {
    size_t offset, bytes, step;
  };
  std::vector<Buffer> born_, dead_;  // by the first step, by the one behind the last
  size_t next_born_ = 0, next_dead_ = 0;
};

#else

class Poison {
 public:
  void follow(const Plan&, std::span<const Lifetime>) {}
  void begin(const Plan&, const std::byte*) {}
  void before_step(const Plan&, const std::byte*, size_t) {}
  void end(const Plan&, const std::byte*) {}
};

#endif

}  // namespace octet
