// Elementwise steps whose input nobody reads again write over it: the input lives in the output's memory.
#include <algorithm>

#include "runtime/core/views.h"

namespace octet {
namespace {

bool inside(const Plan& plan, int value, int whole) {
  while (value >= 0 && value != whole) value = plan.places[static_cast<size_t>(value)].parent;
  return value >= 0;
}

// `last_use`: by value, the last step that reads it.
bool may_overwrite(const Plan& plan, const std::vector<int>& last_use, int step, int in) {
  const PlanStep& s = plan.steps[static_cast<size_t>(step)];
  const Value &from = plan.values[static_cast<size_t>(in)], &to = plan.values[static_cast<size_t>(s.outputs[0])];
  const Place& place = plan.places[static_cast<size_t>(in)];
  if (from.constant || place.parent >= 0 || place.imported) return false;
  if (from.dtype != to.dtype || from.shape != to.shape || from.pitch != to.pitch) return false;
  return std::all_of(plan.values.begin(), plan.values.end(), [&](const Value& v) {
    if (!inside(plan, v.id, in)) return true;
    const bool part_is_operand = v.id != in && std::count(s.inputs.begin(), s.inputs.end(), v.id) > 0;
    return last_use[static_cast<size_t>(v.id)] <= step && !part_is_operand;
  });
}

}  // namespace

void write_in_place(Plan& plan) {
  const int end = static_cast<int>(plan.steps.size());
  std::vector<int> last_use(plan.values.size(), -1);
  for (int i = 0; i < end; ++i)
    for (int v : plan.steps[static_cast<size_t>(i)].inputs)
      if (v >= 0) last_use[static_cast<size_t>(v)] = i;
  for (const auto& seen_outside : {plan.inputs, plan.exports})
    for (int v : seen_outside) last_use[static_cast<size_t>(v)] = end;
  for (int i = 0; i < end; ++i) {
    const PlanStep& s = plan.steps[static_cast<size_t>(i)];
    if (!s.node || !s.node->kind->elementwise) continue;
    const auto in = std::find_if(s.inputs.begin(), s.inputs.end(),
                                 [&](int v) { return v >= 0 && may_overwrite(plan, last_use, i, v); });
    if (in != s.inputs.end()) plan.places[static_cast<size_t>(*in)] = {.parent = s.outputs[0]};
  }
}

}  // namespace octet
