// The converter is asked only for files that are not Octet's own.
#include "demos/open_model.h"

#include <filesystem>
#include <iostream>
#include <system_error>

#ifdef OCTET_DEMOS_CONVERT
#include <octet/convert.h>
#endif

namespace octet::demos {

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

Result<Model> open_model(const std::string& path, [[maybe_unused]] const std::string& parameters,
                         [[maybe_unused]] bool cache) {
  if (path.empty())
    return Error{Code::kBadArgument,
                 "--model_path is missing: an .octet file, an .onnx file or the folder of a Paddle model"};
  std::error_code ec;
  if (!fs::exists(path, ec)) return Error{Code::kIo, "model '" + path + "': no such file"};
  if (fs::path(path).extension() == ".octet") return Model::map(path);
#ifdef OCTET_DEMOS_CONVERT
  ConvertOptions options;
  options.parameters = parameters;
  options.log = [](const std::string& line) {
    if (line.starts_with("warning: ")) std::cerr << line << "\n";
  };
  if (cache) {
    auto kept = convert_beside(path, options);
    if (!kept) return kept.error();
    return Model::map(*kept);
  }
  auto bytes = convert_model(path, options);
  if (!bytes) return bytes.error();
  return Model::from_bytes(*bytes, path);
#else
  return Error{Code::kUnsupported,
               "model '" + path + "': this build has no converter; convert it to an .octet file first"};
#endif
}

}  // namespace octet::demos
