// `--max_drop`, `--target_metric`: which settings and which layers in float bring a model's metric to where it is wanted.
#pragma once
#include "tools/convert/metric.h"

namespace octet {

struct AccuracyFlags {
  std::optional<double> max_drop, target;
  MetricFlags metric;
  size_t evaluations = 40;
  int jobs = 1;
  bool asked() const { return max_drop || target; }
};
void add_accuracy_flags(CLI::App& command, AccuracyFlags& flags);

struct Accurate {
  QuantizedModel made;
  QuantizeOptions options;  // that it was made with
  bool met = false;
  double wanted = 0, reached = 0;
  std::string metric;  // its name
};

// Starts from `first`, what `p` makes as it stands. Prints what it finds. Where the metric cannot be reached: the best found.
Result<Accurate> make_accurate(const AccuracyFlags& flags, const Prepared& p, QuantizedModel first);

}  // namespace octet
