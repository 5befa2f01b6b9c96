// The converter's C++ interface: a source model becomes the bytes of an .octet file.
#pragma once
#include <octet/octet.h>
#include <cstddef>
#include <string>
#include <vector>

namespace octet {

struct ConvertOptions {
  std::vector<std::string> outputs;  // cut the graph at these tensors; empty: the model's own outputs
  // Sizes for inputs that are dynamic in the source: {"images", {1, 3, 640, 640}}.
  std::vector<std::pair<std::string, Shape>> input_shapes;
};

// Reads, fuses and turns to NHWC; the result is a float model (Model::from_bytes takes it). Errors name file, node and op.
Result<std::vector<std::byte>> convert_model(const std::string& path, const ConvertOptions& options = {});

}  // namespace octet
