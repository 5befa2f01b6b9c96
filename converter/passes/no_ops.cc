// Nodes that change nothing, and chains that are one node.
// Before: y = Reshape(Reshape(x))             After: y = Reshape(x)   Unless: sizes are unknown that only the first names
// Before: y = Slice(x), all of it             After: x                (Concat of one, Cast to the same type, Expand likewise)
#include <climits>
#include <map>

#include "converter/graph/shapes.h"
#include "converter/passes/rewrite.h"

namespace octet::convert {
namespace {

bool slices_all(const Shape& x, const schema::SliceT& op) {
  for (size_t i = 0; i < op.axes.size(); ++i) {
    const int64_t size = x[op.axes[i]];
    const bool from_start = op.steps[i] == 1 && op.starts[i] == 0;
    if (!from_start || !(op.ends[i] >= INT_MAX || (size >= 0 && op.ends[i] >= size))) return false;
  }
  return true;
}

bool is_no_op(const Graph& g, const Node& n) {
  const Tensor &x = tensor(g, n.inputs[0]), &y = tensor(g, n.outputs[0]);
  const bool same_shape = x.shape == y.shape && std::count(x.shape.begin(), x.shape.end(), -1) <= 1;
  if (as<schema::ReshapeT>(n)) return same_shape;
  if (as<schema::ExpandT>(n)) return same_shape && x.shape.elements() >= 0;
  if (as<schema::ConcatT>(n)) return n.inputs.size() == 1;
  if (auto* op = as<schema::CastT>(n)) return static_cast<DType>(op->to) == x.dtype;
  if (auto* op = as<schema::SliceT>(n)) return n.inputs.size() == 1 && slices_all(x.shape, *op);
  if (auto* op = as<schema::PadT>(n); op && n.inputs.size() == 1) {
    auto zero = [](int64_t v) { return v == 0; };
    return std::all_of(op->before.begin(), op->before.end(), zero) &&
           std::all_of(op->after.begin(), op->after.end(), zero);
  }
  return false;
}

// Its output is public and its input is too: only this node gives it the name.
bool must_stay(const Graph& g, const Uses& uses, const Node& n) {
  return uses.outputs[static_cast<size_t>(n.outputs[0])] &&
         (uses.made_by(n.inputs[0]) < 0 || uses.outputs[static_cast<size_t>(n.inputs[0])] ||
          tensor(g, n.inputs[0]).constant);
}

bool merge_reshapes(Rewriter& r, int i) {
  const Graph& g = r.g;
  Node& n = r.node(i);
  auto* then = as<schema::ReshapeT>(n);
  Node* before = then && n.inputs.size() == 1 ? producer(r.g, r.uses(), n.inputs[0]) : nullptr;
  if (!before || !as<schema::ReshapeT>(*before)) return false;
  const Shape& target = tensor(g, n.outputs[0]).shape;
  if (std::count(target.begin(), target.end(), -1) > 1 || target.rank() == 0) return false;
  const auto spec = reshape_spec(tensor(g, before->inputs[0]).shape, target);
  if (!spec) return false;
  then->shape = *spec;
  r.set_input(i, 0, before->inputs[0]);
  return true;
}

}  // namespace

bool merge_transposes(Rewriter& r, int i) {
  auto* then = as<schema::TransposeT>(r.node(i));
  if (!then) return false;
  Node* before = producer(r.g, r.uses(), r.node(i).inputs[0]);
  const auto* first = before ? as<schema::TransposeT>(*before) : nullptr;
  if (first) {
    then->perm = compose(first->perm, then->perm);
    r.set_input(i, 0, before->inputs[0]);
  }
  const Node& n = r.node(i);
  if (!is_identity(then->perm) || must_stay(r.g, r.uses(), n)) return first != nullptr;
  r.replace_uses(n.outputs[0], n.inputs[0]);
  return true;
}

int remove_no_ops(Graph& g) {
  return rewrite_nodes(g, [](Rewriter& r, int i) {
    if (merge_transposes(r, i) || merge_reshapes(r, i)) return true;
    const Node& n = r.node(i);
    if (!is_no_op(r.g, n) || must_stay(r.g, r.uses(), n)) return false;
    r.replace_uses(n.outputs[0], n.inputs[0]);
    return true;
  });
}

// Before: y = Transpose(x) that moves only dims of size 1   After: y = Reshape(x)
int transposes_to_reshapes(Graph& g) {
  int count = 0;
  for (Node& n : g.nodes) {
    auto* op = as<schema::TransposeT>(n);
    if (!op) continue;
    const Shape& x = tensor(g, n.inputs[0]).shape;
    Perm moved;
    for (int axis : op->perm)
      if (x[axis] != 1) moved.push_back(axis);
    const auto spec = reshape_spec(x, tensor(g, n.outputs[0]).shape);
    if (!is_identity(moved) || !spec || spec->empty()) continue;
    n.op = make_op(schema::ReshapeT{.shape = *spec});
    ++count;
  }
  return count;
}

// Before: a = Transpose(x, p); b = Transpose(x, p)   After: b's readers read a   (Reshape, Slice likewise)
int merge_twins(Graph& g) {
  std::map<std::vector<int64_t>, TensorId> known;  // by operand, op and attributes
  int count = 0;
  Rewriter r(g);
  for (int i = r.first(); i >= 0; i = r.after(i)) {
    const Node& n = r.node(i);
    if (n.inputs.size() != 1) continue;
    std::vector<int64_t> key{n.inputs[0], static_cast<int64_t>(n.op.type)};
    const auto add = [&](const auto& list) { key.insert(key.end(), list.begin(), list.end()); };
    if (auto* op = as<schema::TransposeT>(n))
      add(op->perm);
    else if (auto* reshape = as<schema::ReshapeT>(n))
      add(reshape->shape);
    else if (auto* slice = as<schema::SliceT>(n))  // as many of each
      add(slice->starts), add(slice->ends), add(slice->axes), add(slice->steps);
    else
      continue;
    const auto [twin, first] = known.emplace(std::move(key), n.outputs[0]);
    if (first || r.uses().outputs[at(n.outputs[0])]) continue;
    r.replace_uses(n.outputs[0], twin->second);
    ++count;
  }
  return count;
}

}  // namespace octet::convert
