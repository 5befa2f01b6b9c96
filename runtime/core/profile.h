// Sums of what the steps of many plans did.
#pragma once
#include <octet/octet.h>
#include <map>
#include <string>
#include <vector>

#include "runtime/core/plan.h"

namespace octet {

// Steps that do the same in several plans (one node or conversion, one kernel, one shape) are one row.
class ProfileSum {
 public:
  void add(const Plan& plan, bool idle_too);  // without plan.rests; idle: steps that never ran
  void add(const ProfileSum& other);
  void clear() { rows_.clear(), at_.clear(); }
  std::vector<StepProfile> rows() const;  // in the order in which they came

 private:
  struct Row {
    std::string key;  // what makes it different from others
    StepProfile sum;
  };
  void add(Row row);

  std::vector<Row> rows_;
  std::map<std::string, size_t> at_;  // by key
};

}  // namespace octet
