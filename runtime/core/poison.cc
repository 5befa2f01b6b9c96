// Poisoning follows the lifetimes that the arena was laid out for.
#include "runtime/core/poison.h"

#ifdef OCTET_POISON
#include <sanitizer/asan_interface.h>

#include <algorithm>

#include "runtime/core/plan.h"

namespace octet {

void Poison::follow(const Plan& plan, std::span<const Lifetime> lives) {
  for (size_t v = 0; v < lives.size(); ++v) {
    if (lives[v].bytes == 0) continue;
    born_.push_back({plan.places[v].offset, lives[v].bytes, static_cast<size_t>(lives[v].first)});
    dead_.push_back({plan.places[v].offset, lives[v].bytes, static_cast<size_t>(lives[v].last) + 1});
  }
  for (auto* list : {&born_, &dead_})
    std::sort(list->begin(), list->end(), [](const Buffer& a, const Buffer& b) { return a.step < b.step; });
}

void Poison::begin(const Plan& plan, const std::byte* arena) {
  __asan_poison_memory_region(arena, plan.arena_bytes);
  next_born_ = next_dead_ = 0;
}

void Poison::before_step(const Plan& plan, const std::byte* arena, size_t step) {
  for (; next_dead_ < dead_.size() && dead_[next_dead_].step <= step; ++next_dead_)
    __asan_poison_memory_region(arena + dead_[next_dead_].offset, dead_[next_dead_].bytes);
  const std::byte* scratch = arena + plan.scratch_offset;
  const auto scratch_bytes = [&](size_t i) { return plan.steps[i].step.scratch_bytes + kernels::kReadSlack; };
  if (step > 0) __asan_poison_memory_region(scratch, scratch_bytes(step - 1));
  __asan_unpoison_memory_region(scratch, scratch_bytes(step));
  for (; next_born_ < born_.size() && born_[next_born_].step <= step; ++next_born_)
    __asan_unpoison_memory_region(arena + born_[next_born_].offset, born_[next_born_].bytes);
}

void Poison::end(const Plan& plan, const std::byte* arena) { __asan_unpoison_memory_region(arena, plan.arena_bytes); }

}  // namespace octet

#endif
