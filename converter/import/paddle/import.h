// Reads a Paddle program and its parameters into the float graph. As with ONNX, ops keep NCHW's meaning.
#pragma once
#include <string>

#include "converter/graph/graph.h"
#include "octet/convert.h"

namespace octet::convert {

// `path`: see find_paddle_files.
Result<Graph> import_paddle(const std::string& path, const ConvertOptions& options);

}  // namespace octet::convert
