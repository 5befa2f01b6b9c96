// Writes a graph as the bytes of an .octet file.
#include "converter/graph/emit.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <optional>

#include "converter/graph/edit.h"
#include "runtime/core/op.h"
#include "schema/format.h"

namespace octet::convert {
namespace {

uint64_t aligned(uint64_t n) { return (n + schema::kAlignment - 1) / schema::kAlignment * schema::kAlignment; }

// How int8 weights are packed where node n reads them; nothing: dense.
std::optional<schema::PackedShape> packing_of(const Graph& g, const Node& n) {
  const Shape& w = tensor(g, n.inputs[1]).shape;
  if (auto* conv = as<schema::Conv2dT>(n)) {
    if (w.rank() != 4 || conv->groups < 1 || w[0] % conv->groups) return std::nullopt;
    const bool depthwise = conv->groups > 1 && conv->groups == w[0] && w[3] == 1;
    if (depthwise) return std::nullopt;
    return schema::PackedShape{.groups = conv->groups, .out = w[0] / conv->groups, .taps = w[1] * w[2], .in = w[3]};
  }
  if (as<schema::MatMulT>(n) && w.rank() == 2)
    return schema::PackedShape{.groups = 1, .out = w[0], .taps = 1, .in = w[1]};
  return std::nullopt;
}

// For each tensor the packing that its readers want; an error where they differ.
Result<std::vector<std::optional<schema::PackedShape>>> packings(const Graph& g) {
  std::vector<std::optional<schema::PackedShape>> all(g.tensors.size());
  std::vector<bool> seen(g.tensors.size(), false);
  for (const Node& n : g.nodes)
    for (size_t k = 0; k < n.inputs.size(); ++k) {
      const TensorId t = n.inputs[k];
      if (t < 0 || !tensor(g, t).constant || tensor(g, t).dtype != DType::kS8) continue;
      const auto wanted = k == 1 ? packing_of(g, n) : std::nullopt;
      auto& have = all[static_cast<size_t>(t)];
      const bool same =
          wanted.has_value() == have.has_value() &&
          (!have || (have->groups == wanted->groups && have->out == wanted->out && have->taps == wanted->taps));
      if (seen[static_cast<size_t>(t)] && !same)
        return Error{Code::kBadModel,
                     g.source + ": tensor '" + tensor(g, t).name + "' is read as int8 weights of different kinds"};
      have = wanted;
      seen[static_cast<size_t>(t)] = true;
    }
  return all;
}

std::vector<std::byte> stored(const Tensor& t, const std::optional<schema::PackedShape>& packing) {
  if (!packing) return t.data;
  std::vector<std::byte> packed(static_cast<size_t>(packing->bytes()));
  schema::pack_conv_s8(*packing, t.values<int8_t>().data(), reinterpret_cast<int8_t*>(packed.data()));
  return packed;
}

Result<void> check(const Graph& g) {
  for (const Tensor& t : g.tensors)
    if (t.constant &&
        (t.shape.elements() < 0 || static_cast<size_t>(t.shape.elements()) * size_of(t.dtype) != t.data.size()))
      return Error{Code::kBadModel, g.source + ": tensor '" + t.name + "': " + std::to_string(t.data.size()) +
                                        " bytes do not fit " + t.shape.text()};
  return {};
}

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

// The oldest readers that know all ops of the graph: files that do without new ones stay readable for them.
uint32_t least_minor(const Graph& g) {
  uint32_t minor = 0;
  for (const Node& n : g.nodes)
    if (const OpKind* kind = find_op(n.op.type)) minor = std::max(minor, kind->since);
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
    model.nodes.push_back(std::move(node));
  }
}

}  // namespace

Result<std::vector<std::byte>> emit(const Graph& g) {
  if (auto done = check(g); !done) return done.error();
  auto packed = packings(g);
  if (!packed) return packed.error();
  schema::ModelT model;
  model.producer = "octet " + std::string(version());
  model.inputs = g.inputs;
  model.outputs = g.outputs;
  model.int8_ops = g.int8_ops;
  for (const auto& [key, value] : g.metadata) {
    auto kv = std::make_unique<schema::KeyValueT>();
    kv->key = key;
    kv->value = value;
    model.metadata.push_back(std::move(kv));
  }
  describe_nodes(g, model);
  std::vector<std::byte> weights;
  for (size_t i = 0; i < g.tensors.size(); ++i) {
    auto t = described(g.tensors[i]);
    if (t->constant) {
      const std::vector<std::byte> data = stored(g.tensors[i], (*packed)[i]);
      t->packing = (*packed)[i] ? schema::Packing::conv_s8 : schema::Packing::dense;
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

Result<void> write_file(const std::string& path, std::span<const std::byte> bytes) {
  const std::string partial = path + ".partial";
  std::error_code failed;
  std::ofstream out(partial, std::ios::binary | std::ios::trunc);
  if (!out) return Error{Code::kIo, path + ": cannot be created"};
  out.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  out.close();
  if (out) std::filesystem::rename(partial, path, failed);
  if (out && !failed) return {};
  const std::string why = failed ? failed.message() : "cannot be written";
  std::filesystem::remove(partial, failed);
  return Error{Code::kIo, path + ": " + why};
}

}  // namespace octet::convert
