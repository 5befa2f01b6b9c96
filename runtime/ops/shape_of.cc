// Sizes of a tensor as numbers: known as soon as the input shapes are.
#include "runtime/ops/common.h"

namespace octet {
namespace {

std::span<const std::string_view> names(const NodeDef&) {
  static constexpr std::string_view kNames[] = {"shape_of", "Shape", "shape"};
  return kNames;
}

Result<void> check(const NodeDef&, const ModelData&) { return {}; }

// Start and end of the dims that are asked for, with ONNX' clamping.
std::pair<int, int> range(const NodeDef& n, int rank) {
  const auto& a = n.attributes<schema::ShapeOf>();
  auto clamp = [&](int64_t d) { return static_cast<int>(std::clamp<int64_t>(d < 0 ? d + rank : d, 0, rank)); };
  const int start = clamp(a.start());
  return {start, std::max(start, clamp(a.end()))};
}

Result<void> infer(Inference& inf) {
  const auto [start, end] = range(inf.node, inf.shape(0).rank());
  inf.out(0, {end - start});
  return {};
}

Unknowns unknowns(const NodeDef&, int, const Value&, const Value&) { return Unknowns::kMoved; }

Result<void> prepare(Prepare& p) {
  const auto [start, end] = range(*p.node, p.in(0).shape.rank());
  p.step.run = [start = start, end = end, shape = p.in(0).shape, out = p.out().id](const RunContext& ctx) {
    std::replace_copy(shape.begin() + start, shape.begin() + end, ctx.data<int64_t>(out), int64_t{-1}, kUnknown);
  };
  p.step.kernel = "shape_of";
  return {};
}

}  // namespace

extern const OpKind kShapeOf;
const OpKind kShapeOf = {.type = schema::Op::ShapeOf,
                         .names = names,
                         .min_inputs = 1,
                         .max_inputs = 1,
                         .check = check,
                         .infer = infer,
                         .prepare = prepare,
                         .unknowns = unknowns,
                         .dtype = always<DType::kS64>,
                         .pitched_in = true,
                         .shapes_only = true};

}  // namespace octet
