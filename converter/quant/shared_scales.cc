// A part's own scale says how far its values reach; the scale behind the concatenation, how many steps that is.
#include "converter/quant/shared_scales.h"

#include <cstdio>

#include "converter/graph/edit.h"
#include "converter/quant/roles.h"

namespace octet::convert {
namespace {

constexpr float kFewSteps = 8;  // of 255

const schema::FakeQuantizeT* rounding(const Graph& g, int node) {
  const auto* op = node < 0 ? nullptr : as<schema::FakeQuantizeT>(g.nodes[static_cast<size_t>(node)]);
  return op && op->scale > 0 ? op : nullptr;
}

// What rounded a tensor, through ops that only move.
const schema::FakeQuantizeT* rounded_by(const Graph& g, const Uses& uses, TensorId t) {
  int n = uses.made_by(t);
  while (n >= 0 && !rounding(g, n) && role(g, g.nodes[static_cast<size_t>(n)]) == Role::kSame)
    n = uses.made_by(g.nodes[static_cast<size_t>(n)].inputs[0]);
  return rounding(g, n);
}

std::string line(const Graph& g, const Node& concat, const schema::FakeQuantizeT& all, TensorId part, float steps) {
  char numbers[120];
  std::snprintf(numbers, sizeof numbers, "one scale of %.4g; of part '", static_cast<double>(all.scale));
  std::string text = "tensor '" + tensor(g, concat.outputs[0]).name + "' has " + numbers + tensor(g, part).name + "' ";
  std::snprintf(numbers, sizeof numbers, "it keeps %.2g of 255 steps. ", static_cast<double>(steps));
  return text + numbers +
         "The model was quantised so; a better one is made from its weights by: octet-convert quantize " + g.source +
         " --data PICTURES -o FILE.octet";
}

}  // namespace

std::vector<std::string> shared_scales(const Graph& g) {
  const Uses uses(g);
  std::vector<std::string> lines;
  for (const Node& n : g.nodes) {
    const auto& users = uses.users[static_cast<size_t>(n.outputs[0])];
    const auto* all = as<schema::ConcatT>(n) && !users.empty() ? rounding(g, *users.begin()) : nullptr;
    for (size_t i = 0; all && i < n.inputs.size(); ++i) {
      const auto* part = rounded_by(g, uses, n.inputs[i]);
      const float steps = part ? static_cast<float>(part->high - part->low) * part->scale / all->scale : kFewSteps;
      if (steps < kFewSteps) lines.push_back(line(g, n, *all, n.inputs[i], steps));
    }
  }
  return lines;
}

}  // namespace octet::convert
