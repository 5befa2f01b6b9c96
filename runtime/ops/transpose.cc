// Any permutation of a tensor's dims.
#include "runtime/ops/common.h"
#include "runtime/ops/move.h"

namespace octet {
namespace {

std::span<const std::string_view> names(const NodeDef&) {
  static constexpr std::string_view kNames[] = {"transpose", "Transpose", "transpose2"};
  return kNames;
}

Result<void> check(const NodeDef& n, const ModelData& m) {
  OCTET_TRY(check_dense(n, m, 0));
  const auto perm = values_of(n.attributes<schema::Transpose>().perm());
  const int rank = m.input(n, 0).shape.rank();
  if (static_cast<int>(perm.size()) != rank)
    return bad_node(n, text_of(static_cast<int64_t>(perm.size())) + " axes for rank " + text_of(rank));
  unsigned seen = 0;
  for (int32_t axis : perm) {
    if (axis < 0 || axis >= rank || (seen >> axis & 1))
      return bad_node(n, "axis " + text_of(axis) + " does not make a permutation");
    seen |= 1u << axis;
  }
  return {};
}

Result<void> infer(Inference& inf) {
  const auto perm = values_of(inf.node.attributes<schema::Transpose>().perm());
  const Shape& in = inf.shape(0);
  if (static_cast<int>(perm.size()) != in.rank()) return inf.error("a permutation of another rank than " + in.text());
  Shape out;
  for (int32_t axis : perm) out.push_back(in[axis]);
  inf.out(0, out);
  return {};
}

Int8Rule int8(const NodeDef& n, const ModelData& m) {
  const auto perm = values_of(n.attributes<schema::Transpose>().perm());
  return same_scales(n, m, perm.empty() || perm.back() != static_cast<int32_t>(perm.size()) - 1);
}

Result<void> prepare(Prepare& p) {
  const auto perm = values_of(p.node->attributes<schema::Transpose>().perm());
  Move move = box_move(p.out().shape, p.in(0), p.out(), p.isa);
  const auto strides = move.from;
  for (size_t d = 0; d < perm.size(); ++d) move.from[d] = strides[static_cast<size_t>(perm[d])];
  step_of_move(p, move, "transpose");
  return {};
}

}  // namespace

extern const OpKind kTranspose;
const OpKind kTranspose = {.type = schema::Op::Transpose,
                           .names = names,
                           .min_inputs = 1,
                           .max_inputs = 1,
                           .check = check,
                           .infer = infer,
                           .prepare = prepare,
                           .int8 = int8,
                           .pitched_in = true,
                           .pitched_out = true,
                           .moves_only = true};

}  // namespace octet
