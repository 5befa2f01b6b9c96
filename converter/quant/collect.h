// Measuring activations: the float model runs over calibration samples one at a time; memory does not grow with them.
#pragma once
#include <octet/octet.h>
#include <functional>
#include <optional>

#include "converter/quant/plan.h"

namespace octet::convert {

// Calibration data: `fill` prepares the session for sample i (its shape too, where that may change) and writes its inputs.
struct Samples {
  size_t count = 0;
  std::function<Result<void>(Session& session, size_t i)> fill;
  std::optional<Range> pixels;  // what pictures (inputs of rank 4) can hold, where that is known: all of it is kept
};

using Progress = std::function<void(size_t done, size_t total)>;

struct Measurements {
  std::vector<Statistics> groups;         // by group of the plan
  std::vector<std::vector<double>> mean;  // by tensor, each channel's, of tensors that layers read; else empty
};

struct CollectOptions {
  bool histograms = false;
  int threads = 1;
  Progress progress;
};

// `model` holds the float graph `g`, whose tensors it names.
Result<Measurements> collect(const Graph& g, const Plan& plan, const Model& model, const Samples& samples,
                             const CollectOptions& options);

}  // namespace octet::convert
