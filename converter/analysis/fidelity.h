// Sums of differences between float numbers and their int8 counterparts.
#pragma once
#include <span>

#include "octet/analyze.h"

namespace octet::analysis {

// Numbers that are not finite in float say nothing and are left out; one that int8 made so counts as 0, and so do all where int8 made
// another number of them (sizes that data decide).
class ErrorSum {
 public:
  void add(std::span<const float> wanted, std::span<const float> got);
  Fidelity result() const;

 private:
  double wanted_ = 0, got_ = 0, product_ = 0, noise_ = 0;  // squares, and products
  size_t count_ = 0;
};

}  // namespace octet::analysis
