// The descriptions that the loader makes of a file, made of a graph; the ops read their attributes as flatbuffers here too.
#include "converter/graph/as_model.h"

#include <deque>

#include "converter/graph/layer_weights.h"
#include "runtime/core/op.h"

namespace octet::convert {
namespace {

// What a ModelData points into.
struct Storage {
  std::shared_ptr<const Graph> graph;
  flatbuffers::FlatBufferBuilder attributes;
  std::deque<std::vector<std::byte>> packed;  // int8 weights in their readers' order
};

TensorDef described(Storage& storage, const Tensor& t, const std::optional<schema::PackedShape>& order) {
  TensorDef def{.name = t.name, .dtype = t.dtype, .shape = t.shape, .constant = t.constant};
  def.quant = {t.quant.scale, t.quant.zero_point};
  if (!t.constant) return def;
  const std::vector<std::byte>& data = order ? storage.packed.emplace_back(packed(t, *order)) : t.data;
  def.packing = order ? schema::Packing::conv_s8 : schema::Packing::dense;
  def.data = data.data(), def.bytes = data.size();
  def.weight_scale = t.weight_scale;
  return def;
}

Result<void> add_nodes(Storage& storage, ModelData& model) {
  const Graph& g = *storage.graph;
  std::vector<flatbuffers::uoffset_t> places;
  for (const Node& n : g.nodes) places.push_back(n.op.Pack(storage.attributes).o);
  const uint8_t* end = storage.attributes.GetCurrentBufferPointer() + storage.attributes.GetSize();
  for (size_t i = 0; i < g.nodes.size(); ++i) {
    const Node& n = g.nodes[i];
    NodeDef def{.name = n.name, .kind = find_op(n.op.type), .model = &model, .op = end - places[i]};
    def.act16 = n.act16 ? &*n.act16 : nullptr;
    def.fused.assign(n.fused.begin(), n.fused.end());
    def.inputs = n.inputs, def.outputs = n.outputs;
    if (!def.kind)
      return Error{Code::kUnsupported, g.source + ": node '" + n.name + "': the runtime has no op " + op_name(n)};
    if (auto fine = check_node(def, model); !fine) return Error{fine.error().code, g.source + ": " + fine.error().text};
    model.nodes.push_back(std::move(def));
  }
  return {};
}

}  // namespace

Result<Model> as_model(const std::shared_ptr<const Graph>& g) {
  auto storage = std::make_shared<Storage>();
  storage->graph = g;
  auto orders = packings(*g);
  if (!orders) return orders.error();
  auto model = std::make_shared<ModelData>();
  model->name = g->source;
  for (size_t t = 0; t < g->tensors.size(); ++t) {
    model->tensors.push_back(described(*storage, g->tensors[t], (*orders)[t]));
    model->weight_bytes += model->tensors.back().bytes;
  }
  model->inputs = g->inputs, model->outputs = g->outputs;
  if (auto done = add_nodes(*storage, *model); !done) return done.error();
  model->int8_ops.assign(g->int8_ops.begin(), g->int8_ops.end());
  model->metadata.assign(g->metadata.begin(), g->metadata.end());
  model->file = std::shared_ptr<const std::byte>(storage, nullptr);  // owns what the model points to, as a mapping does
  return model_of(std::move(model));
}

Result<void> check_as_model(const Graph& g) {
  const auto model = as_model({std::shared_ptr<const void>(), &g});  // lent, not owned
  return model ? Result<void>() : model.error();
}

}  // namespace octet::convert
