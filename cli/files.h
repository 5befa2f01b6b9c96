// Whole files in and out for the tools: a reader never sees half a file.
#pragma once
#include <octet/octet.h>
#include <cstddef>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace octet {

Result<std::vector<std::byte>> read_file(const std::string& path);

// Writes all files or none: each is written aside, and only when all are complete they are renamed.
struct NewFile {
  std::string path;
  std::vector<std::byte> bytes;
};
Result<void> write_files(std::span<const NewFile> files);
Result<void> write_file(const std::string& path, std::vector<std::byte> bytes);
Result<void> write_text(const std::string& path, const std::string& text);

}  // namespace octet
