#include "converter/graph/node_model.h"

#include "converter/graph/edit.h"

namespace octet::convert {
namespace {

TensorDef definition(const Tensor& t) {
  TensorDef def{.name = t.name, .dtype = t.dtype, .shape = t.shape, .constant = t.constant};
  def.quant = {t.quant.scale, t.quant.zero_point};
  if (t.constant) def.data = t.data.data(), def.bytes = t.data.size();
  def.weight_scale = t.weight_scale;
  return def;
}

}  // namespace

NodeModel::NodeModel(const Graph& g, const Node& n) {
  node.name = n.name;
  node.kind = find_op(n.op.type);
  node.model = &model;
  const auto table = n.op.Pack(attributes_);
  node.op = attributes_.GetCurrentBufferPointer() + attributes_.GetSize() - table.o;
  const auto add = [&](TensorId t) {
    tensors.push_back(t);
    model.tensors.push_back(t < 0 ? TensorDef{} : definition(tensor(g, t)));
    return static_cast<int>(tensors.size()) - 1;
  };
  for (TensorId t : n.inputs) node.inputs.push_back(t < 0 ? -1 : add(t));
  for (int i = 0; node.kind && i < node.kind->outputs; ++i)
    node.outputs.push_back(add(at(i) < n.outputs.size() ? n.outputs[at(i)] : -1));
}

}  // namespace octet::convert
