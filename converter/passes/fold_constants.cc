// Nodes whose operands are all constant are computed now.
// Before: y = Mul(constant, constant)   After: y = constant   Unless: the result would be large (an Expand kept small in the file),
// or all constants together more than the graph may have.
#include "converter/graph/evaluate.h"
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

// The results of foldable nodes that others read.
std::vector<TensorId> read_results(const Graph& g, const std::vector<bool>& foldable) {
  std::vector<bool> read(g.tensors.size(), false);
  for (size_t i = 0; i < g.nodes.size(); ++i)
    for (TensorId t : g.nodes[i].inputs)
      if (!foldable[i] && t >= 0) read[at(t)] = true;
  std::vector<TensorId> results;
  for (size_t i = 0; i < g.nodes.size(); ++i)
    for (TensorId t : g.nodes[i].outputs)
      if (foldable[i] && read[at(t)]) results.push_back(t);
  return results;
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
  const std::vector<TensorId> results = read_results(g, foldable);
  if (results.empty()) return 0;
  std::vector<Node> nodes;
  for (size_t i = 0; i < g.nodes.size(); ++i)
    if (foldable[i]) nodes.push_back(g.nodes[i]);
  if (auto done = evaluate(g, nodes, results); !done) return done.error();
  size_t i = 0;
  return static_cast<int>(std::erase_if(g.nodes, [&](const Node&) { return foldable[i++]; }));
}

}  // namespace octet::convert
