// Finds activations that exporters spell with several nodes, and brings them to where they can be fused.
// Before: y = Mul(x, Sigmoid(x))                    After: y = SiLU(x)
// Before: y = Div(Clip(Add(x, 3), 0, 6), 6)         After: y = HardSigmoid(x)    (any affine map around any clip to [0, 1])
// Before: y = Div(Mul(x, Clip(Add(x, 3), 0, 6)), 6) After: y = HardSwish(x)
// Unless: a constant differs between channels.
#include <cmath>

#include "converter/passes/affine_map.h"

namespace octet::convert {
namespace {

using schema::Activation;
using schema::ActKind;
using schema::BinaryKind;

const Activation* unary_act(Graph& g, const Uses& uses, TensorId t) {
  Node* n = producer(g, uses, t);
  auto* op = n ? as<schema::UnaryT>(*n) : nullptr;
  return op && op->kind == schema::UnaryKind::act ? &op->act : nullptr;
}

bool near(float a, float b) { return std::fabs(a - b) <= 1e-5f * std::max(1.0f, std::fabs(b)); }

// t = clamp(a * x + b, 0, high), also as a HardSigmoid times `high`.
struct Ramp {
  TensorId x;
  float a, b, high;
};

std::optional<Ramp> ramp_of(Graph& g, const Uses& uses, TensorId t) {
  const Activation* act = unary_act(g, uses, t);
  if (!act) return std::nullopt;
  const TensorId in = producer(g, uses, t)->inputs[0];
  if (act->kind() == ActKind::hard_sigmoid) return Ramp{in, act->a(), act->b(), 1};
  if (act->kind() != ActKind::clip || act->a() != 0 || !(act->b() > 0) || act->b() > 1e6f) return std::nullopt;
  const AffineMap inner = affine_of(g, uses, in);
  return Ramp{inner.x, inner.scale, inner.shift, act->b()};
}

// The product x * ramp(x), whichever operand comes first.
std::optional<Ramp> gated_ramp(Graph& g, const Uses& uses, TensorId t) {
  Node* n = producer(g, uses, t);
  auto* op = n ? as<schema::BinaryT>(*n) : nullptr;
  if (!op || op->kind != BinaryKind::mul || op->act.kind() != ActKind::none) return std::nullopt;
  for (size_t k = 0; k < 2; ++k) {
    auto ramp = ramp_of(g, uses, n->inputs[k]);
    if (ramp && ramp->x == n->inputs[1 - k]) return ramp;
  }
  return std::nullopt;
}

void become(Rewriter& r, int i, Activation act, TensorId x) {
  r.node(i).op = make_op(schema::UnaryT{.act = act});
  r.set_inputs(i, {x});
}

bool find_silu(Rewriter& r, int i) {
  Graph& g = r.g;
  const Uses& uses = r.uses();
  const Node& n = r.node(i);
  auto* op = as<schema::BinaryT>(n);
  if (!op || op->kind != BinaryKind::mul) return false;
  for (size_t k = 0; k < 2; ++k) {
    const Activation* act = unary_act(g, uses, n.inputs[k]);
    if (!act || act->kind() != ActKind::sigmoid || producer(g, uses, n.inputs[k])->inputs[0] != n.inputs[1 - k])
      continue;
    become(r, i, Activation(ActKind::silu, 0, 0), n.inputs[1 - k]);
    return true;
  }
  return false;
}

// scale * ramp, with ramp's slope and offset divided by its height, is a hard sigmoid where scale * height is 1.
bool find_hard(Rewriter& r, int i) {
  Graph& g = r.g;
  const Uses& uses = r.uses();
  const Node& n = r.node(i);
  if (!as<schema::BinaryT>(n)) return false;
  const AffineMap outer = affine_of(g, uses, n.outputs[0]);
  if (outer.shift != 0) return false;
  auto fits = [&](const std::optional<Ramp>& ramp) { return ramp && near(outer.scale * ramp->high, 1); };
  if (const auto gated = gated_ramp(g, uses, outer.x); fits(gated)) {
    become(r, i, Activation(ActKind::hard_swish, gated->a / gated->high, gated->b / gated->high), gated->x);
    return true;
  }
  if (outer.x == n.outputs[0]) return false;
  if (const auto ramp = ramp_of(g, uses, outer.x); fits(ramp)) {
    become(r, i, Activation(ActKind::hard_sigmoid, ramp->a / ramp->high, ramp->b / ramp->high), ramp->x);
    return true;
  }
  return false;
}

// Before: y = x * Clip(x + 3, 0, 6), z = y * s   is found above; a clip to [0, 1] of an affine map alone is found here.
bool find_unit_clip(Rewriter& r, int i) {
  Graph& g = r.g;
  const Uses& uses = r.uses();
  const Node& n = r.node(i);
  const Activation* act = unary_act(g, uses, n.outputs[0]);
  if (!act || act->kind() != ActKind::clip || act->a() != 0 || act->b() != 1) return false;
  const auto ramp = ramp_of(g, uses, n.outputs[0]);
  if (!ramp || ramp->x == n.inputs[0]) return false;
  become(r, i, Activation(ActKind::hard_sigmoid, ramp->a, ramp->b), ramp->x);
  return true;
}

// Where an activation that stands after t can be applied instead: nodes that only move elements lie between.
bool reaches_fusable(Graph& g, const Uses& uses, TensorId t, int depth) {
  Node* n = producer(g, uses, t);
  if (!n || !uses.single(t) || depth > 16) return false;
  if (auto* op = as<schema::Conv2dT>(*n)) return op->act.kind() == ActKind::none && n->inputs.size() < 4;
  if (auto* op = as<schema::MatMulT>(*n)) return op->act.kind() == ActKind::none;
  if (as<schema::ReshapeT>(*n) || as<schema::TransposeT>(*n)) return reaches_fusable(g, uses, n->inputs[0], depth + 1);
  if (!as<schema::ConcatT>(*n)) return false;
  return std::all_of(n->inputs.begin(), n->inputs.end(),
                     [&](TensorId in) { return reaches_fusable(g, uses, in, depth + 1); });
}

// One step up: Op(f(x)) for f(Op(x)).
bool hoist(Rewriter& r, int i) {
  Graph& g = r.g;
  const Uses& uses = r.uses();
  const Node n = r.node(i);
  const Activation* act = unary_act(g, uses, n.outputs[0]);
  const int up = act ? uses.made_by(n.inputs[0]) : -1;
  if (up < 0) return false;
  const Node mover = r.node(up);
  if (!as<schema::ReshapeT>(mover) && !as<schema::TransposeT>(mover) && !as<schema::ConcatT>(mover)) return false;
  if (!reaches_fusable(g, uses, n.inputs[0], 0)) return false;
  const size_t data_inputs = as<schema::ConcatT>(mover) ? mover.inputs.size() : 1;
  for (size_t k = 0; k < data_inputs; ++k) {
    const TensorId x = mover.inputs[k];
    const TensorId y = add_like(g, x, tensor(g, x).shape);
    g.tensors[static_cast<size_t>(y)].observed = 0;
    r.insert_before(up, {.name = n.name, .op = n.op, .inputs = {x}, .outputs = {y}, .fused = n.fused});
    r.set_input(up, k, y);
  }
  r.set_outputs(up, n.outputs);
  r.erase(i);
  return true;
}

}  // namespace

int find_activations(Graph& g) {
  return rewrite_nodes(g,
                       [](Rewriter& r, int i) { return find_silu(r, i) || find_hard(r, i) || find_unit_clip(r, i); });
}

int hoist_activations(Graph& g) { return rewrite_nodes(g, hoist); }

}  // namespace octet::convert
