// A tensor that others read unrounded is not given a scale: the op reads a copy of it that has one, a view while it is float.
#include "converter/quant/observed.h"

#include <algorithm>

#include "converter/passes/passes.h"
#include "converter/quant/roles.h"
#include "kernels/quant.h"

namespace octet::convert {
namespace {

bool is_max_pool(const Node& n) {
  const auto* pool = as<schema::Pool2dT>(n);
  return pool && pool->kind == schema::PoolKind::max;
}

bool candidate(const Graph& g, const Node& n) { return role(g, n) == Role::kOwn || is_max_pool(n); }

// Operands that are u8 in int8 execution.
std::vector<size_t> operands(const Graph& g, const Node& n) {
  const Int8Rule rule = int8_rule(g, n);
  std::vector<size_t> all;
  for (size_t k = 0; k < n.inputs.size(); ++k)
    if (reads_u8(g, n, rule, k)) all.push_back(k);
  return all;
}

bool complete(const Graph& g, const Node& n) {
  for (size_t k : operands(g, n))
    if (tensor(g, n.inputs[k]).quant.empty()) return false;
  return !tensor(g, n.outputs[0]).quant.empty();
}

// Whether op lists have one name for both.
bool same_kind(const Node& a, const Node& b) {
  const auto *x = as<schema::BinaryT>(a), *y = as<schema::BinaryT>(b);
  return a.op.type == b.op.type && (!x || x->kind == y->kind);
}

bool never_negative(const Graph& g, const Uses& uses, TensorId t) {
  const int i = uses.made_by(t);
  if (i < 0) return false;
  const Node& n = g.nodes[at(i)];
  const auto above = [](const schema::Activation& a) {
    return a.kind() == schema::ActKind::relu || a.kind() == schema::ActKind::sigmoid ||
           a.kind() == schema::ActKind::hard_sigmoid || (a.kind() == schema::ActKind::clip && a.a() >= 0);
  };
  if (const auto* conv = as<schema::Conv2dT>(n)) return conv->relu_after || (above(conv->act) && n.inputs.size() < 4);
  if (const auto* binary = as<schema::BinaryT>(n)) return above(binary->act);
  if (const auto* matmul = as<schema::MatMulT>(n)) return above(matmul->act);
  const auto* unary = as<schema::UnaryT>(n);
  return unary && unary->kind == schema::UnaryKind::act && above(unary->act);
}

Quant quant_between(float low, float high) {
  const kernels::QuantParams p = kernels::choose_u8(low, high);
  return {{p.scale}, {static_cast<uint8_t>(p.zero_point)}};
}

bool same(const Quant& a, const Quant& b) { return a.scale == b.scale && a.zero_point == b.zero_point; }

// One node at a time; `i` follows it while copies are put before it.
class Giver {
 public:
  Giver(Graph& g, size_t i) : g_(g), uses_(g), i_(i) {}

  bool give() {
    const std::vector<size_t> all = operands(g_, node());
    for (size_t k : all)
      if (known(node().inputs[k]).empty()) return false;
    const TensorId out = node().outputs[0];
    const Quant result = is_max_pool(node()) ? known(node().inputs[0]) : known(out);
    if (result.empty() || (!tensor(g_, out).quant.empty() && !same(tensor(g_, out).quant, result))) return false;
    for (size_t k : all) give_operand(k);
    give_result(result);
    return true;
  }
  size_t index() const { return i_; }

 private:
  Node& node() { return g_.nodes[i_]; }

  bool is_copy(const Node& n) const {
    return as<schema::ReshapeT>(n) && n.inputs.size() == 1 && !tensor(g_, n.outputs[0]).quant.empty() &&
           tensor(g_, n.inputs[0]).shape == tensor(g_, n.outputs[0]).shape;
  }

  // The node that copies t for those who read it rounded; -1: none.
  int copy_of(TensorId t) const {
    for (int u : uses_.users[at(t)])
      if (is_copy(g_.nodes[at(u)])) return u;
    return -1;
  }

  Quant known(TensorId t) const {
    const Tensor& x = tensor(g_, t);
    if (!x.quant.empty()) return x.quant;
    if (x.constant) {
      const auto v = x.values<float>();
      if (v.empty()) return {};
      const auto [low, high] = std::minmax_element(v.begin(), v.end());
      return quant_between(*low, *high);
    }
    if (const int copy = copy_of(t); copy >= 0) return tensor(g_, g_.nodes[at(copy)].outputs[0]).quant;
    return x.observed > 0 ? quant_between(never_negative(g_, uses_, t) ? 0 : -x.observed, x.observed) : Quant{};
  }

  void give_operand(size_t k) {
    const TensorId t = node().inputs[k];
    Tensor& x = g_.tensors[at(t)];
    if (!x.quant.empty()) return;
    const int copy = copy_of(t), maker = uses_.made_by(t);
    const bool moved = maker < 0 || role(g_, g_.nodes[at(maker)]) == Role::kSame;
    if (copy >= 0) {
      node().inputs[k] = g_.nodes[at(copy)].outputs[0];
      if (at(copy) > i_) {
        std::rotate(g_.nodes.begin() + static_cast<std::ptrdiff_t>(i_), g_.nodes.begin() + copy,
                    g_.nodes.begin() + copy + 1);
        ++i_;
      }
    } else if (x.constant || (uses_.single(t) && !moved)) {
      x.quant = known(t);
      return;
    } else {
      const Quant quant = known(t);
      node().inputs[k] = add_copy(t, -1, i_++);
      g_.tensors[at(g_.nodes[i_].inputs[k])].quant = quant;
    }
    uses_ = Uses(g_);
  }

  void give_result(const Quant& quant) {
    const TensorId out = node().outputs[0];
    if (!tensor(g_, out).quant.empty()) return;
    const auto& users = uses_.users[at(out)];
    const bool plain = std::all_of(users.begin(), users.end(), [&](int u) {
      const Node& n = g_.nodes[at(u)];
      return role(g_, n) != Role::kSame || (is_copy(n) && same(tensor(g_, n.outputs[0]).quant, quant));
    });
    if (plain) {
      g_.tensors[at(out)].quant = quant;
      return;
    }
    const TensorId rounded = add_like(g_, out, tensor(g_, out).shape);
    g_.tensors[at(rounded)].quant = quant;
    node().outputs = {rounded};
    add_copy(rounded, out, i_ + 1);
  }

  // A view of `from`, made before node `before`: of its own, or `to`.
  TensorId add_copy(TensorId from, TensorId to, size_t before) {
    const Shape shape = tensor(g_, from).shape;
    if (to < 0) to = add_like(g_, from, shape);
    insert(g_, static_cast<int>(before),
           {.name = tensor(g_, from).name + ":rounded",
            .op = make_op(schema::ReshapeT{.shape = *reshape_spec(shape, shape)}),
            .inputs = {from},
            .outputs = {to}});
    return to;
  }

  Graph& g_;
  Uses uses_;
  size_t i_;
};

}  // namespace

int take_observed(Graph& g) {
  if (g.int8_ops.empty()) return 0;
  std::vector<Node> trained;
  for (const Node& n : g.nodes)
    if (candidate(g, n) && complete(g, n)) trained.push_back(n);
  int count = 0;
  for (size_t i = 0; i < g.nodes.size(); ++i) {
    const Node& n = g.nodes[i];
    if (!candidate(g, n) || std::any_of(trained.begin(), trained.end(), [&](const Node& t) { return same_kind(t, n); }))
      continue;
    Giver giver(g, i);
    count += giver.give();
    i = giver.index();
  }
  make_names_unique(g);
  return count;
}

}  // namespace octet::convert
