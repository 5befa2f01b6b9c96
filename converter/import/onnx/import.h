// Reads an ONNX file into the float graph. Ops keep NCHW's meaning here: an op that depends on the layout becomes
// Transpose, NHWC op, Transpose, and the passes remove the transposes.
#pragma once
#include <string>

#include "converter/graph/graph.h"
#include "octet/convert.h"

namespace octet::convert {

Result<Graph> import_onnx(const std::string& path, const ConvertOptions& options);

// The file and those that hold its tensors, which lie below its folder.
Result<std::vector<std::string>> onnx_files(const std::string& path, const ConvertOptions& options);

}  // namespace octet::convert
