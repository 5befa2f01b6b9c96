// A source model as the fused NHWC float graph, and that as what the quantiser starts from.
#pragma once
#include <string>

#include "converter/graph/graph.h"
#include "octet/quantize.h"

namespace octet::convert {

// `rounded`: with the FakeQuantize nodes of a model that is quantised already; else only its weights stay on their grid.
Result<Graph> load(const std::string& path, const ConvertOptions& options, bool rounded = true);

// Weights of more than 127 steps are split; names become unique.
Result<SourceModel> source_of(Graph graph);

}  // namespace octet::convert
