// Nodes go, scales stay: first on the tensors that they stood behind, then on those that only moving separates from them.
#include "converter/quant/freeze.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include "converter/graph/rewriter.h"
#include "converter/passes/passes.h"
#include "converter/quant/grid.h"
#include "converter/quant/roles.h"
#include "runtime/core/precision.h"

namespace octet::convert {
namespace {

uint8_t zero_point(const schema::FakeQuantizeT& op) { return static_cast<uint8_t>(std::clamp(-op.low, 0, 255)); }

const schema::FakeQuantizeT* rounding(const Graph& g, int node) { return as<schema::FakeQuantizeT>(g.nodes[at(node)]); }

// Whether all that read what the node reads see it rounded as the node does.
bool alone(const Graph& g, const Uses& uses, const Node& n) {
  const auto* op = as<schema::FakeQuantizeT>(n);
  const auto& users = uses.users[at(n.inputs[0])];
  return uses.outputs[at(n.inputs[0])] == 0 && std::all_of(users.begin(), users.end(), [&](int u) {
           const auto* other = rounding(g, u);
           return other && other->scale == op->scale && other->low == op->low;
         });
}

// Rounds what is rounded to other steps already: what other readers of those must not see.
bool requantises(const Graph& g, const Uses& uses, const Node& n) {
  const auto* op = as<schema::FakeQuantizeT>(n);
  const auto* before = uses.made_by(n.inputs[0]) < 0 ? nullptr : rounding(g, uses.made_by(n.inputs[0]));
  return before && before->scale > 0 && (before->scale != op->scale || before->low != op->low);
}

// Rounding clamps too, and exporters leave out the ReLU that it makes needless. A layer says so itself, for runs in float.
void clamp_layer(Graph& g, const Uses& uses, TensorId t, const schema::FakeQuantizeT& op) {
  Node* maker = producer(g, uses, t);
  if (maker && as<schema::ConcatT>(*maker))
    for (TensorId part : std::vector<TensorId>(maker->inputs))
      if (uses.single(part)) clamp_layer(g, uses, part, op);
  if (!maker || maker->inputs.size() > 3) return;
  auto* conv = as<schema::Conv2dT>(*maker);
  auto* product = as<schema::MatMulT>(*maker);
  schema::Activation* act = conv ? &conv->act : product ? &product->act : nullptr;
  if (!act || act->kind() != schema::ActKind::none) return;
  *act = schema::Activation(schema::ActKind::clip, static_cast<float>(op.low) * op.scale,
                            static_cast<float>(op.high) * op.scale);
}

// A node's scale goes to the tensor before it; where somebody reads that tensor unrounded, to a copy, which is a view. From
// one scale to another goes a table.
void take_scales(Graph& g) {
  const Uses uses(g);
  std::vector<bool> goes(g.nodes.size(), false);
  std::vector<size_t> copies, tables;
  for (size_t i = 0; i < g.nodes.size(); ++i) {
    const Node& n = g.nodes[i];
    const auto* op = as<schema::FakeQuantizeT>(n);
    if (!op || op->scale == 0) continue;
    if (uses.outputs[at(n.outputs[0])]) continue;  // rounding its own output is part of what a model computes
    const bool table = requantises(g, uses, n);
    goes[i] = !table && alone(g, uses, n);
    if (!goes[i]) (table ? tables : copies).push_back(i);
    if (goes[i]) clamp_layer(g, uses, n.inputs[0], *op);
    g.tensors[at(goes[i] ? n.inputs[0] : n.outputs[0])].quant = {{op->scale}, {zero_point(*op)}};
  }
  for (size_t i : copies) {
    const Shape& shape = tensor(g, g.nodes[i].inputs[0]).shape;
    g.nodes[i].op = make_op(schema::ReshapeT{.shape = *reshape_spec(shape, shape)});
  }
  for (size_t i : tables) g.nodes[i].op = make_op(schema::UnaryT{});
  Rewriter r(g);
  for (int i = static_cast<int>(goes.size()); i-- > 0;) {
    if (!goes[at(i)]) continue;
    const TensorId from = r.node(i).outputs[0], to = r.node(i).inputs[0];
    r.erase(i);
    r.replace_uses(from, to);
  }
}

// Whether rounding before the op gives what rounding after it gives.
bool commutes(const Graph& g, const Node& n) {
  const auto* resize = as<schema::ResizeT>(n);
  return role(g, n) == Role::kSame && !(resize && resize->mode == schema::ResizeMode::linear);
}

// To operands that nobody else reads: others would read the rounded values.
void pull_scales(Graph& g) {
  const Uses uses(g);
  for (size_t i = g.nodes.size(); i-- > 0;) {
    const Node& n = g.nodes[i];
    if (!commutes(g, n) || tensor(g, n.outputs[0]).quant.empty()) continue;
    for (TensorId t : n.inputs) {
      if (t < 0 || tensor(g, t).dtype != DType::kF32 || tensor(g, t).constant) continue;
      if (tensor(g, t).quant.empty() && uses.single(t)) g.tensors[at(t)].quant = tensor(g, n.outputs[0]).quant;
    }
  }
}

// To results of what only moves: an upsampled int8 tensor is an int8 tensor.
void push_scales(Graph& g) {
  for (const Node& n : g.nodes) {
    const TensorId out = n.outputs[0];
    if (!commutes(g, n) || !tensor(g, out).quant.empty() || tensor(g, n.inputs[0]).quant.empty()) continue;
    const bool alike = std::all_of(n.inputs.begin(), n.inputs.end(), [&](TensorId t) {
      return t < 0 || tensor(g, t).dtype != DType::kF32 ||
             tensor(g, t).quant.scale == tensor(g, n.inputs[0]).quant.scale;
    });
    if (alike) g.tensors[at(out)].quant = tensor(g, n.inputs[0]).quant;
  }
}

// act(conv) + residual, then max(.., 0), as two nodes.
void split_residual(Graph& g, size_t i) {
  Node& n = g.nodes[i];
  auto* op = as<schema::Conv2dT>(n);
  const TensorId out = n.outputs[0], residual = n.inputs[3];
  const auto kind = op->relu_after ? schema::ActKind::relu : schema::ActKind::none;
  op->relu_after = false;
  const TensorId sum = add_like(g, out, tensor(g, out).shape);
  n.inputs.resize(3);
  n.outputs = {sum};
  Node add{.name = n.name + ":add",
           .op = make_op(schema::BinaryT{.kind = schema::BinaryKind::add, .act = {kind, 0, 0}}),
           .inputs = {sum, residual},
           .outputs = {out}};
  insert(g, static_cast<int>(i) + 1, std::move(add));
}

// The bias is added in units of the accumulator, which has to hold it: at most 2^29 of them.
float least_step(const Graph& g, const Node& n, size_t channel) {
  const Quant& x = tensor(g, n.inputs[0]).quant;
  const bool biased = n.inputs.size() > 2 && n.inputs[2] >= 0;
  const float bias = biased ? std::fabs(tensor(g, n.inputs[2]).values<float>()[channel]) : 0;
  return std::max(x.empty() ? 0 : bias / 536870912 / x.scale[0], std::numeric_limits<float>::min() * 1024);
}

bool store_weights(Graph& g, Node& n, Frozen& frozen) {
  const Tensor& w = tensor(g, n.inputs[1]);
  auto grid = weights_on_grid(w.values<float>(), w.shape[0]);
  if (!grid) return false;
  for (size_t c = 0; c < grid->step.size(); ++c) {
    const float least = least_step(g, n, c);
    if (grid->step[c] > 0 && grid->step[c] < least) return false;
    grid->step[c] = std::max(grid->step[c], least);
  }
  Tensor stored = make_constant<int8_t>(w.name + ".s8", w.shape, grid->values);
  stored.weight_scale = std::move(grid->step);
  n.inputs[1] = g.add(std::move(stored));
  frozen.largest_error = std::max(frozen.largest_error, grid->largest_error);
  return true;
}

}  // namespace

Frozen freeze(Graph& g, const std::vector<std::string>& split) {
  Frozen frozen;
  std::set<std::string> counted;
  const auto is_first_piece = [&](const std::string& name) {
    const auto whole = std::find_if(split.begin(), split.end(), [&](const std::string& s) { return is_of(name, s); });
    return whole == split.end() || counted.insert(*whole).second;
  };
  take_scales(g);
  pull_scales(g);
  push_scales(g);
  for (size_t i = 0; i < g.nodes.size(); ++i) {
    if (role(g, g.nodes[i]) != Role::kLayer) continue;
    const bool scaled = !tensor(g, g.nodes[i].inputs[0]).quant.empty();
    const bool stored = store_weights(g, g.nodes[i], frozen);
    if (!stored || !scaled) {
      frozen.float_layers.push_back(g.nodes[i].name);
      frozen.weights_only += stored;
      continue;
    }
    frozen.layers += is_first_piece(g.nodes[i].name);
    const auto& inputs = g.nodes[i].inputs;
    if (inputs.size() > 3 && inputs[3] >= 0 && tensor(g, inputs[3]).quant.empty()) split_residual(g, i);
  }
  remove_unused_tensors(g);
  make_names_unique(g);
  return frozen;
}

}  // namespace octet::convert
