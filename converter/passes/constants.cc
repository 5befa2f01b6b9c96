// Shapes that are known, and what follows from them.
// Before: s = Shape(x), x: {1, 3, 8, 8}   After: s = constant {1, 3, 8, 8}   Unless: a size is dynamic.
// Before: y = Reshape(x, constant)        After: y = Reshape(x) with an attribute   (Slice, Pad, Resize likewise)
#include <limits>

#include "converter/graph/shapes.h"
#include "converter/passes/rewrite.h"
#include "runtime/core/op.h"

namespace octet::convert {
namespace {

std::optional<std::vector<int64_t>> all_known(const Graph& g, TensorId t) {
  auto values = known_values(g, t);
  if (!values || std::count(values->begin(), values->end(), kUnknown)) return std::nullopt;
  return values;
}

bool reshape_by_constant(Graph& g, Node& n) {
  if (n.inputs.size() != 2) return false;
  auto values = known_values(g, n.inputs[1]);
  if (!values || values->empty()) return false;
  // One size that is unknown is the rest.
  if (std::count(values->begin(), values->end(), -1) + std::count(values->begin(), values->end(), kUnknown) > 1)
    return false;
  for (size_t i = 0; i < values->size(); ++i)
    if ((*values)[i] == 0)
      (*values)[i] = -2 - static_cast<int64_t>(i);
    else if ((*values)[i] == kUnknown)
      (*values)[i] = -1;
  n.op.AsReshape()->shape = *values;
  n.inputs.resize(1);
  return true;
}

bool slice_by_constant(Graph& g, Node& n) {
  if (n.inputs.size() != 5) return false;
  std::vector<int64_t> v[4];
  for (size_t i = 0; i < 4; ++i) {
    auto values = constant_ints(g, n.inputs[i + 1]);
    if (!values && i < 2) values = all_known(g, n.inputs[i + 1]);
    if (!values || (i && values->size() != v[0].size())) return false;
    v[i] = *values;
  }
  const int rank = tensor(g, n.inputs[0]).shape.rank();
  std::vector<int> axes;
  for (int64_t a : v[2]) {
    if (a < -rank || a >= rank) return false;
    axes.push_back(static_cast<int>(a < 0 ? a + rank : a));
  }
  if (v[0].empty()) return false;
  *n.op.AsSlice() = schema::SliceT{.starts = v[0], .ends = v[1], .axes = axes, .steps = v[3]};
  n.inputs.resize(1);
  return true;
}

bool pad_by_constant(Graph& g, Node& n) {
  if (n.inputs.size() != 2) return false;
  const auto values = all_known(g, n.inputs[1]);
  const size_t rank = static_cast<size_t>(tensor(g, n.inputs[0]).shape.rank());
  if (!values || values->size() != 2 * rank) return false;
  n.op.AsPad()->before.assign(values->begin(), values->begin() + static_cast<int64_t>(rank));
  n.op.AsPad()->after.assign(values->begin() + static_cast<int64_t>(rank), values->end());
  n.inputs.resize(1);
  return true;
}

bool resize_by_constant(Graph& g, Node& n) {
  if (n.inputs.size() != 2) return false;
  const auto values = all_known(g, n.inputs[1]);
  if (!values || values->size() != 2) return false;
  n.op.AsResize()->size = *values;
  n.inputs.resize(1);
  return true;
}

}  // namespace

int fold_shapes(Graph& g) {
  return rewrite_nodes(g, [](Rewriter& r, int i) {
    const Node& n = r.node(i);
    const TensorId out = n.outputs[0];
    if (tensor(r.g, out).dtype != DType::kS64 || as<schema::ArgMaxT>(n) || n.outputs.size() != 1) return false;
    // An output of the graph that is a constant already is the copy that gives it its name.
    if (r.uses().outputs[at(out)] && as<schema::ReshapeT>(n) && tensor(r.g, n.inputs[0]).constant) return false;
    const auto values = all_known(r.g, out);
    if (!values) return false;
    r.replace_uses(out, r.g.add(make_constant<int64_t>(tensor(r.g, out).name, tensor(r.g, out).shape, *values)));
    return true;
  });
}

int constant_operands(Graph& g) {
  int count = 0;
  for (Node& n : g.nodes) {
    if (as<schema::ReshapeT>(n)) count += reshape_by_constant(g, n);
    if (as<schema::SliceT>(n)) count += slice_by_constant(g, n);
    if (as<schema::PadT>(n)) count += pad_by_constant(g, n);
    if (as<schema::ResizeT>(n)) count += resize_by_constant(g, n);
  }
  return count;
}

}  // namespace octet::convert
