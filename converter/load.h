// A source model as the fused NHWC float graph: what the quantiser starts from.
#pragma once
#include <string>

#include "converter/graph/graph.h"
#include "octet/convert.h"

namespace octet::convert {

// `rounded`: with the FakeQuantize nodes of a model that is quantised already; else only its weights stay on their grid.
Result<Graph> load(const std::string& path, const ConvertOptions& options, bool rounded = true);

}  // namespace octet::convert
