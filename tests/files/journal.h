// What journal.cc notes, one entry after the other, each followed by its bytes.
#pragma once
#include <cstdint>

namespace octet::test {

struct Entry {
  char kind;                                   // o opened, w written, s synced, r renamed, u removed, c closed
  int fd = -1;                                 // of what was opened, written, synced, closed
  int folder = 0;                              // that the path is relative to
  int flags = 0;                               // of opening; of a renaming: the folder of the new path
  uint32_t first_bytes = 0, second_bytes = 0;  // the path or the data; the new path
};

}  // namespace octet::test
