// Numbers from a start on, a step apart, up to a limit that is not reached.
#include "runtime/ops/common.h"

namespace octet {
namespace {

std::span<const std::string_view> names(const NodeDef&) {
  static constexpr std::string_view kNames[] = {"range", "Range"};
  return kNames;
}

Result<void> check(const NodeDef& n, const ModelData& m) {
  for (int i : {0, 1, 2}) OCTET_TRY(check_type(n, m, i, {DType::kS64}));
  return {};
}

Result<void> infer(Inference& inf) {
  int64_t v[3];
  for (int i : {0, 1, 2}) {
    const auto known = inf.known_s64(i);
    if (!known) return known.error();
    if (known->size() != 1) return inf.error("operand " + text_of(i) + " of " + inf.shape(i).text());
    v[i] = (*known)[0];
  }
  const auto [start, limit, step] = std::array{v[0], v[1], v[2]};
  if (start == kUnknown || limit == kUnknown || step == kUnknown) return inf.out(0, {-1}), Result<void>();
  constexpr int64_t kFar = int64_t{1} << 40;
  if (step == 0 || start < -kFar || start > kFar || limit < -kFar || limit > kFar)
    return inf.error("no range from " + text_of(start) + " to " + text_of(limit) + " by " + text_of(step));
  const int64_t span = step > 0 ? limit - start : start - limit;
  const int64_t stride = std::min(step > 0 ? step : -std::max(step, -kFar), kFar);
  inf.out(0, {span > 0 ? (span - 1) / stride + 1 : 0});
  return {};
}

Result<void> prepare(Prepare& p) {
  if (nothing_to_do(p)) return {};
  p.step.run = [start = known_s64(p.in(0))[0], step = known_s64(p.in(2))[0], out = p.out().id,
                count = p.out().shape[0]](const RunContext& ctx) {
    for (int64_t i = 0; i < count; ++i) ctx.data<int64_t>(out)[i] = start + i * step;
  };
  p.step.kernel = "range";
  return {};
}

}  // namespace

extern const OpKind kRange;
const OpKind kRange = {.type = schema::Op::Range,
                       .names = names,
                       .min_inputs = 3,
                       .max_inputs = 3,
                       .check = check,
                       .infer = infer,
                       .prepare = prepare};

}  // namespace octet
