// Normalisation over the last dim, spelt out, becomes one op, and takes in the scale and bias behind it.
// Before: d = x - Mean(x), y = d / Sqrt(Mean(d^2) + e)   After: y = LayerNorm(x)
// Before: y = x / Sqrt(Mean(x^2) + e)                    After: y = LayerNorm(x), not centred
// Before: z = LayerNorm(x) * s + b                       After: z = LayerNorm(x, s, b)
// Also d * d or Pow for the square, d * (1 / Sqrt(..)), d * Reciprocal(..), d * Pow(.., -0.5).
// Unless: the mean is over another dim, or s or b differs between rows.
#include <cmath>

#include "converter/passes/rewrite.h"

namespace octet::convert {
namespace {

using schema::ActKind;
using schema::BinaryKind;
using schema::UnaryKind;

const Node* binary_of(Graph& g, const Uses& uses, TensorId t, BinaryKind kind) {
  const Node* n = producer(g, uses, t);
  auto* op = n ? as<schema::BinaryT>(*n) : nullptr;
  return op && op->kind == kind && op->act.kind() == ActKind::none ? n : nullptr;
}

const Node* unary_of(Graph& g, const Uses& uses, TensorId t, UnaryKind kind) {
  const Node* n = producer(g, uses, t);
  auto* op = n ? as<schema::UnaryT>(*n) : nullptr;
  return op && op->kind == kind ? n : nullptr;
}

// What t is the mean of, over the last dim; -1: it is none.
TensorId mean_of(Graph& g, const Uses& uses, TensorId t) {
  const Node* n = producer(g, uses, t);
  auto* op = n ? as<schema::ReduceT>(*n) : nullptr;
  if (!op || op->kind != schema::ReduceKind::mean || !op->keep_dims || op->axes.size() != 1) return -1;
  const int rank = tensor(g, n->inputs[0]).shape.rank();
  return op->axes[0] == rank - 1 || op->axes[0] == -1 ? n->inputs[0] : -1;
}

TensorId square_of(Graph& g, const Uses& uses, TensorId t) {
  if (const Node* n = binary_of(g, uses, t, BinaryKind::mul)) return n->inputs[0] == n->inputs[1] ? n->inputs[0] : -1;
  const Node* n = binary_of(g, uses, t, BinaryKind::pow);
  return n && uniform(g, n->inputs[1]) == 2.0f ? n->inputs[0] : -1;
}

// One tensor, or two differences of the same two: exporters write x - Mean(x) once for the spread and once for the result.
bool same(Graph& g, const Uses& uses, TensorId a, TensorId b) {
  if (a == b || a < 0 || b < 0) return a == b;
  const Node *x = binary_of(g, uses, a, BinaryKind::sub), *y = binary_of(g, uses, b, BinaryKind::sub);
  return x && y && x->inputs == y->inputs;
}

// t = mean(of^2) + epsilon.
struct Spread {
  TensorId of = -1;
  float epsilon = 0;
};

Spread spread_of(Graph& g, const Uses& uses, TensorId t) {
  const Node* n = binary_of(g, uses, t, BinaryKind::add);
  for (size_t k = 0; n && k < 2; ++k) {
    const auto epsilon = uniform(g, n->inputs[1 - k]);
    const TensorId squares = epsilon ? mean_of(g, uses, n->inputs[k]) : -1;
    if (squares >= 0 && *epsilon >= 0) return {square_of(g, uses, squares), *epsilon};
  }
  return {};
}

// t = 1 / sqrt(spread).
Spread inverse_root(Graph& g, const Uses& uses, TensorId t) {
  const Node* n = binary_of(g, uses, t, BinaryKind::pow);
  if (n && uniform(g, n->inputs[1]) == -0.5f) return spread_of(g, uses, n->inputs[0]);
  TensorId root = -1;
  if (const Node* r = unary_of(g, uses, t, UnaryKind::reciprocal)) root = r->inputs[0];
  if (const Node* d = binary_of(g, uses, t, BinaryKind::div); d && uniform(g, d->inputs[0]) == 1.0f)
    root = d->inputs[1];
  const Node* sqrt = root < 0 ? nullptr : unary_of(g, uses, root, UnaryKind::sqrt);
  return sqrt ? spread_of(g, uses, sqrt->inputs[0]) : Spread{};
}

bool find_layer_norm(Rewriter& r, int i) {
  Graph& g = r.g;
  const Uses& uses = r.uses();
  Node& n = r.node(i);
  const TensorId y = n.outputs[0];
  Spread spread;
  if (binary_of(g, uses, y, BinaryKind::div)) {
    const Node* root = unary_of(g, uses, n.inputs[1], UnaryKind::sqrt);
    if (root) spread = spread_of(g, uses, root->inputs[0]);
    if (!same(g, uses, spread.of, n.inputs[0])) return false;
  } else if (binary_of(g, uses, y, BinaryKind::mul)) {
    for (size_t k = 0; k < 2 && spread.of < 0; ++k) {
      spread = inverse_root(g, uses, n.inputs[1 - k]);
      if (!same(g, uses, spread.of, n.inputs[k])) spread.of = -1;
    }
  }
  if (spread.of < 0) return false;
  const Node* centre = binary_of(g, uses, spread.of, BinaryKind::sub);
  const bool centred = centre && mean_of(g, uses, centre->inputs[1]) == centre->inputs[0];
  const TensorId x = centred ? centre->inputs[0] : spread.of;
  n.op = make_op(schema::LayerNormT{.epsilon = spread.epsilon, .centred = centred});
  r.set_inputs(i, {x});
  return true;
}

// The constant as a vector with a number for each element of a row; -1: it is none.
TensorId row_of(Graph& g, TensorId t, const Shape& out) {
  Tensor c = tensor(g, t);
  if (!c.constant || c.dtype != DType::kF32 || c.shape.rank() == 0 || out[-1] < 0) return -1;
  if (c.shape.elements() != out[-1] || c.shape[-1] != out[-1] || c.shape.rank() > out.rank()) return -1;
  c.shape = {out[-1]};
  return g.add(std::move(c));
}

bool take_scale_or_bias(Rewriter& r, int i) {
  Graph& g = r.g;
  const Uses& uses = r.uses();
  const TensorId y = r.node(i).outputs[0];
  const bool scale = binary_of(g, uses, y, BinaryKind::mul);
  if (!scale && !binary_of(g, uses, y, BinaryKind::add)) return false;
  for (size_t k = 0; k < 2; ++k) {
    const Node& n = r.node(i);
    const int norm = uses.single(n.inputs[k]) ? uses.made_by(n.inputs[k]) : -1;
    if (norm < 0 || !as<schema::LayerNormT>(r.node(norm)) || r.node(norm).inputs.size() > (scale ? 1u : 2u)) continue;
    const TensorId row = row_of(g, n.inputs[1 - k], tensor(g, y).shape);
    if (row < 0) continue;
    std::vector<TensorId> inputs = r.node(norm).inputs;
    if (!scale && inputs.size() == 1) {
      const std::vector<float> ones(static_cast<size_t>(tensor(g, y).shape[-1]), 1);
      inputs.push_back(g.add(make_constant<float>(n.name + ":ones", {tensor(g, y).shape[-1]}, ones)));
    }
    inputs.push_back(row);
    r.set_inputs(norm, std::move(inputs));
    r.set_outputs(norm, n.outputs);
    r.take_place(norm, i);
    return true;
  }
  return false;
}

}  // namespace

int fuse_layer_norm(Graph& g) {
  return rewrite_nodes(g, [](Rewriter& r, int i) { return find_layer_norm(r, i) || take_scale_or_bias(r, i); });
}

}  // namespace octet::convert
