// GELU in the spellings of exporters, in whatever order they multiply and add.
// Before: y = 0.5 * x * (1 + Erf(x / sqrt(2)))                               After: y = Gelu(x)
// Before: y = 0.5 * x * (1 + Tanh(sqrt(2 / pi) * (x + 0.044715 * x^3)))      After: y = GeluTanh(x)
// Unless: a number differs.
#include <array>
#include <cmath>

#include "converter/passes/affine_map.h"

namespace octet::convert {
namespace {

using schema::ActKind;
using schema::BinaryKind;
using Cubic = std::array<double, 4>;  // coefficients by exponent

constexpr int kMaxDepth = 8;

std::optional<Cubic> product(const Cubic& a, const Cubic& b) {
  Cubic c{};
  for (size_t i = 0; i < 4; ++i)
    for (size_t j = 0; j < 4; ++j) {
      if (i + j < 4)
        c[i + j] += a[i] * b[j];
      else if (a[i] * b[j] != 0)
        return std::nullopt;
    }
  return c;
}

// t as a polynomial of x.
std::optional<Cubic> cubic_of(Graph& g, const Uses& uses, TensorId t, TensorId x, int depth = 0) {
  if (t == x) return Cubic{0, 1, 0, 0};
  if (const auto c = uniform(g, t)) return Cubic{double{*c}, 0, 0, 0};
  Node* n = producer(g, uses, t);
  auto* op = n ? as<schema::BinaryT>(*n) : nullptr;
  if (!op || op->act.kind() != ActKind::none || depth > kMaxDepth) return std::nullopt;
  const auto l = cubic_of(g, uses, n->inputs[0], x, depth + 1), r = cubic_of(g, uses, n->inputs[1], x, depth + 1);
  if (!l || !r) return std::nullopt;
  const bool number = (*r)[1] == 0 && (*r)[2] == 0 && (*r)[3] == 0;
  Cubic sum = *l;
  switch (op->kind) {
    case BinaryKind::add:
    case BinaryKind::sub:
      for (size_t i = 0; i < 4; ++i) sum[i] += op->kind == BinaryKind::add ? (*r)[i] : -(*r)[i];
      return sum;
    case BinaryKind::mul:
      return product(*l, *r);
    case BinaryKind::div:
      return number && (*r)[0] != 0 ? product(*l, {1 / (*r)[0], 0, 0, 0}) : std::nullopt;
    case BinaryKind::pow: {
      if (!number || ((*r)[0] != 2 && (*r)[0] != 3)) return std::nullopt;
      const auto square = product(*l, *l);
      return (*r)[0] == 2 || !square ? square : product(*square, *l);
    }
    default:
      return std::nullopt;
  }
}

bool near(const Cubic& a, const Cubic& b) {
  for (size_t i = 0; i < 4; ++i)
    if (std::fabs(a[i] - b[i]) > 1e-4 * std::max(std::fabs(b[i]), 0.1)) return false;
  return true;
}

// The factors of a product, numbers apart.
struct Factors {
  double number = 1;
  std::vector<TensorId> tensors;
};

void collect(Graph& g, const Uses& uses, TensorId t, Factors& f, int depth = 0) {
  if (const auto c = uniform(g, t)) {
    f.number *= *c;
    return;
  }
  Node* n = producer(g, uses, t);
  auto* op = n ? as<schema::BinaryT>(*n) : nullptr;
  const bool plain = op && op->act.kind() == ActKind::none && depth < kMaxDepth;
  if (plain && op->kind == BinaryKind::mul) {
    for (TensorId in : n->inputs) collect(g, uses, in, f, depth + 1);
  } else if (const auto c = plain && op->kind == BinaryKind::div ? uniform(g, n->inputs[1]) : std::nullopt;
             c && *c != 0) {
    f.number /= *c;
    collect(g, uses, n->inputs[0], f, depth + 1);
  } else {
    f.tensors.push_back(t);
  }
}

// Which GELU of x number * x * gate is.
ActKind kind_of(Graph& g, const Uses& uses, TensorId x, TensorId gate, double number) {
  const AffineMap outer = affine_of(g, uses, gate);
  Node* n = producer(g, uses, outer.x);
  auto* op = n ? as<schema::UnaryT>(*n) : nullptr;
  if (!op || !near({outer.shift * number, outer.scale * number, 0, 0}, {0.5, 0.5, 0, 0})) return ActKind::none;
  const auto inner = cubic_of(g, uses, n->inputs[0], x);
  if (!inner) return ActKind::none;
  if (op->kind == schema::UnaryKind::erf && near(*inner, {0, M_SQRT1_2, 0, 0})) return ActKind::gelu;
  const double slope = std::sqrt(2 / M_PI);
  const bool tanh = op->kind == schema::UnaryKind::act && op->act.kind() == ActKind::tanh;
  return tanh && near(*inner, {0, slope, 0, slope * 0.044715}) ? ActKind::gelu_tanh : ActKind::none;
}

bool find_gelu_at(Rewriter& r, int i) {
  Graph& g = r.g;
  const Uses& uses = r.uses();
  Node& n = r.node(i);
  auto* op = as<schema::BinaryT>(n);
  if (!op || (op->kind != BinaryKind::mul && op->kind != BinaryKind::div)) return false;
  Factors f;
  collect(g, uses, n.outputs[0], f);
  if (f.tensors.size() != 2) return false;
  for (size_t k = 0; k < 2; ++k) {
    const TensorId x = f.tensors[k];
    const ActKind kind = kind_of(g, uses, x, f.tensors[1 - k], f.number);
    if (kind == ActKind::none || tensor(g, x).shape != tensor(g, n.outputs[0]).shape) continue;
    n.op = make_op(schema::UnaryT{.act = schema::Activation(kind, 0, 0)});
    r.set_inputs(i, {x});
    return true;
  }
  return false;
}

}  // namespace

int find_gelu(Graph& g) { return rewrite_nodes(g, find_gelu_at); }

}  // namespace octet::convert
