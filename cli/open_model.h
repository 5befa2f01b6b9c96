// Models as programs take them: .octet files, or source models, which are converted in memory.
#pragma once
#include <octet/octet.h>
#include <span>
#include <string>

#include "cli/session_flags.h"

namespace octet {

// What --help says of a model.
inline constexpr const char* kModelHelp =
    "Model: an .octet file, or a source model (an ONNX file, a Paddle program or folder), which is converted in memory";

struct OpenOptions {
  std::span<const NamedShape> shapes = {};  // of a source model's dynamic inputs
  std::string parameters = {};              // file of a Paddle program's parameters, where its name does not follow
  bool cache = false;  // what a source model becomes is kept beside it, and used as long as the source does not change
};

// A file of Octet's, whatever its name, is mapped; any other file or folder is given to the converter, whose warnings go to
// standard error.
Result<Model> open_model(const std::string& path, const OpenOptions& options = {});

size_t file_bytes(const std::string& path);  // 0 where there is no file

}  // namespace octet
