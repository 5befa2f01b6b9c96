#include "files/files.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <limits>
#include <memory>

#include "files/replace.h"

namespace octet {
namespace {

struct Close {
  void operator()(std::FILE* f) const { std::fclose(f); }
};

Error failed(const std::string& path, const char* what) {
  return {Code::kIo, path + ": cannot " + what + ": " + std::strerror(errno)};
}

}  // namespace

Result<std::vector<std::byte>> read_file(const std::string& path, const Bound& bound) {
  struct stat st;
  if (::stat(path.c_str(), &st) == 0 && S_ISDIR(st.st_mode))
    return Error{Code::kIo, path + ": is a folder, not a file"};
  const std::unique_ptr<std::FILE, Close> file(std::fopen(path.c_str(), "rb"));
  if (!file) return failed(path, "open");
  std::vector<std::byte> bytes;
  constexpr size_t kChunk = size_t{1} << 20;
  size_t most = std::numeric_limits<size_t>::max();
  while (bytes.size() < most) {
    const size_t have = bytes.size(), wanted = std::min(kChunk, most - have);
    bytes.resize(have + wanted);
    bytes.resize(have + std::fread(bytes.data() + have, 1, wanted, file.get()));
    if (bytes.size() < have + wanted) break;
    if (have > 0 || !bound) continue;
    const auto given = bound(bytes);
    if (!given) return given.error();
    most = *given;
  }
  if (std::ferror(file.get())) return failed(path, "read");
  return bytes;
}

Result<void> write_file(const std::string& path, std::span<const std::byte> bytes, const Check& check) {
  Replacement file(path);
  if (auto done = file.write(bytes); !done) return done;
  if (check && !file.aside().empty())
    if (auto fine = check(file.aside()); !fine) return fine;
  return file.commit();
}

Result<void> write_text(const std::string& path, std::string_view text) {
  return write_file(path, std::as_bytes(std::span(text)));
}

Result<void> write_files(std::span<const NewFile> files) {
  std::vector<std::unique_ptr<Replacement>> written;
  for (const NewFile& f : files) {
    written.push_back(std::make_unique<Replacement>(f.path));
    if (auto done = written.back()->write(f.bytes); !done) return done;
  }
  for (const auto& file : written)
    if (auto done = file->commit(); !done) return done;
  return {};
}

}  // namespace octet
