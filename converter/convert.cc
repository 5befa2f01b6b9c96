// octet::convert_model: import, passes, emit.
#include "octet/convert.h"

#include "converter/emit.h"
#include "converter/import/onnx.h"
#include "converter/load.h"
#include "converter/passes/passes.h"

namespace octet {
namespace convert {

Result<Graph> load(const std::string& path, const ConvertOptions& options) {
  auto graph = import_onnx(path, options);
  if (!graph) return graph;
  if (auto done = run_passes(*graph); !done) return done.error();
  return graph;
}

}  // namespace convert

Result<std::vector<std::byte>> convert_model(const std::string& path, const ConvertOptions& options) {
  auto graph = convert::load(path, options);
  if (!graph) return graph.error();
  return convert::emit(*graph);
}

}  // namespace octet
