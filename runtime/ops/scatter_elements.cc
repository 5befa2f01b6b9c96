// A tensor with elements replaced, each named by its index along an axis, with ONNX' meaning.
#include "runtime/ops/picks.h"

namespace octet {
namespace {

std::span<const std::string_view> names(const NodeDef&) {
  static constexpr std::string_view kNames[] = {"scatter_elements", "ScatterElements", "Scatter", "put_along_axis"};
  return kNames;
}

Result<void> check(const NodeDef& n, const ModelData& m) {
  return check_scatter_types(n, m, n.attributes<schema::ScatterElements>().reduction());
}

Result<void> infer(Inference& inf) {
  const Shape &indices = inf.shape(1), &updates = inf.shape(2);
  const int axis = axis_of(inf.node.attributes<schema::ScatterElements>().axis(), inf.shape(0).rank());
  OCTET_TRY(check_picks(inf, inf.shape(0), indices, axis));
  bool fits = indices.rank() == updates.rank();
  for (int d = 0; fits && d < indices.rank(); ++d) fits = may_equal(indices[d], updates[d]);
  if (!fits) return inf.error("updates " + updates.text() + " for indices " + indices.text());
  inf.out(0, inf.shape(0));
  return {};
}

// What an index outside of the tensor would update is left out.
Result<void> prepare(Prepare& p) {
  if (nothing_to_do(p)) return {};
  const auto& a = p.node->attributes<schema::ScatterElements>();
  const Shape& x = p.in(0).shape;
  const auto picks = std::make_shared<const Picks>(x, p.in(1).shape, axis_of(a.axis(), x.rank()));
  with_type(p.in(0).dtype, [&]<class T>(T) {
    p.step.run = [=, count = x.elements(), how = a.reduction(), from = p.in(0).id, indices = p.in(1).id,
                  updates = p.in(2).id, to = p.out().id](const RunContext& ctx) {
      const T* update = ctx.data<T>(updates);
      T* out = ctx.data<T>(to);
      std::copy_n(ctx.data<T>(from), count, out);
      picks->each(ctx.data<int64_t>(indices), false,
                  [&](int64_t i, int64_t at) { out[at] = combine(how, out[at], update[i]); });
    };
  });
  p.step.kernel = "scatter_elements";
  return {};
}

}  // namespace

extern const OpKind kScatterElements;
const OpKind kScatterElements = {.type = schema::Op::ScatterElements,
                                 .names = names,
                                 .min_inputs = 3,
                                 .max_inputs = 3,
                                 .check = check,
                                 .infer = infer,
                                 .prepare = prepare};

}  // namespace octet
