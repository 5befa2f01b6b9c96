// Rounds float values to what a quantised tensor can hold: the float simulation of a model trained or quantised elsewhere.
#include "kernels/quant.h"
#include "runtime/ops/common.h"

namespace octet {
namespace {

std::span<const std::string_view> names(const NodeDef&) {
  static constexpr std::string_view kNames[] = {"fake_quantize", "QuantizeLinear", "quantize_linear",
                                                "fake_quantize_dequantize_moving_average_abs_max",
                                                "DynamicQuantizeLinear"};
  return kNames;
}

constexpr int kLimit = 1 << 15;

Result<void> check(const NodeDef& n, const ModelData& m) {
  const auto& a = n.attributes<schema::FakeQuantize>();
  OCTET_TRY(check_type(n, m, 0, {DType::kF32}));
  if (!std::isfinite(a.scale()) || a.scale() < 0) return bad_node(n, "scale " + std::to_string(a.scale()));
  if (a.low() > 0 || a.high() < 0 || a.low() < -kLimit || a.high() > kLimit)
    return bad_node(n, "range " + text_of(a.low()) + " .. " + text_of(a.high()));
  return {};
}

Result<void> infer(Inference& inf) {
  inf.out(0, inf.shape(0));
  return {};
}

struct Steps {
  float scale = 1, low = 0, high = 0;
};

// Rows of x; NaN counts for nothing.
void widen(const float* __restrict x, int64_t count, float (&low)[kernels::kPartialSums],
           float (&high)[kernels::kPartialSums]) {
  int64_t i = 0;
  for (; i + kernels::kPartialSums <= count; i += kernels::kPartialSums)
    for (int k = 0; k < kernels::kPartialSums; ++k) {
      low[k] = x[i + k] < low[k] ? x[i + k] : low[k];
      high[k] = x[i + k] > high[k] ? x[i + k] : high[k];
    }
  for (; i < count; ++i) low[0] = std::min(low[0], x[i]), high[0] = std::max(high[0], x[i]);
}

Steps steps_of(const float* x, int64_t pitch, int64_t row, int64_t total) {
  float low[kernels::kPartialSums] = {}, high[kernels::kPartialSums] = {};
  for (int64_t at = 0; at < total; at += row, x += pitch) widen(x, std::min(row, total - at), low, high);
  const float least = *std::min_element(low, low + kernels::kPartialSums);
  const float largest = *std::max_element(high, high + kernels::kPartialSums);
  if (least == largest) return {1, 0, 255};
  const float scale = (largest - least) / 255;
  const float zero = std::nearbyint(std::min(std::max(-least / scale, 0.0f), 255.0f));
  return {scale, -zero, 255 - zero};
}

// Adding and taking away 1.5 * 2^23 rounds half to even what is within 2^22.
void round_row(const Steps& s, const float* x, float* y, int64_t count) {
  constexpr float kRounder = 12582912;
  for (int64_t i = 0; i < count; ++i) {
    const float v = std::min(std::max(x[i] / s.scale, s.low), s.high);
    y[i] = (v + kRounder - kRounder) * s.scale;
  }
}

Result<void> prepare(Prepare& p) {
  if (nothing_to_do(p)) return {};
  const auto& a = p.node->attributes<schema::FakeQuantize>();
  const Value &in = p.in(0), &out = p.out();
  const bool flat = in.dense() && out.dense();
  const int64_t row = flat ? 4096 : in.channels(), total = in.shape.elements();
  p.step.kernel = "fake_quantize";
  const Steps given{a.scale(), static_cast<float>(a.low()), static_cast<float>(a.high())};
  p.step.run = [=, dynamic = a.scale() == 0, from = in.id, to = out.id, from_pitch = flat ? row : in.pitch,
                to_pitch = flat ? row : out.pitch,
                rows = flat ? (total + row - 1) / row : in.rows()](const RunContext& ctx) {
    const Steps steps = dynamic ? steps_of(ctx.data<float>(from), from_pitch, row, total) : given;
    parallel_rows(ctx.threads, rows, grain_of(row), [&](int64_t begin, int64_t end) {
      for (int64_t r = begin; r < end; ++r)
        round_row(steps, ctx.data<float>(from) + r * from_pitch, ctx.data<float>(to) + r * to_pitch,
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
                              .prepare = prepare,
                              .pitched_in = true,
                              .pitched_out = true};

}  // namespace octet
