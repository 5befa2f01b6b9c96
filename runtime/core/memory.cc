// The memory that the system gives this process, and what is said where a session's share of it is too small.
#include "runtime/core/memory.h"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <iterator>
#include <sstream>

#include "runtime/core/error.h"

namespace octet {
namespace {

constexpr size_t kNoLimit = std::numeric_limits<size_t>::max();

std::string content(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

// "max", a missing file and what is no number: no limit.
size_t limit_in(const std::string& path) {
  const std::string text = content(path);
  size_t bytes = kNoLimit;
  if (std::from_chars(text.data(), text.data() + text.size(), bytes).ec != std::errc{}) return kNoLimit;
  return bytes;
}

size_t machine_memory() {
  const long pages = ::sysconf(_SC_PHYS_PAGES), page = ::sysconf(_SC_PAGESIZE);
  size_t bytes = kNoLimit / 2;  // of 32 bits no more can be mapped anyway
  if (pages <= 0 || page <= 0) return bytes;
  if (__builtin_mul_overflow(static_cast<size_t>(pages), static_cast<size_t>(page), &bytes)) return kNoLimit / 2;
  return std::min(bytes, kNoLimit / 2);
}

std::string in_mib(size_t bytes) {
  return std::to_string(bytes / (size_t{1} << 20) + (bytes % (size_t{1} << 20) != 0)) + " MiB";
}

}  // namespace

size_t group_memory_limit(const std::string& groups, const std::string& root) {
  size_t least = kNoLimit;
  std::istringstream lines(groups);
  for (std::string line; std::getline(lines, line);) {  // "0::/user/app" or "7:memory:/user/app"
    const size_t first = line.find(':'), second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const bool unified = controllers.empty();
    if (!unified && controllers != "memory") continue;
    const std::string base = root + (unified ? "" : "/memory");
    const char* const name = unified ? "/memory.max" : "/memory.limit_in_bytes";
    for (std::string group = line.substr(second + 1);; group.resize(group.rfind('/'))) {
      if (group == "/") group.clear();
      least = std::min(least, limit_in(base + group + name));
      if (group.find('/') == std::string::npos) break;
    }
  }
  return least;
}

size_t default_memory_limit() {
  static const size_t half =
      std::min(machine_memory(), group_memory_limit(content("/proc/self/cgroup"), "/sys/fs/cgroup")) / 2;
  return half;
}

Error Memory::too_little(const std::string& what, size_t bytes) const {
  return error(Code::kMemory, what, ": needs ", in_mib(bytes), " more where the session has ", in_mib(held + taken),
               " of at most ", in_mib(limit), "; use smaller inputs or raise memory_limit");
}

}  // namespace octet
