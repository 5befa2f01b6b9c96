// Measuring activations: the float model runs over calibration samples one at a time; memory does not grow with them.
#pragma once
#include "converter/quant/methods.h"
#include "converter/quant/plan.h"
#include "converter/quant/record.h"

namespace octet::convert {

// What the runs showed of the tensors that the plan measures.
struct Observations {
  std::vector<Statistics> groups;         // by group of the plan
  std::vector<std::vector<double>> mean;  // by tensor, each channel's, of tensors that layers read; else empty
  std::vector<bool> seen;                 // by tensor: it is measured and had at least one number in some run
  std::vector<Recorded> recorded;
  bool constant_outputs = true;  // every sample gave the same float outputs
};

struct ObserveOptions {
  bool histograms = false;
  int threads = 1;
  Progress progress;
};

// `source.graph` is what the plan was made for.
Result<Observations> observe(const SourceModel& source, const Plan& plan, const Samples& samples,
                             const ObserveOptions& options);

}  // namespace octet::convert
