// A piece of a model as a model of its own, so that a layer, or all that comes behind it, runs without the rest.
#pragma once
#include <span>

#include "converter/graph/edit.h"
#include "runtime/core/model.h"

namespace octet::analysis {

using convert::at;

// Where the tensors of a model come from and who reads them.
struct Links {
  explicit Links(const ModelData& m);
  std::vector<int> maker;                 // by tensor: node; -1: none
  std::vector<std::vector<int>> readers;  // by tensor: nodes
  std::vector<bool> from_shapes;          // by tensor: constants and sizes alone decide it
};

struct Part {
  Model model;
  std::vector<int> inputs;  // by input of the part: the tensor of the whole
};

// The nodes of `whole` that are marked, ending in the tensors `outputs`, which they make. Its inputs are the float tensors that the
// nodes read and none of them makes; integers and what follows from sizes are computed in the part, for plans depend on them.
Part part_of(const Model& whole, const Links& links, std::vector<bool> nodes, std::span<const int> outputs);

}  // namespace octet::analysis
