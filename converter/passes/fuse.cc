// What a convolution or matrix product does along: activations and residuals.
// Before: y = Relu(Conv(x))                After: y = Conv(x, act=relu)   Unless: the conv has another reader
// Before: y = Relu(Add(Conv(x), r))        After: y = Conv(x, residual=r, relu_after)
// Unless: the conv has another reader, r has another shape or is constant, or the model is quantised and r is not
#include "converter/passes/rewrite.h"

namespace octet::convert {
namespace {

using schema::Activation;
using schema::ActKind;

// The field to which an activation of the node's result can go.
Activation* act_field(Node& n) {
  if (auto* op = as<schema::Conv2dT>(n)) return n.inputs.size() < 4 ? &op->act : nullptr;
  if (auto* op = as<schema::MatMulT>(n)) return &op->act;
  if (auto* op = as<schema::BinaryT>(n)) return &op->act;
  return nullptr;
}

bool fuse_activation(Rewriter& r, int i, bool into_binary) {
  Graph& g = r.g;
  Node& n = r.node(i);
  auto* op = as<schema::UnaryT>(n);
  if (!op || op->kind != schema::UnaryKind::act || !r.uses().single(n.inputs[0])) return false;
  Node* maker = producer(g, r.uses(), n.inputs[0]);
  if (!maker || (as<schema::BinaryT>(*maker) && (!into_binary || tensor(g, n.inputs[0]).dtype != DType::kF32)))
    return false;
  if (auto* conv = as<schema::Conv2dT>(*maker); conv && maker->inputs.size() == 4) {
    if (op->act.kind() != ActKind::relu) return false;
    conv->relu_after = true;
  } else {
    Activation* field = act_field(*maker);
    if (!field || field->kind() != ActKind::none) return false;
    *field = op->act;
  }
  r.set_outputs(r.uses().made_by(n.inputs[0]), n.outputs);
  r.erase(i);
  return true;
}

bool fuse_residual(Rewriter& r, int i) {
  Graph& g = r.g;
  const Uses& uses = r.uses();
  const Node& n = r.node(i);
  auto* op = as<schema::BinaryT>(n);
  if (!op || op->kind != schema::BinaryKind::add || op->act.kind() != ActKind::none || n.inputs[0] == n.inputs[1])
    return false;
  int best = -1;
  size_t operand = 0;
  for (size_t k = 0; k < 2; ++k) {
    const TensorId made = n.inputs[k], other = n.inputs[1 - k];
    const int maker = uses.made_by(made);
    if (maker < 0 || !uses.single(made) || (best >= 0 && !r.comes_before(best, maker))) continue;
    const Node& conv = g.nodes[static_cast<size_t>(maker)];
    if (!as<schema::Conv2dT>(conv) || conv.inputs.size() == 4) continue;
    if (tensor(g, other).constant || tensor(g, other).shape != tensor(g, made).shape ||
        tensor(g, other).dtype != DType::kF32)
      continue;
    // In int8 the residual is u8, too: where training did not round it, the sum stays an op of its own.
    const Node* rounds = producer(g, uses, other);
    if (g.quantised && !(rounds && as<schema::FakeQuantizeT>(*rounds))) continue;
    best = maker;
    operand = k;
  }
  if (best < 0) return false;
  // The conv moves to where the sum was: there both operands exist, and nobody else reads it before.
  std::vector<TensorId> inputs = r.node(best).inputs;
  inputs.resize(3, -1);
  inputs.push_back(n.inputs[1 - operand]);
  r.set_inputs(best, std::move(inputs));
  r.set_outputs(best, n.outputs);
  r.take_place(best, i);
  return true;
}

}  // namespace

int fuse_activations(Graph& g) {
  return rewrite_nodes(g, [](Rewriter& r, int i) { return fuse_activation(r, i, false); });
}

int fuse_residuals(Graph& g) {
  const int residuals = rewrite_nodes(g, fuse_residual);
  // Only now may sums take an activation: before, that of a residual sum belonged to its convolution.
  return residuals + rewrite_nodes(g, [](Rewriter& r, int i) { return fuse_activation(r, i, true); });
}

}  // namespace octet::convert
