// Loaded before libc (LD_PRELOAD): notes in the file $OCTET_JOURNAL, in order, what a process opens, writes, syncs, renames,
// removes and closes. power_loss_test replays it.
#include "tests/files/journal.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <unistd.h>

#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>

namespace {

using octet::test::Entry;

template <class F>
F* real(F*, const char* name) {
  return reinterpret_cast<F*>(dlsym(RTLD_NEXT, name));
}

void note(const Entry& entry, const void* first, const void* second = nullptr) {
  static std::mutex one_at_a_time;
  static std::FILE* journal = [] {
    const char* path = std::getenv("OCTET_JOURNAL");
    return path ? std::fopen(path, "abe") : nullptr;  // fopen opens inside libc, past us
  }();
  const std::lock_guard lock(one_at_a_time);
  if (!journal) return;
  std::fwrite(&entry, sizeof entry, 1, journal);
  std::fwrite(first, 1, entry.first_bytes, journal);
  std::fwrite(second, 1, entry.second_bytes, journal);
  std::fflush(journal);
}

uint32_t length(const char* text) { return static_cast<uint32_t>(std::strlen(text)); }

int opened(int fd, int folder, const char* path, int flags) {
  if (fd >= 0) note({.kind = 'o', .fd = fd, .folder = folder, .flags = flags, .first_bytes = length(path)}, path);
  return fd;
}

}  // namespace

extern "C" {

__attribute__((visibility("default"))) int open(const char* path, int flags, ...) {
  va_list more;
  va_start(more, flags);
  const int fd = real(open, "open")(path, flags, va_arg(more, unsigned));
  va_end(more);
  return opened(fd, AT_FDCWD, path, flags);
}

__attribute__((visibility("default"))) int openat(int folder, const char* path, int flags, ...) {
  va_list more;
  va_start(more, flags);
  const int fd = real(openat, "openat")(folder, path, flags, va_arg(more, unsigned));
  va_end(more);
  return opened(fd, folder, path, flags);
}

__attribute__((visibility("default"))) ssize_t write(int fd, const void* data, size_t bytes) {
  const ssize_t n = real(write, "write")(fd, data, bytes);
  if (n > 0) note({.kind = 'w', .fd = fd, .first_bytes = static_cast<uint32_t>(n)}, data);
  return n;
}

__attribute__((visibility("default"))) int fsync(int fd) {
  const int result = real(fsync, "fsync")(fd);
  if (result == 0) note({.kind = 's', .fd = fd}, nullptr);
  return result;
}

__attribute__((visibility("default"))) int renameat(int from_folder, const char* from, int folder, const char* to) {
  const int result = real(renameat, "renameat")(from_folder, from, folder, to);
  if (result == 0)
    note({.kind = 'r', .folder = from_folder, .flags = folder, .first_bytes = length(from), .second_bytes = length(to)},
         from, to);
  return result;
}

__attribute__((visibility("default"))) int unlinkat(int folder, const char* path, int flags) {
  const int result = real(unlinkat, "unlinkat")(folder, path, flags);
  if (result == 0) note({.kind = 'u', .folder = folder, .first_bytes = length(path)}, path);
  return result;
}

__attribute__((visibility("default"))) int close(int fd) {
  note({.kind = 'c', .fd = fd}, nullptr);
  return real(close, "close")(fd);
}

}  // extern "C"
