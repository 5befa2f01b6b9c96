// A graph as a model that can be run and asked, without writing it as a file and reading that.
#pragma once
#include <memory>

#include "converter/graph/graph.h"

namespace octet::convert {

// The model that Model::from_bytes(emit(*g)) gives, tensor for tensor; constants stay where the graph has them, which the model
// keeps. Errors are those of a file that is read.
Result<Model> as_model(const std::shared_ptr<const Graph>& g);

// What as_model says of a graph that is not shared.
Result<void> check_as_model(const Graph& g);

}  // namespace octet::convert
