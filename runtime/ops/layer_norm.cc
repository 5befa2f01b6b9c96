// Normalisation of each row (the last dim) by its own mean and variance, or by its root mean square alone, in float.
#include "runtime/ops/common.h"

namespace octet {
namespace {

std::span<const std::string_view> names(const NodeDef&) {
  static constexpr std::string_view kNames[] = {"layer_norm", "LayerNormalization"};
  return kNames;
}

Result<void> check(const NodeDef& n, const ModelData& m) {
  OCTET_TRY(check_type(n, m, 0, {DType::kF32}));
  const float epsilon = n.attributes<schema::LayerNorm>().epsilon();
  if (!std::isfinite(epsilon) || epsilon < 0) return bad_node(n, "epsilon " + std::to_string(epsilon));
  for (int i = 1; i < 3; ++i) {
    if (!n.has_input(i)) continue;
    const TensorDef& t = m.input(n, i);
    if (!t.constant || t.dtype != DType::kF32 || t.shape.rank() != 1)
      return bad_node(n, "input " + std::to_string(i) + " is no constant with a number for each channel");
  }
  return {};
}

Result<void> infer(Inference& inf) {
  const Shape& x = inf.shape(0);
  if (x.rank() == 0) return inf.error("a number alone has no row");
  for (int i = 1; i < 3; ++i)
    if (inf.node.has_input(i) && !may_equal(x[-1], inf.shape(i)[0]))
      return inf.error(text_of(inf.shape(i)[0]) + " numbers in input " + std::to_string(i) + " for " + x.text());
  inf.out(0, x);
  return {};
}

Result<void> prepare(Prepare& p) {
  if (nothing_to_do(p)) return {};
  const auto& a = p.node->attributes<schema::LayerNorm>();
  const Value &in = p.in(0), &out = p.out();
  const auto operand = [&](int i) { return p.has_in(i) ? p.tensor(i).values<float>().data() : nullptr; };
  const kernels::LayerNormF32 norm{in.channels(), a.centred(), a.epsilon(), operand(1), operand(2)};
  p.step.kernel = std::string("layer_norm f32 ") + p.isa.name;
  p.step.run = [=, kernel = p.isa.layer_norm_f32, rows = in.rows(), from = in.id, to = out.id, from_pitch = in.pitch,
                to_pitch = out.pitch](const RunContext& ctx) {
    parallel_rows(ctx.threads, rows, grain_of(norm.count * 4), [&](int64_t begin, int64_t end) {
      for (int64_t r = begin; r < end; ++r)
        kernel(norm, ctx.data<float>(from) + r * from_pitch, ctx.data<float>(to) + r * to_pitch);
    });
  };
  return {};
}

}  // namespace

extern const OpKind kLayerNorm;
const OpKind kLayerNorm = {.type = schema::Op::LayerNorm,
                           .names = names,
                           .min_inputs = 1,
                           .max_inputs = 3,
                           .check = check,
                           .infer = infer,
                           .prepare = prepare,
                           .pitched_in = true,
                           .pitched_out = true};

}  // namespace octet
