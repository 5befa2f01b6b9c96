// Rounds float values to what a quantised tensor can hold: the float simulation of a model trained or quantised elsewhere.
#include "runtime/ops/common.h"

namespace octet {
namespace {

std::span<const std::string_view> names(const NodeDef&) {
  static constexpr std::string_view kNames[] = {"fake_quantize", "QuantizeLinear", "quantize_linear",
                                                "fake_quantize_dequantize_moving_average_abs_max"};
  return kNames;
}

constexpr int kLimit = 1 << 15;

Result<void> check(const NodeDef& n, const ModelData& m) {
  const auto& a = n.attributes<schema::FakeQuantize>();
  OCTET_TRY(check_type(n, m, 0, {DType::kF32}));
  if (!std::isfinite(a.scale()) || a.scale() <= 0) return bad_node(n, "scale " + std::to_string(a.scale()));
  if (a.low() > 0 || a.high() < 0 || a.low() < -kLimit || a.high() > kLimit)
    return bad_node(n, "range " + text_of(a.low()) + " .. " + text_of(a.high()));
  return {};
}

Result<void> infer(Inference& inf) {
  inf.out(0, inf.shape(0));
  return {};
}

// Adding and taking away 1.5 * 2^23 rounds half to even what is within 2^22.
void round_row(float scale, float low, float high, const float* x, float* y, int64_t count) {
  constexpr float kRounder = 12582912;
  for (int64_t i = 0; i < count; ++i) {
    const float v = std::min(std::max(x[i] / scale, low), high);
    y[i] = (v + kRounder - kRounder) * scale;
  }
}

Result<void> prepare(Prepare& p) {
  if (nothing_to_do(p)) return {};
  const auto& a = p.node->attributes<schema::FakeQuantize>();
  const Value &in = p.in(0), &out = p.out();
  const bool flat = in.dense() && out.dense();
  const int64_t row = flat ? 4096 : in.channels(), total = in.shape.elements();
  p.step.kernel = "fake_quantize";
  p.step.run = [=, scale = a.scale(), low = static_cast<float>(a.low()), high = static_cast<float>(a.high()),
                from = in.id, to = out.id, from_pitch = flat ? row : in.pitch, to_pitch = flat ? row : out.pitch,
                rows = flat ? (total + row - 1) / row : in.rows()](const RunContext& ctx) {
    parallel_rows(ctx.threads, rows, grain_of(row), [&](int64_t begin, int64_t end) {
      for (int64_t r = begin; r < end; ++r)
        round_row(scale, low, high, ctx.data<float>(from) + r * from_pitch, ctx.data<float>(to) + r * to_pitch,
                  flat ? std::min(row, total - r * row) : row);
    });
  };
  return {};
}

}  // namespace

extern const OpKind kFakeQuantize;
const OpKind kFakeQuantize = {.type = schema::Op::FakeQuantize,
                              .names = names,
                              .min_inputs = 1,
                              .max_inputs = 1,
                              .check = check,
                              .infer = infer,
                              .can_int8 = nullptr,
                              .prepare = prepare,
                              .pitched_in = true,
                              .pitched_out = true};

}  // namespace octet
