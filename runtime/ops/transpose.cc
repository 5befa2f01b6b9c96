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

// Channels come to the front of what is neither theirs nor stays in front: as NHWC becomes NCHW.
struct Turn {
  int64_t inner = 1;  // rows that make one column
  bool only = false;  // nothing else is moved
};

Turn turn_of(const NodeDef& n, const Shape& in) {
  const auto perm = values_of(n.attributes<schema::Transpose>().perm());
  const int rank = in.rank();
  Turn turn;
  int d = 0, next = 0;
  for (; d < rank - 1 && perm[static_cast<size_t>(d)] == d; ++d) ++next;
  turn.only = d < rank - 1 && perm[static_cast<size_t>(d++)] == rank - 1;
  for (; d < rank; ++d, ++next) turn.only = turn.only && perm[static_cast<size_t>(d)] == next, turn.inner *= in[next];
  return turn;
}

OnRows on_rows(const NodeDef& n, const Value& in) {
  const size_t element = size_of(in.dtype);
  return turn_of(n, in.shape).only && (element == 1 || element == 4) ? OnRows::kStores : OnRows::kNo;
}

void take_rows(Prepare& p) {
  const int64_t inner = turn_of(*p.node, p.in(0).shape).inner, channels = p.in(0).channels();
  const bool bytes = size_of(p.in(0).dtype) == 1;
  p.step.kernel = "transpose";
  *p.rows = [=, isa = &p.isa, to = p.out().id](const RunContext& ctx, std::byte* rows, int64_t first, int64_t count) {
    for (int64_t done = 0, n; done < count; done += n) {
      const int64_t outer = (first + done) / inner, at = (first + done) % inner;
      n = std::min(count - done, inner - at);
      const int64_t from_at = done * channels, to_at = outer * inner * channels + at;
      if (bytes)
        isa->transpose_8(reinterpret_cast<uint8_t*>(rows) + from_at, channels, ctx.data<uint8_t>(to) + to_at, inner, n,
                         channels);
      else
        isa->transpose_32(reinterpret_cast<uint32_t*>(rows) + from_at, channels, ctx.data<uint32_t>(to) + to_at, inner,
                          n, channels);
    }
  };
}

Result<void> prepare(Prepare& p) {
  if (p.rows) return take_rows(p), Result<void>();
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
                           .on_rows = on_rows,
                           .pitched_in = true,
                           .pitched_out = true,
                           .moves_only = true};

}  // namespace octet
