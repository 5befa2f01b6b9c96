#include "converter/passes/affine_map.h"

namespace octet::convert {

AffineMap affine_of(Graph& g, const Uses& uses, TensorId t) {
  AffineMap a{.x = t};
  for (int steps = 0; steps < 4; ++steps) {
    Node* n = producer(g, uses, a.x);
    auto* op = n ? as<schema::BinaryT>(*n) : nullptr;
    if (!op || op->act.kind() != schema::ActKind::none) break;
    const auto l = uniform(g, n->inputs[0]), r = uniform(g, n->inputs[1]);
    if (l.has_value() == r.has_value()) break;
    const TensorId x = n->inputs[l ? 1 : 0];
    if (tensor(g, x).shape != tensor(g, a.x).shape) break;
    const float c = l ? *l : *r;
    if (op->kind == schema::BinaryKind::add)
      a.shift += a.scale * c;
    else if (op->kind == schema::BinaryKind::sub && r)
      a.shift -= a.scale * c;
    else if (op->kind == schema::BinaryKind::mul)
      a.scale *= c;
    else if (op->kind == schema::BinaryKind::div && r && c != 0)
      a.scale /= c;
    else
      break;
    a.x = x;
  }
  return a;
}

}  // namespace octet::convert
