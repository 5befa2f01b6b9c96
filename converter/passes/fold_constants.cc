// Nodes whose operands are all constant are computed now, by the runtime itself, so that an op has one meaning.
// Before: y = Mul(constant, constant)   After: y = constant   Unless: the result would be large (an Expand kept small in the file),
// or all constants together more than the graph may have.
#include "converter/graph/as_model.h"
#include "converter/passes/rewrite.h"

namespace octet::convert {
namespace {

constexpr int64_t kMaxElements = int64_t{1} << 26;

// `room`: bytes that results may still take; those of a foldable node are taken from it.
bool is_foldable(const Graph& g, const Node& n, const std::vector<bool>& known, uint64_t& room) {
  uint64_t bytes = 0;
  for (TensorId t : n.outputs) {
    const int64_t size = tensor(g, t).shape.elements();
    if (size < 0 || size > kMaxElements) return false;
    bytes += static_cast<uint64_t>(size) * size_of(tensor(g, t).dtype);
  }
  if (bytes > room || std::any_of(n.inputs.begin(), n.inputs.end(),
                                  [&](TensorId t) { return t >= 0 && !known[static_cast<size_t>(t)]; }))
    return false;
  room -= bytes;
  return true;
}

// The foldable nodes as a graph of their own; `results`: the tensors of `g` that its outputs stand for.
Graph constant_part(const Graph& g, const std::vector<bool>& foldable, std::vector<TensorId>& results) {
  Graph part;
  part.source = g.source + " (constant part)";
  part.tensors.resize(g.tensors.size());
  std::vector<bool> wanted(g.tensors.size(), false);
  for (size_t i = 0; i < g.nodes.size(); ++i)
    if (!foldable[i])
      for (TensorId t : g.nodes[i].inputs)
        if (t >= 0) wanted[static_cast<size_t>(t)] = true;
  for (TensorId t : g.outputs) wanted[static_cast<size_t>(t)] = true;
  for (size_t i = 0; i < g.nodes.size(); ++i) {
    if (!foldable[i]) continue;
    const Node& n = g.nodes[i];
    part.nodes.push_back(n);
    for (const auto* ids : {&n.inputs, &n.outputs})
      for (TensorId t : *ids)
        if (t >= 0) part.tensors[static_cast<size_t>(t)] = tensor(g, t);
    for (TensorId t : n.outputs)
      if (wanted[static_cast<size_t>(t)]) results.push_back(t);
  }
  part.outputs = results;
  // A model has at least one input; nobody reads this one.
  part.inputs = {part.add({.name = "none", .dtype = DType::kF32, .shape = {1}})};
  remove_dead(part);
  remove_unused_tensors(part);
  make_names_unique(part);
  return part;
}

}  // namespace

Result<int> fold_constants(Graph& g) {
  std::vector<bool> known(g.tensors.size(), false), is_output(g.tensors.size(), false), foldable(g.nodes.size(), false);
  for (TensorId t : g.outputs) is_output[at(t)] = true;
  for (size_t t = 0; t < g.tensors.size(); ++t) known[t] = g.tensors[t].constant;
  const uint64_t bytes = g.constant_bytes();
  uint64_t room = g.constant_limit > bytes ? g.constant_limit - bytes : 0;
  bool any = false;
  for (size_t i = 0; i < g.nodes.size(); ++i) {
    const std::vector<TensorId>& out = g.nodes[i].outputs;
    const bool is_public = std::any_of(out.begin(), out.end(), [&](TensorId t) { return is_output[at(t)]; });
    foldable[i] = !is_public && is_foldable(g, g.nodes[i], known, room);
    for (TensorId t : out) known[static_cast<size_t>(t)] = foldable[i];
    any = any || foldable[i];
  }
  if (!any) return 0;
  std::vector<TensorId> results;
  Graph part = constant_part(g, foldable, results);
  if (results.empty()) return 0;
  auto model = as_model(std::make_shared<const Graph>(std::move(part)));
  if (!model) return model.error();
  auto session = Session::create(*model, {.precision = Precision::kF32, .memory_limit = g.constant_limit});
  if (!session) return session.error();
  if (auto done = session->run(); !done) return done.error();
  for (size_t i = 0; i < results.size(); ++i) {
    const octet::Tensor value = session->output(static_cast<int>(i));
    Tensor& t = g.tensors[static_cast<size_t>(results[i])];
    t.constant = true;
    t.shape = value.shape;
    const auto* data = static_cast<const std::byte*>(value.data);
    t.data.assign(data, data + static_cast<size_t>(value.shape.elements()) * size_of(value.dtype));
  }
  size_t i = 0;
  return static_cast<int>(std::erase_if(g.nodes, [&](const Node&) { return foldable[i++]; }));
}

}  // namespace octet::convert
