// Tensors as raw files.
#include "vision/exchange.h"

#include <filesystem>
#include <fstream>

namespace octet::vision {
namespace {

size_t bytes_of(const Tensor& t) { return static_cast<size_t>(t.shape.elements()) * size_of(t.dtype); }

}  // namespace

Result<void> Exchange::before(Session& session, size_t inputs) {
  if (folder_.empty()) return {};
  const std::string folder = folder_ + "/" + std::to_string(runs_);
  std::error_code failed;
  std::filesystem::create_directories(folder, failed);
  if (failed) return Error{Code::kIo, "folder '" + folder + "': " + failed.message()};
  for (size_t i = 0; i < inputs; ++i) {
    const Tensor t = session.input(static_cast<int>(i));
    const std::string path = folder + "/in_" + std::to_string(i) + ".raw";
    std::ofstream file(path, std::ios::binary);
    file.write(static_cast<const char*>(t.data), static_cast<std::streamsize>(bytes_of(t)));
    file.close();
    if (!file) return Error{Code::kIo, "'" + path + "': cannot be written"};
  }
  return {};
}

Result<void> Exchange::after(Session& session, size_t outputs) {
  if (folder_.empty()) return {};
  const std::string folder = folder_ + "/" + std::to_string(runs_++);
  for (size_t i = 0; i < outputs; ++i) {
    const Tensor t = session.output(static_cast<int>(i));
    const std::string path = folder + "/out_" + std::to_string(i) + ".raw";
    std::error_code failed;
    const auto size = std::filesystem::file_size(path, failed);
    if (failed) continue;
    if (size != bytes_of(t))
      return Error{Code::kBadFile, "'" + path + "': " + std::to_string(size) + " bytes for output '" +
                                       std::string(t.name) + "' of " + t.shape.text()};
    std::ifstream file(path, std::ios::binary);
    if (!file.read(static_cast<char*>(t.data), static_cast<std::streamsize>(size)))
      return Error{Code::kIo, "'" + path + "': cannot be read"};
  }
  return {};
}

}  // namespace octet::vision
