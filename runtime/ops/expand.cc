// Broadcasting to a shape that an operand gives, in both directions, as ONNX' Expand.
#include "runtime/ops/common.h"
#include "runtime/ops/move.h"

namespace octet {
namespace {

std::span<const std::string_view> names(const NodeDef&) {
  static constexpr std::string_view kNames[] = {"expand", "Expand", "expand_v2"};
  return kNames;
}

Result<void> check(const NodeDef& n, const ModelData& m) {
  OCTET_TRY(check_dense(n, m, 0));
  return check_type(n, m, 1, {DType::kS64});
}

Result<void> infer(Inference& inf) {
  const auto wanted = inf.known_s64(1);
  if (!wanted) return wanted.error();
  const Shape& in = inf.shape(0);
  if (wanted->size() > kMaxRank) return inf.error("rank over " + text_of(kMaxRank));
  Shape out;
  const int asked = static_cast<int>(wanted->size()), rank = std::max(in.rank(), asked);
  for (int d = 0; d < rank; ++d) {
    const int64_t have = d < rank - in.rank() ? 1 : in[d - (rank - in.rank())];
    const int64_t want = d < rank - asked ? 1 : (*wanted)[static_cast<size_t>(d - (rank - asked))];
    const auto size = broadcast(have, want == kUnknown ? -1 : want);
    if ((want < 0 && want != kUnknown) || !size)
      return inf.error("cannot expand " + in.text() + " to " + text_of(*wanted));
    out.push_back(*size);
  }
  inf.out(0, out);
  return {};
}

Int8Rule int8(const NodeDef& n, const ModelData& m) {
  const Shape& in = m.input(n, 0).shape;
  return same_scales(n, m, in.rank() == 0 || in[-1] <= 1);  // else channels would be made by expanding
}

Result<void> prepare(Prepare& p) {
  const Value &in = p.in(0), &out = p.out();
  Move move = box_move(out.shape, in, out, p.isa);
  const auto strides = move.from;
  const int missing = out.shape.rank() - in.shape.rank();
  for (int d = 0; d < out.shape.rank(); ++d) {
    const bool repeats = d < missing || in.shape[d - missing] == 1;
    move.from[static_cast<size_t>(d)] = repeats ? 0 : strides[static_cast<size_t>(d - missing)];
  }
  step_of_move(p, move, "expand");
  return {};
}

}  // namespace

extern const OpKind kExpand;
const OpKind kExpand = {.type = schema::Op::Expand,
                        .names = names,
                        .min_inputs = 2,
                        .max_inputs = 2,
                        .check = check,
                        .infer = infer,
                        .prepare = prepare,
                        .int8 = int8,
                        .pitched_in = true,
                        .pitched_out = true,
                        .moves_only = true};

}  // namespace octet
