// Elements picked by an index each along an axis, with ONNX' meaning.
#include "runtime/ops/picks.h"

namespace octet {
namespace {

std::span<const std::string_view> names(const NodeDef&) {
  static constexpr std::string_view kNames[] = {"gather_elements", "GatherElements", "take_along_axis"};
  return kNames;
}

Result<void> check(const NodeDef& n, const ModelData& m) {
  OCTET_TRY(check_dense(n, m, 0));
  return check_type(n, m, 1, {DType::kS64});
}

Result<void> infer(Inference& inf) {
  const int axis = axis_of(inf.node.attributes<schema::GatherElements>().axis(), inf.shape(0).rank());
  OCTET_TRY(check_picks(inf, inf.shape(0), inf.shape(1), axis));
  inf.out(0, inf.shape(1));
  return {};
}

Result<void> prepare(Prepare& p) {
  if (nothing_to_do(p)) return {};
  const Shape& x = p.in(0).shape;
  const int axis = axis_of(p.node->attributes<schema::GatherElements>().axis(), x.rank());
  const auto picks = std::make_shared<const Picks>(x, p.in(1).shape, axis);
  with_type(p.in(0).dtype, [&]<class T>(T) {
    p.step.run = [picks, from = p.in(0).id, indices = p.in(1).id, to = p.out().id](const RunContext& ctx) {
      const T* in = ctx.data<T>(from);
      T* out = ctx.data<T>(to);
      picks->each(ctx.data<int64_t>(indices), true, [&](int64_t i, int64_t at) { out[i] = in[at]; });
    };
  });
  p.step.kernel = "gather_elements";
  return {};
}

}  // namespace

extern const OpKind kGatherElements;
const OpKind kGatherElements = {.type = schema::Op::GatherElements,
                                .names = names,
                                .min_inputs = 2,
                                .max_inputs = 2,
                                .check = check,
                                .infer = infer,
                                .prepare = prepare};

}  // namespace octet
