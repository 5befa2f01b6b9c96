// One node as a model of its own, so that its op can be asked: for shapes, for what it does in int8.
#pragma once
#include "converter/graph/graph.h"
#include "runtime/core/op.h"

namespace octet::convert {

// Points into graph and node, which must outlive it. `node.kind` is null where the runtime does not have the op; else there
// are as many outputs as the op has, the graph's as far as it has them.
struct NodeModel {
  NodeModel(const Graph& g, const Node& n);
  NodeModel(const NodeModel&) = delete;

  ModelData model;
  NodeDef node;
  std::vector<TensorId> tensors;  // of the graph, by index in the model; -1: an output that it has not

 private:
  flatbuffers::FlatBufferBuilder attributes_;
};

}  // namespace octet::convert
