#include "converter/analysis/part.h"

#include <algorithm>

#include "runtime/core/op.h"

namespace octet::analysis {

Links::Links(const ModelData& m)
    : maker(m.tensors.size(), -1), readers(m.tensors.size()), from_shapes(m.tensors.size(), false) {
  for (size_t t = 0; t < m.tensors.size(); ++t) from_shapes[t] = m.tensors[t].constant;
  for (size_t n = 0; n < m.nodes.size(); ++n) {
    const NodeDef& node = m.nodes[n];
    for (int t : node.inputs)
      if (t >= 0) readers[at(t)].push_back(static_cast<int>(n));
    const bool known = node.kind->shapes_only || std::all_of(node.inputs.begin(), node.inputs.end(),
                                                             [&](int t) { return t < 0 || from_shapes[at(t)]; });
    for (int t : node.outputs)
      if (t >= 0) maker[at(t)] = static_cast<int>(n), from_shapes[at(t)] = known;
  }
}

Part part_of(const Model& whole, const Links& links, std::vector<bool> nodes, std::span<const int> outputs) {
  const ModelData& from = whole.data();
  Part part;
  std::vector<bool> fed(from.tensors.size(), false);
  for (size_t n = from.nodes.size(); n-- > 0;) {  // what a node reads is made in front of it
    if (!nodes[n]) continue;
    for (int t : from.nodes[n].inputs) {
      if (t < 0 || from.tensors[at(t)].constant || fed[at(t)]) continue;
      const int maker = links.maker[at(t)];
      if (maker >= 0 && (nodes[at(maker)] || from.tensors[at(t)].dtype != DType::kF32 || links.from_shapes[at(t)]))
        nodes[at(maker)] = true;
      else
        fed[at(t)] = true, part.inputs.push_back(t);
    }
  }
  std::erase_if(part.inputs, [&](int t) { return links.maker[at(t)] >= 0 && nodes[at(links.maker[at(t)])]; });
  auto model = std::make_shared<ModelData>();
  model->name = from.name;
  model->tensors = from.tensors;
  model->nodes.reserve(from.nodes.size());
  for (size_t n = 0; n < from.nodes.size(); ++n) {
    if (!nodes[n]) continue;
    model->nodes.push_back(from.nodes[n]);
    model->nodes.back().model = model.get();
  }
  model->inputs = part.inputs, model->outputs.assign(outputs.begin(), outputs.end());
  model->int8_ops = from.int8_ops;
  model->graph = from.graph, model->integers = from.integers;
  const auto owner = std::make_shared<const Model>(whole);  // constants, names and attributes stay where they are
  model->file = std::shared_ptr<const std::byte>(owner, from.file.get());
  part.model = model_of(std::move(model));
  return part;
}

}  // namespace octet::analysis
