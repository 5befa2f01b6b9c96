// One file on its way to its place: files.h says what is promised, this is how it is done.
#pragma once
#include <octet/octet.h>
#include <cstddef>
#include <span>
#include <string>

namespace octet {

// write(), then commit(). What was not committed is removed.
class Replacement {
 public:
  explicit Replacement(std::string path) : path_(std::move(path)) {}
  ~Replacement();
  Replacement(const Replacement&) = delete;
  Replacement& operator=(const Replacement&) = delete;

  // Writes all of the file aside and syncs it; what is no regular file is written at once.
  Result<void> write(std::span<const std::byte> bytes);
  // Where the new file lies until it is committed; empty where it was written at once.
  const std::string& aside() const { return aside_; }
  Result<void> commit();

 private:
  Error failed() const;
  Result<void> open();
  Result<void> open_aside(const std::string& target);

  const std::string path_;
  std::string name_, aside_name_, aside_;  // names in the folder; the latter's path
  int folder_ = -1, file_ = -1;
};

}  // namespace octet
