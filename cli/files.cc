#include "cli/files.h"

#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>

namespace octet {
namespace {

struct Close {
  void operator()(std::FILE* f) const { std::fclose(f); }
};
using File = std::unique_ptr<std::FILE, Close>;

Error failed(const std::string& path, const char* what) {
  return {Code::kIo, path + ": cannot " + what + ": " + std::strerror(errno)};
}

bool write_whole(const std::string& path, std::span<const std::byte> bytes) {
  File file(std::fopen(path.c_str(), "wb"));
  if (!file) return false;
  const bool written = std::fwrite(bytes.data(), 1, bytes.size(), file.get()) == bytes.size();
  return std::fclose(file.release()) == 0 && written;
}

}  // namespace

Result<std::vector<std::byte>> read_file(const std::string& path) {
  std::error_code unknown;
  if (std::filesystem::is_directory(path, unknown)) return Error{Code::kIo, path + ": is a folder, not a file"};
  File file(std::fopen(path.c_str(), "rb"));
  if (!file) return failed(path, "open");
  std::vector<std::byte> bytes;
  constexpr size_t kChunk = size_t{1} << 20;
  for (size_t got = kChunk; got == kChunk;) {
    const size_t have = bytes.size();
    bytes.resize(have + kChunk);
    got = std::fread(bytes.data() + have, 1, kChunk, file.get());
    bytes.resize(have + got);
  }
  if (std::ferror(file.get())) return failed(path, "read");
  return bytes;
}

Result<void> write_files(std::span<const NewFile> files) {
  const std::string ending = ".tmp" + std::to_string(getpid());
  auto remove_all = [&] {
    for (const NewFile& f : files) std::remove((f.path + ending).c_str());
  };
  for (const NewFile& f : files)
    if (!write_whole(f.path + ending, f.bytes)) {
      Error e = failed(f.path, "write");
      remove_all();
      return e;
    }
  for (const NewFile& f : files)
    if (std::rename((f.path + ending).c_str(), f.path.c_str()) != 0) {
      Error e = failed(f.path, "write");
      remove_all();
      return e;
    }
  return {};
}

Result<void> write_file(const std::string& path, std::vector<std::byte> bytes) {
  const NewFile file{path, std::move(bytes)};
  return write_files({&file, 1});
}

Result<void> write_text(const std::string& path, const std::string& text) {
  const auto* p = reinterpret_cast<const std::byte*>(text.data());
  return write_file(path, {p, p + text.size()});
}

}  // namespace octet
