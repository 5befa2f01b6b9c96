// The converter is asked only for files that are not Octet's own.
#include "cli/open_model.h"

#include <filesystem>
#include <iostream>
#include <system_error>

#ifdef OCTET_HAVE_CONVERTER
#include <octet/convert.h>
#endif

namespace octet {

namespace fs = std::filesystem;

Result<Precision> precision_of(const std::string& text, const Model& model) {
  if (text == "fp32") return Precision::kF32;
  if (text.empty() || text == "paddle") return model.quantized() ? Precision::kInt8 : Precision::kF32;
  if (text != "int8") return Error{Code::kBadArgument, "--precision '" + text + "': expected fp32 or int8"};
  if (model.quantized()) return Precision::kInt8;
  return Error{Code::kBadArgument, "--precision int8: '" + model.name() +
                                       "' is not quantised. Quantise it first, with pictures like those it will see: "
                                       "octet-convert quantize MODEL.onnx "
                                       "--data PICTURES -o MODEL_int8.octet; or run it with --precision fp32"};
}

Result<Model> open_model(const std::string& path, [[maybe_unused]] const OpenOptions& options) {
  if (path.empty())
    return Error{Code::kBadArgument,
                 "no model is given: name an .octet file, an .onnx file or the folder of a Paddle model"};
  std::error_code failed;
  if (!fs::exists(path, failed)) return Error{Code::kIo, "model '" + path + "': no such file"};
  if (fs::path(path).extension() == ".octet") return Model::map(path);
#ifdef OCTET_HAVE_CONVERTER
  ConvertOptions conversion;
  conversion.parameters = options.parameters;
  for (const NamedShape& s : options.shapes)
    if (!s.input.empty()) conversion.input_shapes.emplace_back(s.input, s.shape);
  conversion.log = [](const std::string& line) {
    if (line.starts_with("warning: ")) std::cerr << line << "\n";
  };
  if (options.cache) {
    auto kept = convert_beside(path, conversion);
    if (!kept) return kept.error();
    return Model::map(*kept);
  }
  auto bytes = convert_model(path, conversion);
  if (!bytes) return bytes.error();
  return Model::from_bytes(*bytes, path);
#else
  return Error{Code::kUnsupported,
               "model '" + path + "': this build has no converter; convert it to an .octet file first"};
#endif
}

size_t file_bytes(const std::string& path) {
  std::error_code failed;
  const auto bytes = fs::file_size(path, failed);
  return failed ? 0 : static_cast<size_t>(bytes);
}

}  // namespace octet
