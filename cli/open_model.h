// Models as programs take them: .octet files, or source models, which are converted in memory.
#pragma once
#include <octet/octet.h>
#include <span>
#include <string>

#include "cli/session_flags.h"

namespace octet {

// fp32 or int8; "paddle" and "" stand for what the model is made for.
Result<Precision> precision_of(const std::string& text, const Model& model);

struct OpenOptions {
  std::span<const NamedShape> shapes = {};  // of a source model's dynamic inputs
  std::string parameters = {};              // file of a Paddle program's parameters, where its name does not follow
  bool cache = false;  // what a source model becomes is kept beside it, and used as long as the source does not change
};

// An .octet file is mapped; any other file or folder is given to the converter, whose warnings go to standard error.
Result<Model> open_model(const std::string& path, const OpenOptions& options = {});

size_t file_bytes(const std::string& path);  // 0 where there is no file

}  // namespace octet
