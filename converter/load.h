// A source model as the fused NHWC float graph: what the quantiser starts from.
#pragma once
#include <string>

#include "converter/graph.h"
#include "octet/convert.h"

namespace octet::convert {

Result<Graph> load(const std::string& path, const ConvertOptions& options);

}  // namespace octet::convert
