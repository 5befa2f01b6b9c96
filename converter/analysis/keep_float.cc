// An int8 model some of whose layers have their float weights again, without quantising anew.
#include <unordered_set>

#include "converter/analysis/trial.h"

namespace octet {

Result<Model> keep_float(const Model& float_model, const Model& int8_model, const std::vector<std::string>& nodes) {
  using analysis::at;
  auto pair = analysis::Pair::of(float_model, int8_model);
  if (!pair) return pair.error();
  const ModelData &f = float_model.data(), &q = int8_model.data();
  auto model = std::make_shared<ModelData>();
  model->name = q.name, model->tensors = q.tensors, model->nodes = q.nodes;
  model->inputs = q.inputs, model->outputs = q.outputs, model->int8_ops = q.int8_ops, model->metadata = q.metadata;
  for (NodeDef& node : model->nodes) node.model = model.get();
  const std::unordered_set<std::string_view> kept(nodes.begin(), nodes.end());
  for (size_t n = 0; n < f.nodes.size(); ++n) {
    if (kept.count(f.nodes[n].name) == 0) continue;
    NodeDef& node = model->nodes[at(pair->int8_node[n])];
    node.inputs.resize(f.nodes[n].inputs.size(), -1);  // quantising may have given it a bias
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      const int t = f.nodes[n].inputs[i];
      if (t >= 0 && !f.tensors[at(t)].constant) continue;
      node.inputs[i] = t < 0 ? -1 : static_cast<int>(model->tensors.size());
      if (t >= 0) model->tensors.push_back(f.tensors[at(t)]);
    }
  }
  model->graph = q.graph, model->integers = q.integers;
  const auto owners = std::make_shared<const std::pair<Model, Model>>(float_model, int8_model);
  model->file = std::shared_ptr<const std::byte>(owners, q.file.get());
  return model_of(std::move(model));
}

}  // namespace octet
