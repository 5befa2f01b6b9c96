#include "converter/import/build/source_files.h"

#include <algorithm>

#include "runtime/core/memory.h"

namespace octet::convert {
namespace {

namespace fs = std::filesystem;

// On the way to a file constants exist three times: as the source has them and in the graph; or in the graph, in the file's
// weights, and in the file.
constexpr uint64_t kCopies = 3;

uint64_t memory_limit(const ConvertOptions& options) {
  return options.memory_limit ? options.memory_limit : default_memory_limit();
}

}  // namespace

Result<fs::path> file_below(const fs::path& folder, const std::string& name) {
  std::error_code failed;
  const fs::path base = fs::canonical(folder.empty() ? fs::path(".") : folder, failed);
  const fs::path file = fs::weakly_canonical(base / name, failed);
  const fs::path inside = file.lexically_relative(base);
  if (failed || name.empty() || inside.empty() || *inside.begin() == "..")
    return Error{Code::kBadFile, "'" + name + "' is not a file below the model's folder"};
  if (!fs::is_regular_file(file, failed)) return Error{Code::kIo, "cannot read '" + name + "'"};
  return file;
}

uint64_t constant_limit(const ConvertOptions& options) { return memory_limit(options) / kCopies; }

std::string over_memory_limit(const ConvertOptions& options) {
  return "more than the memory_limit of " + std::to_string(memory_limit(options) >> 20) +
         " MiB has room for; where the model is trusted, raise the limit";
}

Result<void> check_size(const std::string& path, const ConvertOptions& options) {
  std::error_code failed;
  const uint64_t size = fs::file_size(path, failed);
  if (failed) return Error{Code::kIo, path + ": " + failed.message()};
  if (size <= constant_limit(options)) return {};
  return Error{Code::kBadFile, path + ": has " + std::to_string(size) + " bytes, " + over_memory_limit(options)};
}

Result<void> check_nodes(size_t nodes, const ConvertOptions& options) {
  if (nodes <= options.max_nodes) return {};
  return Error{Code::kBadModel, "has " + std::to_string(nodes) + " nodes, more than the max_nodes of " +
                                    std::to_string(options.max_nodes) +
                                    "; where the model is trusted, raise the limit"};
}

}  // namespace octet::convert
