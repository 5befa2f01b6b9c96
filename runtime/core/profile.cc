// Sums of what the steps of many plans did.
#include "runtime/core/profile.h"

namespace octet {
namespace {

// A tensor is made by one node, and has one conversion to each form. Names need not be unique.
std::string key_of(const Plan& plan, size_t step) {
  const PlanStep& s = plan.steps[step];
  const StepProfile& p = plan.profile[step];
  const Value& out = plan.values[static_cast<size_t>(s.outputs[0])];
  return std::to_string(out.tensor) + (s.node ? " node " : " conversion ") + name_of(out.dtype) + " " + p.kernel + " " +
         p.input.text() + p.output.text();
}

}  // namespace

void ProfileSum::add(Row row) {
  const auto [it, fresh] = at_.try_emplace(row.key, rows_.size());
  if (fresh) {
    rows_.push_back(std::move(row));
    return;
  }
  StepProfile& sum = rows_[it->second].sum;
  sum.runs += row.sum.runs;
  sum.total_ns += row.sum.total_ns;
}

void ProfileSum::add(const Plan& plan, bool idle_too) {
  for (size_t i = 0; i < plan.steps.size(); ++i)
    if (idle_too || plan.profile[i].runs > 0) add({key_of(plan, i), plan.profile[i]});
}

void ProfileSum::add(const ProfileSum& other) {
  for (const Row& row : other.rows_) add(row);
}

std::vector<StepProfile> ProfileSum::rows() const {
  std::vector<StepProfile> all;
  for (const Row& row : rows_) all.push_back(row.sum);
  return all;
}

}  // namespace octet
