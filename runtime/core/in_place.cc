// Elementwise steps whose input nobody reads again write over it: the input lives in the output's memory.
#include <algorithm>

#include "runtime/core/roots.h"
#include "runtime/core/views.h"

namespace octet {
namespace {

class InPlace {
 public:
  explicit InPlace(Plan& plan) : plan_(plan), last_use_(plan.values.size(), -1), whole_(plan.values.size()) {
    for (const Value& v : plan.values)
      if (place(v.id).parent >= 0) whole_.hang(v.id, place(v.id).parent);
    const int end = static_cast<int>(plan.steps.size());
    for (int i = 0; i < end; ++i)
      for (int v : plan.steps[static_cast<size_t>(i)].inputs)
        if (v >= 0) use(v, i);
    for (const auto* seen_outside : {&plan.inputs, &plan.exports})
      for (int v : *seen_outside) use(v, end);
  }

  void write() {
    for (int i = 0; i < static_cast<int>(plan_.steps.size()); ++i) {
      const PlanStep& s = plan_.steps[static_cast<size_t>(i)];
      if (!s.node || !s.node->kind->elementwise) continue;
      const auto in =
          std::find_if(s.inputs.begin(), s.inputs.end(), [&](int v) { return v >= 0 && may_overwrite(i, v); });
      if (in == s.inputs.end()) continue;
      place(*in) = {.parent = s.outputs[0]};
      use(s.outputs[0], last_use_[static_cast<size_t>(*in)]);
      whole_.hang(*in, s.outputs[0]);
    }
  }

 private:
  Place& place(int v) { return plan_.places[static_cast<size_t>(v)]; }

  void use(int v, int step) {
    int& last = last_use_[static_cast<size_t>(whole_.of(v))];
    last = std::max(last, step);
  }

  bool may_overwrite(int step, int in) {
    const PlanStep& s = plan_.steps[static_cast<size_t>(step)];
    const Value &from = plan_.values[static_cast<size_t>(in)], &to = plan_.values[static_cast<size_t>(s.outputs[0])];
    if (from.constant || place(in).parent >= 0 || place(in).imported) return false;
    if (from.dtype != to.dtype || from.shape != to.shape || from.pitch != to.pitch) return false;
    const bool part_is_operand =
        std::any_of(s.inputs.begin(), s.inputs.end(), [&](int v) { return v >= 0 && v != in && whole_.of(v) == in; });
    return last_use_[static_cast<size_t>(in)] <= step && !part_is_operand;
  }

  Plan& plan_;
  std::vector<int> last_use_;  // by root: the last step that reads it or what lies inside it
  Roots whole_;
};

}  // namespace

void write_in_place(Plan& plan) { InPlace(plan).write(); }

}  // namespace octet
