// Writes a graph as the bytes of an .octet file.
#include "converter/graph/emit.h"

#include <algorithm>

#include "converter/graph/as_model.h"
#include "converter/graph/edit.h"
#include "converter/graph/layer_weights.h"
#include "runtime/core/op.h"
#include "schema/format.h"

namespace octet::convert {
namespace {

uint64_t aligned(uint64_t n) { return (n + schema::kAlignment - 1) / schema::kAlignment * schema::kAlignment; }

std::unique_ptr<schema::TensorT> described(const Tensor& t) {
  auto out = std::make_unique<schema::TensorT>();
  out->name = t.name;
  out->dtype = static_cast<schema::DType>(t.dtype);
  out->shape.assign(t.shape.begin(), t.shape.end());
  out->constant = t.constant;
  out->weight_scale = t.weight_scale;
  if (!t.quant.empty()) {
    out->quant = std::make_unique<schema::QuantT>();
    out->quant->scale = t.quant.scale;
    out->quant->zero_point = t.quant.zero_point;
  }
  return out;
}

// The oldest readers that know all that the file says: files that do without new ops stay readable for them.
uint32_t least_minor(const Graph& g) {
  uint32_t minor = 1;  // readers of 1.0 do not look for `numerics`
  for (const Node& n : g.nodes)
    if (const OpKind* kind = find_op(n.op.type)) minor = std::max(minor, kind->since);
  const auto is_byte = [&](TensorId t) {
    return t >= 0 && (g.tensors[static_cast<size_t>(t)].dtype == DType::kU8 ||
                      g.tensors[static_cast<size_t>(t)].dtype == DType::kS8);
  };
  for (const Node& n : g.nodes)
    if (std::any_of(n.outputs.begin(), n.outputs.end(), is_byte)) minor = std::max(minor, 2u);
  for (const Node& n : g.nodes)
    if (n.act16) minor = std::max(minor, 3u);
  return minor;
}

void describe_nodes(const Graph& g, schema::ModelT& model) {
  for (const Node& n : g.nodes) {
    auto node = std::make_unique<schema::NodeT>();
    node->name = n.name;
    node->op = n.op;
    node->inputs = n.inputs;
    node->outputs = n.outputs;
    node->fused = n.fused;
    if (n.act16) node->act16 = std::make_unique<schema::Act16>(*n.act16);
    model.nodes.push_back(std::move(node));
  }
}

Result<std::vector<std::byte>> written(const Graph& g) {
  auto orders = packings(g);
  if (!orders) return orders.error();
  schema::ModelT model;
  model.producer = "octet " + std::string(version());
  model.inputs = g.inputs;
  model.outputs = g.outputs;
  model.int8_ops = g.int8_ops;
  const auto add_metadata = [&](const std::string& key, const std::string& value) {
    auto kv = std::make_unique<schema::KeyValueT>();
    kv->key = key;
    kv->value = value;
    model.metadata.push_back(std::move(kv));
  };
  for (const auto& [key, value] : g.metadata)
    if (key != schema::kNumericsKey) add_metadata(key, value);  // a source that was exported from a file has that one's
  add_metadata(schema::kNumericsKey, std::to_string(schema::kNumerics));
  describe_nodes(g, model);
  std::vector<std::byte> weights;
  for (size_t i = 0; i < g.tensors.size(); ++i) {
    auto t = described(g.tensors[i]);
    if (t->constant) {
      const auto& order = (*orders)[i];
      const std::vector<std::byte> data = order ? packed(g.tensors[i], *order) : g.tensors[i].data;
      t->packing = order ? schema::Packing::conv_s8 : schema::Packing::dense;
      t->offset = weights.size();
      t->bytes = data.size();
      weights.insert(weights.end(), data.begin(), data.end());
      weights.resize(aligned(weights.size()));
    }
    model.tensors.push_back(std::move(t));
  }
  flatbuffers::FlatBufferBuilder builder;
  builder.Finish(schema::Model::Pack(builder, &model), schema::ModelIdentifier());
  const auto graph = std::as_bytes(std::span(builder.GetBufferPointer(), builder.GetSize()));
  schema::FileHeader header{.magic = {},
                            .version_major = schema::kVersionMajor,
                            .version_minor = least_minor(g),
                            .graph_offset = sizeof(schema::FileHeader),
                            .graph_bytes = graph.size(),
                            .weights_offset = aligned(sizeof(schema::FileHeader) + graph.size()),
                            .weights_bytes = weights.size(),
                            .graph_hash = schema::hash(graph),
                            .weights_hash = schema::hash(weights)};
  std::copy(std::begin(schema::kMagic), std::end(schema::kMagic), header.magic);
  std::vector<std::byte> file(header.weights_offset + header.weights_bytes);
  std::memcpy(file.data(), &header, sizeof header);
  std::memcpy(file.data() + header.graph_offset, graph.data(), graph.size());
  std::copy(weights.begin(), weights.end(), file.begin() + static_cast<int64_t>(header.weights_offset));
  return file;
}

}  // namespace

Result<std::vector<std::byte>> emit(const Graph& g) {
  if (auto fine = check_as_model(g); !fine) return fine.error();
  auto bytes = written(g);
  if (!bytes) return bytes;
  const auto loaded = Model::from_bytes(*bytes, g.source);
  if (loaded) return bytes;
  return Error{Code::kBadModel, g.source + ": what was made of it cannot be loaded: " + loaded.error().text};
}

}  // namespace octet::convert
