// The files beside a source model that it names: what they may be, and how much of them is read.
#pragma once
#include <octet/octet.h>
#include <cstdint>
#include <filesystem>
#include <string>

#include "octet/convert.h"

namespace octet::convert {

// The regular file `name` below `folder`, links resolved: a source that comes from elsewhere does not say which files of the
// machine are read. The error's text lacks the source.
Result<std::filesystem::path> file_below(const std::filesystem::path& folder, const std::string& name);

// Bytes that the constants of a graph may take: what is left of ConvertOptions::memory_limit beside the copies that are made
// of them on the way to a file.
uint64_t constant_limit(const ConvertOptions& options);

// Refuses a file that is larger than that, and one that cannot be looked at. Errors name the file.
Result<void> check_size(const std::string& path, const ConvertOptions& options);

Result<void> check_nodes(size_t nodes, const ConvertOptions& options);  // the error's text lacks the source

// "more than the memory_limit of N MiB has room for; ..."
std::string over_memory_limit(const ConvertOptions& options);

// What reading a source's tensors may still take from files beside it.
struct SourceFiles {
  std::filesystem::path folder;
  uint64_t left = UINT64_MAX;
  std::string over = {};  // what an error says when more is asked for
};

}  // namespace octet::convert
