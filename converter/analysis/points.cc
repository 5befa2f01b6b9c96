#include "converter/analysis/points.h"

#include <algorithm>

#include "runtime/core/op.h"

namespace octet::analysis {
namespace {

bool any_of(const std::vector<int>& tensors, const std::vector<bool>& marked) {
  return std::any_of(tensors.begin(), tensors.end(), [&](int t) { return t >= 0 && marked[at(t)]; });
}

// Whether one of the nodes comes behind each node.
std::vector<bool> before(const ModelData& m, const Links& links, const std::vector<bool>& nodes) {
  std::vector<bool> found(m.nodes.size(), false);
  for (size_t n = m.nodes.size(); n-- > 0;)
    for (int t : m.nodes[n].outputs)
      for (int reader : t < 0 ? std::vector<int>{} : links.readers[at(t)])
        found[n] = found[n] || nodes[at(reader)] || found[at(reader)];
  return found;
}

// Whether the node makes integers of numbers that data decide.
bool rounds(const ModelData& m, const Links& links, const NodeDef& node) {
  return std::any_of(node.outputs.begin(), node.outputs.end(), [&](int t) {
    return t >= 0 && m.tensors[at(t)].dtype != DType::kF32 && !links.from_shapes[at(t)];
  });
}

}  // namespace

Points points_of(const ModelData& m, const Links& links, const std::vector<bool>& int8) {
  const std::vector<bool> layers_come = before(m, links, int8);
  std::vector<bool> touched(m.tensors.size(), false);  // int8 nodes have a part in it
  std::vector<bool> chosen(m.tensors.size(), false);   // it depends on a choice
  std::vector<bool> listed(m.tensors.size(), false);   // and that picks, or decides how many there are
  std::vector<bool> is_point(m.tensors.size(), false);
  for (size_t n = 0; n < m.nodes.size(); ++n) {
    const NodeDef& node = m.nodes[n];
    const bool of_chosen = any_of(node.inputs, chosen), of_touched = int8[n] || any_of(node.inputs, touched);
    const bool picks = node.kind->picks || node.kind->sizes_from_data, chooses = picks || rounds(m, links, node);
    const bool ends = of_chosen || (chooses && of_touched && !layers_come[n]);
    const bool lists = ends && (picks || any_of(node.inputs, listed));
    for (int t : node.outputs)
      if (t >= 0) touched[at(t)] = of_touched && !node.kind->shapes_only, chosen[at(t)] = ends, listed[at(t)] = lists;
    for (int t : node.inputs)
      if (ends && t >= 0 && touched[at(t)] && !chosen[at(t)] && m.tensors[at(t)].dtype == DType::kF32)
        is_point[at(t)] = true;
  }
  Points points;
  for (size_t i = 0; i < m.outputs.size(); ++i) {
    const size_t t = at(m.outputs[i]);
    if (m.tensors[t].dtype != DType::kF32)
      points.choices.push_back({static_cast<int>(i), listed[t]});
    else if (touched[t] && !chosen[t])
      is_point[t] = true;
  }
  for (size_t t = 0; t < is_point.size(); ++t)
    if (is_point[t]) points.tensors.push_back(static_cast<int>(t));
  return points;
}

}  // namespace octet::analysis
