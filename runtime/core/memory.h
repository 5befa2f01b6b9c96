// How much memory a session may hold: what there is, what it holds, and the error where it would need more.
#pragma once
#include <octet/octet.h>
#include <algorithm>
#include <limits>
#include <new>
#include <stdexcept>
#include <string>

namespace octet {

// Half of the machine's memory or of what this process's control group may have, whichever is less.
size_t default_memory_limit();

// The least limit of a control group and those above it, SIZE_MAX where there is none. `groups`: /proc/self/cgroup's text; `root`:
// where the groups are mounted.
size_t group_memory_limit(const std::string& groups, const std::string& root);

// What optional constants of a plan may take at most, beside a quarter of what the session's limit leaves: three times the file's
// weights, within bounds that matter to no small model and to any large one.
constexpr size_t optional_bytes(size_t weight_bytes) {
  constexpr size_t kLeast = size_t{16} << 20, kMost = size_t{48} << 20;
  return weight_bytes > kMost / 3 ? kMost : std::max(3 * weight_bytes, kLeast);
}

// What a plan that is being made may take.
struct Memory {
  size_t limit = std::numeric_limits<size_t>::max();  // the session's
  size_t held = 0;                                    // by the session, this plan aside
  size_t taken = 0;                                   // by this plan
  size_t optional = 0;                                // for what only makes it faster

  bool fits(size_t bytes) const { return held <= limit && taken <= limit - held && bytes <= limit - held - taken; }
  // what: "m.octet: pad 'p'", for the error.
  Error too_little(const std::string& what, size_t bytes) const;
};

// What body() returns, a Result; an Error where it throws for want of memory.
template <class F>
auto without_throwing(const std::string& name, const F& body) -> decltype(body()) {
  const auto out_of_memory = [&]() -> Error {
    try {
      return {Code::kMemory, name + ": out of memory; use smaller inputs or close what else takes memory"};
    } catch (const std::bad_alloc&) {
      return {Code::kMemory, "out of memory"};  // short enough to need none
    }
  };
  try {
    return body();
  } catch (const std::bad_alloc&) {
    return out_of_memory();
  } catch (const std::length_error&) {  // of a vector that no memory could hold
    return out_of_memory();
  }
}

}  // namespace octet
