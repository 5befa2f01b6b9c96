// The converter's C++ interface: a source model becomes the bytes of an .octet file.
#pragma once
#include <octet/octet.h>
#include <cstddef>
#include <functional>
#include <span>
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
  // What was recognised, a line at a time; what the caller should know though it is no error begins with "warning: ".
  std::function<void(const std::string&)> log = {};
  std::string parameters = {};  // Paddle: their file, where its name does not follow from the program's
  std::vector<std::pair<std::string, std::string>> metadata = {};  // put before the source's own
  // For sources that nobody vouches for. Errors name the limit.
  // Bytes that converting may take, about: constants, as they are stored and as folding makes them, up to a third of it. What
  // would be more when it is folded stays to be computed by the run. 0: half of the machine's memory or of the control group's.
  size_t memory_limit = 0;
  size_t max_nodes = 100'000;  // of the source; the largest networks that people have exported have some 20,000
};

// Reads an ONNX file or a Paddle model (its folder or its program), fuses and turns to NHWC; the result is a model for
// Model::from_bytes, which takes it: what it would refuse (weights that are not finite, too many operands) is an error here.
// Errors name file, node and op. Files beside the source are read where they lie below its folder, links resolved.
Result<std::vector<std::byte>> convert_model(const std::string& path, const ConvertOptions& options = {});

// Replaces the file at `path` by what convert_model or quantize made of `source`, once the file can be mapped from where it
// lies aside; otherwise the old file stays, if there was one. Links are followed, permissions are kept, and neither a crash nor
// a loss of power leaves half a file. What is no regular file (a pipe, a device) is written to.
Result<void> write_model(const std::string& path, std::span<const std::byte> bytes, const std::string& source);

// What convert_model makes, kept as a file beside the source, NAME.KEY.octet, and mapped. KEY stands for the options; what the
// file was made of (the sources' bytes, this converter) stands in its metadata. A file that fits is used as it is; another is
// replaced, at once and as a whole, so who has mapped it keeps what he mapped. Nothing is ever removed. Where no file can be
// written the model is held in memory, and `log` gets a line that begins with "warning: ". May be called by any number of
// processes at once.
Result<Model> convert_beside(const std::string& path, const ConvertOptions& options = {});

// What can be imported and run, as the Markdown of docs/OPS.md.
std::string ops_table();

}  // namespace octet
