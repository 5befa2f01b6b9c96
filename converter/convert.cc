// octet::convert_model: import, passes, emit.
#include "octet/convert.h"

#include <cstdio>

#include "converter/graph/emit.h"
#include "converter/import/onnx/import.h"
#include "converter/import/paddle/files.h"
#include "converter/import/paddle/import.h"
#include "converter/load.h"
#include "converter/passes/passes.h"
#include "converter/quant/freeze.h"
#include "converter/quant/int8_ops.h"
#include "converter/quant/observed.h"
#include "converter/quant/shared_scales.h"
#include "converter/quant/wide_weights.h"

namespace octet {
namespace convert {

Result<Graph> load(const std::string& path, const ConvertOptions& options, bool rounded) {
  auto graph = looks_like_paddle(path) ? import_paddle(path, options) : import_onnx(path, options);
  if (!graph) return graph;
  if (!rounded) remove_rounding(*graph);
  if (auto done = run_passes(*graph); !done) return done.error();
  return graph;
}

}  // namespace convert

namespace {

std::string summary(const convert::Frozen& frozen, int observed) {
  char text[200];
  std::snprintf(text, sizeof text, "int8 as trained: %d layers, largest rounding error of a weight %.6f steps",
                frozen.layers, static_cast<double>(frozen.largest_error));
  std::string all = text;
  if (frozen.weights_only) all += "; int8 weights alone: " + std::to_string(frozen.weights_only);
  if (!frozen.float_layers.empty())
    all += "; float: " + std::to_string(frozen.float_layers.size()) + " ('" + frozen.float_layers[0] + "' the first)";
  if (observed) all += "; " + std::to_string(observed) + " more ops have known scales: int8_ops can name them";
  return all;
}

}  // namespace

Result<std::vector<std::byte>> convert_model(const std::string& path, const ConvertOptions& options) {
  auto graph = convert::load(path, options);
  if (!graph) return graph.error();
  graph->metadata.insert(graph->metadata.begin(), options.metadata.begin(), options.metadata.end());
  if (options.log)
    for (const std::string& line : convert::shared_scales(*graph)) options.log("warning: " + line);
  if (!graph->quantised || options.simulate) return convert::emit(*graph);
  const auto split = convert::split_wide_weights(*graph);
  const convert::Frozen frozen = convert::freeze(*graph, split);
  auto int8_ops = convert::int8_ops(*graph);
  if (!int8_ops) return int8_ops.error();
  graph->int8_ops = std::move(*int8_ops);
  const int observed = convert::take_observed(*graph);
  if (options.log) options.log(summary(frozen, observed));
  return convert::emit(*graph);
}

}  // namespace octet
