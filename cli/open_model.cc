// The converter is asked only for files that are not Octet's own.
#include "cli/open_model.h"

#include <filesystem>
#include <fstream>
#include <iostream>
#include <string_view>
#include <system_error>

#include "cli/terminal.h"

#ifdef OCTET_HAVE_CONVERTER
#include <octet/convert.h>
#endif

namespace octet {

namespace fs = std::filesystem;

namespace {

// By the first bytes (schema/FORMAT.md). What is named as Octet's counts as well: then it is the runtime that says what is
// wrong with it.
bool is_octet(const std::string& path) {
  if (fs::path(path).extension() == ".octet") return true;
  std::ifstream file(path, std::ios::binary);
  char magic[8] = {};
  return file.read(magic, sizeof magic) && std::string_view(magic, sizeof magic) == "OCTETMDL";
}

}  // namespace

Result<Model> open_model(const std::string& path, [[maybe_unused]] const OpenOptions& options) {
  if (path.empty())
    return Error{Code::kBadArgument,
                 "no model is given: name an .octet file, an .onnx file or the folder of a Paddle model"};
  if (is_octet(path)) return Model::map(path);
  std::error_code failed;
  if (!fs::exists(path, failed)) return Error{Code::kIo, path + ": No such file or folder"};
#ifdef OCTET_HAVE_CONVERTER
  ConvertOptions conversion;
  conversion.parameters = options.parameters;
  for (const NamedShape& s : options.shapes)
    if (!s.input.empty()) conversion.input_shapes.emplace_back(s.input, s.shape);
  conversion.log = [](const std::string& line) {
    if (line.starts_with("warning: ")) std::cerr << printable(line) << "\n";
  };
  if (options.cache) return convert_beside(path, conversion);
  auto bytes = convert_model(path, conversion);
  if (!bytes) return bytes.error();
  return Model::from_bytes(*bytes, path);
#else
  return Error{Code::kUnsupported, path + ": this build has no converter; convert it to an .octet file first"};
#endif
}

size_t file_bytes(const std::string& path) {
  std::error_code failed;
  const auto bytes = fs::file_size(path, failed);
  return failed ? 0 : static_cast<size_t>(bytes);
}

}  // namespace octet
