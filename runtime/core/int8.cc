// Holding what a file gives against what an op says.
#include "runtime/core/int8.h"

#include <algorithm>

#include "runtime/core/op.h"

namespace octet {
namespace {

bool quantised(const TensorDef& t) { return t.dtype == DType::kF32 && !t.quant.empty(); }

bool holds(const Tie& tie, const Quant& in, const Quant& out) {
  if (!in.per_channel() && !out.per_channel()) return same(in, out);
  if (tie.mixed || (out.per_channel() && static_cast<int64_t>(out.scale.size()) < tie.out_first + tie.count))
    return false;
  for (int64_t i = 0; i < tie.count; ++i) {
    const int64_t from = tie.in_first + i * tie.in_step, to = tie.out_first + i;
    if (in.scale_at(from) != out.scale_at(to) || in.zero_at(from) != out.zero_at(to)) return false;
  }
  return true;
}

bool inputs_suit(const Int8Rule& rule, const NodeDef& node, const ModelData& model) {
  bool any = false;
  for (int i = 0; i < static_cast<int>(node.inputs.size()); ++i) {
    if (!node.has_input(i) || !rule.reads_u8(i, model.input(node, i).dtype)) continue;
    const Quant& quant = model.input(node, i).quant;
    if (quant.empty() || (rule.one_scale_in && quant.per_channel())) return false;
    any = true;
  }
  return any;
}

}  // namespace

int64_t channels_of(const TensorDef& t) {
  if (t.quant.per_channel()) return static_cast<int64_t>(t.quant.scale.size());
  return t.shape.rank() > 0 && t.shape[-1] > 0 ? t.shape[-1] : 1;
}

Tie tie_channels(const NodeDef& node, const ModelData& model, int input) {
  const int64_t count = channels_of(model.input(node, input));
  return {.input = input, .count = count, .mixed = count != channels_of(model.output(node, 0))};
}

Int8Rule same_scales(const NodeDef& node, const ModelData& model, bool mixed) {
  Tie tie = tie_channels(node, model);
  tie.mixed = tie.mixed || mixed;
  return {.kind = Int8Rule::Kind::kSame, .ties = {tie}};
}

Int8Rule int8_rule(const NodeDef& node, const ModelData& model) {
  return node.kind->int8 ? node.kind->int8(node, model) : Int8Rule{};
}

bool can_int8(const NodeDef& node, const ModelData& model) {
  const Int8Rule rule = int8_rule(node, model);
  if (rule.kind == Int8Rule::Kind::kFloat || !inputs_suit(rule, node, model)) return false;
  if (rule.kind == Int8Rule::Kind::kLayer && model.input(node, 1).dtype != DType::kS8) return false;
  if (rule.kind == Int8Rule::Kind::kProduct && model.input(node, 1).quant.zero_at(0) != kProductZero) return false;
  const TensorDef& out = model.output(node, 0);
  const bool to_u8 = out.dtype == DType::kF32 && !node.kind->gives_f32_from_int8;
  if (to_u8 && (!quantised(out) || (rule.one_scale_out && out.quant.per_channel()))) return false;
  return rule.rescales || std::all_of(rule.ties.begin(), rule.ties.end(), [&](const Tie& tie) {
           return holds(tie, model.input(node, tie.input).quant, out.quant);
         });
}

}  // namespace octet
