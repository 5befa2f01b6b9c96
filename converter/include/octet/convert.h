// The converter's C++ interface: a source model becomes the bytes of an .octet file.
#pragma once
#include <octet/octet.h>
#include <cstddef>
#include <functional>
#include <string>
#include <vector>

namespace octet {

struct ConvertOptions {
  std::vector<std::string> outputs;  // cut the graph at these tensors; empty: the model's own outputs
  // Sizes for inputs that are dynamic in the source: {"images", {1, 3, 640, 640}}.
  std::vector<std::pair<std::string, Shape>> input_shapes;
  // A model that was quantised or trained for int8 becomes an int8 model; with `simulate` a float model that rounds where
  // the int8 one would.
  bool simulate = false;
  std::function<void(const std::string&)> log = {};  // what was recognised, a line at a time
  std::string parameters = {};  // Paddle: their file, where its name does not follow from the program's
  std::vector<std::pair<std::string, std::string>> metadata = {};  // put before the source's own
};

// Reads an ONNX file or a Paddle model (its folder or its program), fuses and turns to NHWC; the result is a model for
// Model::from_bytes. Errors name file, node and op.
Result<std::vector<std::byte>> convert_model(const std::string& path, const ConvertOptions& options = {});

// The same kept as a file beside the source, NAME.KEY.octet, and mapped. KEY stands for the options; what the file was made of
// (the sources' bytes, this converter) stands in its metadata. A file that fits is used as it is; another is replaced, at once
// and as a whole, so who has mapped it keeps what he mapped. Nothing is ever removed. Where no file can be written the model
// is held in memory, and `log` gets a line that begins with "warning: ". May be called by any number of processes at once.
Result<Model> convert_beside(const std::string& path, const ConvertOptions& options = {});

// What can be imported and run, as the Markdown of docs/OPS.md.
std::string ops_table();

}  // namespace octet
