// Joining steps: where a tensor is made row by row and its only reader takes it row by row, it is never there as a whole.
#include <algorithm>

#include "runtime/core/views.h"

namespace octet {
namespace {

class Join {
 public:
  explicit Join(Plan& plan) : plan_(plan), reads_(plan.values.size(), 0), reader_(plan.values.size(), nullptr) {
    for (PlanStep& s : plan.steps)
      for (int v : s.inputs)
        if (v >= 0) ++reads_[static_cast<size_t>(v)], reader_[static_cast<size_t>(v)] = &s;
    for (const auto* seen_outside : {&plan.inputs, &plan.exports})
      for (int v : *seen_outside) ++reads_[static_cast<size_t>(v)];
  }

  void steps() {
    for (PlanStep& s : plan_.steps)
      if (s.node && s.outputs.size() == 1 && s.node->kind->streams && s.node->kind->streams(*s.node))
        while (PlanStep* reader = next_of(s)) join(s, *reader);
    std::erase_if(plan_.steps, [](const PlanStep& s) { return s.outputs.empty(); });
  }

 private:
  // The step that may do its work on the rows of s, behind those that do so already.
  PlanStep* next_of(const PlanStep& s) const {
    const auto out = static_cast<size_t>(s.outputs[0]);
    PlanStep* reader = reads_[out] == 1 ? reader_[out] : nullptr;
    if (!reader || on_rows(reader->node, s.outputs[0]) == OnRows::kNo) return nullptr;
    const bool passes = s.joined.empty() || on_rows(s.joined.back().node, s.joined.back().input) == OnRows::kReplaces;
    return passes ? reader : nullptr;
  }

  OnRows on_rows(const NodeDef* node, int input) const {
    const Value& in = plan_.values[static_cast<size_t>(input)];
    if (!node || !node->kind->on_rows || in.shape.elements() == 0) return OnRows::kNo;
    return node->kind->on_rows(*node, in);
  }

  static void join(PlanStep& s, PlanStep& reader) {
    s.joined.push_back({reader.node, reader.inputs[0], reader.outputs[0]});
    s.outputs = std::move(reader.outputs);
    reader.outputs.clear();
    reader.inputs.clear();
  }

  Plan& plan_;
  std::vector<int> reads_;         // by value: those outside count
  std::vector<PlanStep*> reader_;  // by value: the last one
};

}  // namespace

void join_steps(Plan& plan) { Join(plan).steps(); }

}  // namespace octet
