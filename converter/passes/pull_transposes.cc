// Moves a transpose towards the inputs where it meets its inverse there, or turns fewer elements.
// Before: y = Transpose(Concat(Slice(x), Slice(x)), p)   After: y = Concat(Slice(t), Slice(t)), t = Transpose(x, p)
// Unless: something between has another reader, or more elements would be turned than before.
#include <map>

#include "converter/passes/rewrite.h"

namespace octet::convert {
namespace {

struct Pull {
  Graph& g;
  const Uses& uses;
  std::map<std::pair<TensorId, Perm>, TensorId> turned;  // leaves that are turned already
  bool at_input = false;

  // Whether the transpose can pass the node that makes t.
  bool passes(TensorId t, int depth) const {
    const int i = uses.made_by(t);
    if (i < 0 || depth > 64 || uses.outputs[static_cast<size_t>(t)]) return false;
    const Node& n = g.nodes[static_cast<size_t>(i)];
    if (uses.users[static_cast<size_t>(t)].size() != 1) return false;
    if (as<schema::BinaryT>(n)) {
      const int rank = tensor(g, t).shape.rank();
      return std::all_of(n.inputs.begin(), n.inputs.end(), [&](TensorId in) {
        return tensor(g, in).constant || tensor(g, in).shape.elements() == 1 || tensor(g, in).shape.rank() == rank;
      });
    }
    const bool one_operand = n.inputs.size() == 1;
    return as<schema::UnaryT>(n) || as<schema::CastT>(n) || as<schema::ConcatT>(n) || as<schema::SoftmaxT>(n) ||
           (one_operand && (as<schema::SliceT>(n) || as<schema::PadT>(n)));
  }

  // Elements to turn if t is wanted as Transpose(t, p); negative where an inverse vanishes.
  int64_t cost(TensorId t, const Perm& p, int depth) {
    const Tensor& x = tensor(g, t);
    if (x.constant) return 0;
    const int64_t size = std::max<int64_t>(x.shape.elements(), 0);
    if (x.shape.elements() == 1 || !turned.emplace(std::pair(t, p), -1).second) return 0;
    if (const Node* n = producer(g, uses, t))
      if (auto* other = as<schema::TransposeT>(*n)) {
        const bool vanishes = is_identity(compose(other->perm, p)), alone = uses.single(t);
        return vanishes ? (alone ? -size : 0) : (alone ? 0 : size);
      }
    if (!passes(t, depth)) {
      at_input = at_input || uses.made_by(t) < 0;
      return size;
    }
    int64_t sum = 0;
    for (TensorId in : g.nodes[static_cast<size_t>(uses.made_by(t))].inputs) sum += cost(in, p, depth + 1);
    return sum;
  }
};

struct Lift {
  Rewriter& r;
  Graph& g;
  const Uses& uses;
  std::map<std::pair<TensorId, Perm>, TensorId> turned;
  std::vector<std::pair<int, Node>> added;  // transposes of leaves, and after which node

  TensorId leaf(TensorId t, const Perm& p) {
    TensorId& known = turned.emplace(std::pair(t, p), -1).first->second;
    if (known >= 0) return known;
    known = add_like(g, t, permuted(tensor(g, t).shape, p));
    added.emplace_back(uses.made_by(t), Node{.name = tensor(g, t).name + ":turned",
                                             .op = make_op(schema::TransposeT{.perm = p}),
                                             .inputs = {t},
                                             .outputs = {known}});
    return known;
  }

  TensorId lift(const Pull& pull, TensorId t, const Perm& p, int depth) {
    const Tensor& x = tensor(g, t);
    if (x.constant && x.shape.elements() != 1) {
      Tensor c = x;
      c.shape = padded_left(x.shape, static_cast<int>(p.size()));
      return g.add(permuted(c, p));
    }
    if (x.shape.elements() == 1 && x.shape.rank() != static_cast<int>(p.size())) return t;
    if (!pull.passes(t, depth)) return leaf(t, p);
    const int i = uses.made_by(t);
    Node& n = r.node(i);
    const Perm inv = inverse(p);
    auto turn = [&](int& axis) { axis = inv[static_cast<size_t>(axis)]; };
    if (auto* op = as<schema::ConcatT>(n)) turn(op->axis);
    if (auto* op = as<schema::SoftmaxT>(n)) turn(op->axis);
    if (auto* op = as<schema::SliceT>(n)) std::for_each(op->axes.begin(), op->axes.end(), turn);
    if (auto* op = as<schema::PadT>(n)) {
      const schema::PadT old = *op;
      for (size_t a = 0; a < p.size(); ++a)
        op->before[a] = old.before[static_cast<size_t>(p[a])], op->after[a] = old.after[static_cast<size_t>(p[a])];
    }
    std::vector<TensorId> inputs = n.inputs;
    for (TensorId& in : inputs) in = lift(pull, in, p, depth + 1);
    r.set_inputs(i, std::move(inputs));
    const TensorId out = add_like(g, t, permuted(tensor(g, t).shape, p));
    r.set_outputs(i, {out});
    return out;
  }
};

bool pull(Rewriter& r, int i) {
  Graph& g = r.g;
  const Uses& uses = r.uses();
  const Node& n = r.node(i);
  auto* op = as<schema::TransposeT>(n);
  if (!op || is_identity(op->perm)) return false;
  const TensorId x = n.inputs[0], out = n.outputs[0];
  const Perm p = op->perm;
  Pull pulled{.g = g, .uses = uses, .turned = {}};
  if (!pulled.passes(x, 0)) return false;
  const int64_t now = tensor(g, x).shape.elements(), then = pulled.cost(x, p, 0);
  if (now < 0 || then > now || (then == now && !pulled.at_input)) return false;
  Lift lift{.r = r, .g = g, .uses = uses, .turned = {}, .added = {}};
  const TensorId lifted = lift.lift(pulled, x, p, 0);
  const Perm identity = [&] {
    Perm id = p;
    std::sort(id.begin(), id.end());
    return id;
  }();
  r.node(i).op = make_op(schema::TransposeT{.perm = identity});
  r.set_inputs(i, {lifted});
  for (auto& [after, node] : lift.added) r.insert_after(after, std::move(node));
  if (!uses.outputs[at(out)]) r.replace_uses(out, lifted);
  return true;
}

}  // namespace

int pull_transposes(Graph& g) { return rewrite_nodes(g, pull); }

}  // namespace octet::convert
