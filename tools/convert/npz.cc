#include "tools/convert/npz.h"

#include <zip.h>

#include <memory>

namespace octet {
namespace {

constexpr uint64_t kLargest = uint64_t{4} << 30;  // bytes of an array: a small archive may claim any number

struct Close {
  void operator()(zip_t* archive) const { zip_discard(archive); }
  void operator()(zip_file_t* file) const { zip_fclose(file); }
};
using Archive = std::unique_ptr<zip_t, Close>;

Result<std::vector<std::byte>> read_entry(zip_t* archive, const zip_stat_t& entry, const std::string& name) {
  if (entry.size > kLargest) return Error{Code::kBadFile, name + ": is larger than 4 GiB"};
  const std::unique_ptr<zip_file_t, Close> file(zip_fopen_index(archive, entry.index, 0));
  if (!file) return Error{Code::kBadFile, name + ": " + zip_strerror(archive)};
  std::vector<std::byte> bytes(entry.size);
  size_t got = 0;
  while (got < bytes.size()) {
    const zip_int64_t more = zip_fread(file.get(), bytes.data() + got, bytes.size() - got);
    if (more <= 0) return Error{Code::kBadFile, name + ": is cut off or damaged"};
    got += static_cast<size_t>(more);
  }
  return bytes;
}

}  // namespace

Result<std::map<std::string, npy::Array, std::less<>>> read_npz(const std::string& path) {
  int failed = 0;
  const Archive archive(zip_open(path.c_str(), ZIP_RDONLY, &failed));
  if (!archive) {
    zip_error_t why;
    zip_error_init_with_code(&why, failed);
    const Error error{Code::kBadFile, path + ": is not a NumPy .npz file: " + zip_error_strerror(&why)};
    zip_error_fini(&why);
    return error;
  }
  std::map<std::string, npy::Array, std::less<>> arrays;
  for (zip_int64_t i = 0; i < zip_get_num_entries(archive.get(), 0); ++i) {
    zip_stat_t entry;
    if (zip_stat_index(archive.get(), static_cast<zip_uint64_t>(i), 0, &entry) != 0 ||
        (entry.valid & ZIP_STAT_SIZE) == 0)
      return Error{Code::kBadFile, path + ": " + zip_strerror(archive.get())};
    std::string key = entry.name;
    auto bytes = read_entry(archive.get(), entry, path + ": " + key);
    if (!bytes) return bytes.error();
    auto array = npy::parse(*bytes, path + ": " + key);
    if (!array) return array.error();
    if (key.ends_with(".npy")) key.resize(key.size() - 4);
    arrays.insert_or_assign(std::move(key), std::move(*array));
  }
  return arrays;
}

}  // namespace octet
