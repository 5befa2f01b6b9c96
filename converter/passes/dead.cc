// What nobody reads goes.
// Before: y = Relu(x), y unused   After: nothing   Unless: y is an output of the graph.
#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "converter/passes/passes.h"

namespace octet::convert {

int remove_dead(Graph& g) {
  std::vector<bool> needed(g.tensors.size(), false);
  for (TensorId t : g.outputs) needed[static_cast<size_t>(t)] = true;
  std::vector<bool> keep(g.nodes.size(), false);
  int removed = 0;
  for (size_t i = g.nodes.size(); i-- > 0;) {
    const auto& outputs = g.nodes[i].outputs;
    keep[i] = std::any_of(outputs.begin(), outputs.end(), [&](TensorId t) { return needed[static_cast<size_t>(t)]; });
    removed += !keep[i];
    if (!keep[i]) continue;
    for (TensorId t : g.nodes[i].inputs)
      if (t >= 0) needed[static_cast<size_t>(t)] = true;
  }
  if (removed) {
    size_t to = 0;
    for (size_t i = 0; i < g.nodes.size(); ++i) {
      if (!keep[i]) continue;
      if (to != i) g.nodes[to] = std::move(g.nodes[i]);
      ++to;
    }
    g.nodes.resize(to);
  }
  return removed;
}

void remove_unused_tensors(Graph& g) {
  std::vector<TensorId> renumbered(g.tensors.size(), -1);
  auto mark = [&](const std::vector<TensorId>& ids) {
    for (TensorId t : ids)
      if (t >= 0) renumbered[static_cast<size_t>(t)] = 0;
  };
  mark(g.inputs);
  mark(g.outputs);
  for (const Node& n : g.nodes) mark(n.inputs), mark(n.outputs);
  std::vector<Tensor> kept;
  for (size_t i = 0; i < g.tensors.size(); ++i) {
    if (renumbered[i] < 0) continue;
    renumbered[i] = static_cast<TensorId>(kept.size());
    kept.push_back(std::move(g.tensors[i]));
  }
  g.tensors = std::move(kept);
  auto renumber = [&](std::vector<TensorId>& ids) {
    for (TensorId& t : ids)
      if (t >= 0) t = renumbered[static_cast<size_t>(t)];
  };
  renumber(g.inputs);
  renumber(g.outputs);
  for (Node& n : g.nodes) renumber(n.inputs), renumber(n.outputs);
}

void make_names_unique(Graph& g) {
  std::unordered_set<std::string> tensors, nodes;
  std::vector<bool> is_public(g.tensors.size(), false);
  for (const auto* ids : {&g.inputs, &g.outputs})
    for (TensorId t : *ids) {
      is_public[static_cast<size_t>(t)] = true;
      tensors.insert(tensor(g, t).name);
    }
  std::unordered_map<std::string, int> copies;  // of a name, so far
  auto unique = [&](std::string& name, std::unordered_set<std::string>& taken) {
    if (taken.insert(name).second) return;
    int& i = copies.try_emplace(name, 1).first->second;
    std::string candidate;
    do candidate = name + "'" + std::to_string(++i);
    while (!taken.insert(candidate).second);
    name = candidate;
  };
  // The nodes' results first, so that they keep the source's names where constants share them.
  for (Node& n : g.nodes) {
    for (TensorId out : n.outputs)
      if (!is_public[static_cast<size_t>(out)]) unique(g.tensors[static_cast<size_t>(out)].name, tensors);
    if (n.name.empty()) n.name = tensor(g, n.outputs[0]).name;
    unique(n.name, nodes);
  }
  for (Tensor& t : g.tensors)
    if (t.constant) unique(t.name, tensors);
}

}  // namespace octet::convert
