#include "cli/memory.h"

#include <fstream>
#include <string>

namespace octet {

double own_megabytes() {
  std::ifstream in("/proc/self/smaps_rollup");
  double kilobytes = 0;
  for (std::string key; in >> key;)
    if (double value = 0; key.starts_with("Private_") && in >> value) kilobytes += value;
  return kilobytes / 1024;
}

}  // namespace octet
