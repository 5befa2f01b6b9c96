#include "files/replace.h"

#include <fcntl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cinttypes>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <optional>

namespace octet {
namespace {

namespace fs = std::filesystem;

constexpr int kMostLinks = 40;          // as many as the kernel follows
constexpr size_t kMostOfTheName = 200;  // of the file's name in that of the file aside: names have 255 bytes

fs::path folder_of(const fs::path& path) { return path.has_parent_path() ? path.parent_path() : fs::path("."); }

// /dev/stdout, /dev/fd/3, /proc/self/fd/3: the open file that the path stands for. To open such a path anew would forget
// where the file is being written, and to replace what it points to would leave its readers with the old file.
std::optional<int> open_file(const fs::path& path) {
  std::error_code failed;
  const fs::path folder = fs::canonical(folder_of(path), failed);
  if (failed || folder != "/proc/" + std::to_string(getpid()) + "/fd") return std::nullopt;
  const std::string name = path.filename();
  int fd = -1;
  const auto [end, wrong] = std::from_chars(name.data(), name.data() + name.size(), fd);
  return wrong == std::errc() && end == name.data() + name.size() ? std::optional(fd) : std::nullopt;
}

struct Target {
  fs::path path;            // no symbolic link
  std::optional<int> file;  // open already
};

// What `path` leads to; nothing, with errno set, where links do not end.
std::optional<Target> resolved(fs::path path) {
  for (int i = 0; i < kMostLinks; ++i) {
    if (auto file = open_file(path)) return Target{path, file};
    std::error_code failed;
    if (!fs::is_symlink(path, failed)) return Target{std::move(path), std::nullopt};
    const fs::path next = fs::read_symlink(path, failed);
    if (failed) return errno = failed.value(), std::nullopt;
    path = folder_of(path) / next;
  }
  return errno = ELOOP, std::nullopt;
}

bool write_all(int file, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(file, bytes.data(), bytes.size());
    if (n < 0 && errno != EINTR) return false;
    if (n > 0) bytes = bytes.subspan(static_cast<size_t>(n));
  }
  return true;
}

// Some file systems cannot sync a folder, and a device has nothing to sync.
bool synced(int fd) { return ::fsync(fd) == 0 || errno == EINVAL || errno == ENOTSUP || errno == EROFS; }

}  // namespace

Error Replacement::failed() const { return {Code::kIo, path_ + ": cannot write: " + std::strerror(errno)}; }

Replacement::~Replacement() {
  if (file_ >= 0) ::close(file_);
  if (!aside_name_.empty()) ::unlinkat(folder_, aside_name_.c_str(), 0);
  if (folder_ >= 0) ::close(folder_);
}

Result<void> Replacement::open_aside(const std::string& target) {
  const fs::path path(target);
  name_ = path.filename();
  folder_ = ::open(folder_of(path).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder_ < 0) return failed();
  struct stat old;
  const bool exists = ::fstatat(folder_, name_.c_str(), &old, AT_SYMLINK_NOFOLLOW) == 0;
  for (bool taken = true; taken;) {
    uint64_t number = 0;
    if (::getrandom(&number, sizeof number, 0) != sizeof number) return failed();
    char ending[32];
    std::snprintf(ending, sizeof ending, ".%016" PRIx64 ".partial", number);
    const std::string name = name_.substr(0, kMostOfTheName) + ending;
    file_ = ::openat(folder_, name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    taken = file_ < 0 && errno == EEXIST;
    if (file_ >= 0) aside_name_ = name;
  }
  if (file_ < 0) return failed();
  aside_ = folder_of(path) / aside_name_;
  if (!exists) return {};
  // Who may not give files away owns the new one; the owner's own rights to it do not depend on that.
  [[maybe_unused]] const int ignored = ::fchown(file_, old.st_uid, old.st_gid);
  return ::fchmod(file_, old.st_mode & 0777) == 0 ? Result<void>() : failed();
}

Result<void> Replacement::open() {
  const auto target = resolved(path_);
  if (!target) return failed();
  std::fflush(stdout);  // what was printed stands before what is written to /dev/stdout
  struct stat st;
  if (target->file)
    file_ = ::fcntl(*target->file, F_DUPFD_CLOEXEC, 0);
  else if (::stat(target->path.c_str(), &st) != 0 ? errno == ENOENT : S_ISREG(st.st_mode))
    return open_aside(target->path);
  else  // an error for a folder, and for what cannot be looked at
    file_ = ::open(target->path.c_str(), O_WRONLY | O_NOCTTY | O_CLOEXEC);
  return file_ < 0 ? failed() : Result<void>();
}

Result<void> Replacement::write(std::span<const std::byte> bytes) {
  if (auto opened = open(); !opened) return opened;
  if (!write_all(file_, bytes) || !synced(file_)) return failed();
  return ::close(std::exchange(file_, -1)) == 0 ? Result<void>() : failed();
}

Result<void> Replacement::commit() {
  if (aside_name_.empty()) return {};
  if (::renameat(folder_, aside_name_.c_str(), folder_, name_.c_str()) != 0) return failed();
  aside_name_.clear();
  return synced(folder_) ? Result<void>() : failed();
}

}  // namespace octet
