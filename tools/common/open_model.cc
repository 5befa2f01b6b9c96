#include "tools/common/open_model.h"

#include <octet/convert.h>

#include <filesystem>

#include "tools/common/session_flags.h"

namespace octet {

Result<Model> open_model(const std::string& path, std::span<const NamedShape> shapes) {
  if (!path.ends_with(".onnx")) return Model::map(path);
  ConvertOptions options;
  for (const NamedShape& s : shapes)
    if (!s.input.empty()) options.input_shapes.emplace_back(s.input, s.shape);
  auto bytes = convert_model(path, options);
  if (!bytes) return bytes.error();
  return Model::from_bytes(*bytes, path);
}

size_t file_bytes(const std::string& path) {
  std::error_code failed;
  const auto bytes = std::filesystem::file_size(path, failed);
  return failed ? 0 : static_cast<size_t>(bytes);
}

}  // namespace octet
