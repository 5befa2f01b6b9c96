// A session around its run: which input size it takes, preparing it, the time a run takes.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <numeric>

#include "demos/vision/evaluate.h"

namespace octet::vision {

Latency summarise(std::vector<double> ms) {
  if (ms.empty()) return {};
  std::sort(ms.begin(), ms.end());
  const size_t n = ms.size();
  return {.min_ms = ms.front(),
          .max_ms = ms.back(),
          .mean_ms = std::accumulate(ms.begin(), ms.end(), 0.0) / static_cast<double>(n),
          .median_ms = (ms[(n - 1) / 2] + ms[n / 2]) / 2,
          .runs = n};
}

std::string latency_text(const Latency& latency) {
  char text[128];
  std::snprintf(text, sizeof text, "Inference time(ms): min=%.2f, max=%.1f, avg=%.1f", latency.min_ms, latency.max_ms,
                latency.mean_ms);
  return text;
}

Result<InputSize> input_size(const Model& model, int img_shape, int batch) {
  const auto inputs = model.inputs();
  const auto bad = [&](const std::string& what) { return Error{Code::kBadModel, "'" + model.name() + "': " + what}; };
  if (inputs.size() != 1) return bad("has " + std::to_string(inputs.size()) + " inputs, expected one picture");
  const TensorInfo& input = inputs[0];
  const std::string described = "input '" + std::string(input.name) + "' is " + input.shape.text();
  if (input.dtype != DType::kF32) return bad(described + " of " + name_of(input.dtype) + ", expected f32");
  if (input.shape.rank() != 4 || (input.shape[1] != 3 && input.shape[1] != -1))
    return bad(described + ", expected {batch, 3, height, width}");
  const auto pick = [&](int axis, int wanted, const char* flag) -> Result<int> {
    const int64_t fixed = input.shape[axis];
    if (fixed == -1) return wanted;
    if (wanted != 0 && wanted != fixed)
      return bad(described + ": " + flag + " " + std::to_string(wanted) + " does not fit");
    return static_cast<int>(fixed);
  };
  auto n = pick(0, batch, "--batch_size"), h = pick(2, img_shape, "--img_shape"), w = pick(3, img_shape, "--img_shape");
  for (const auto* size : {&n, &h, &w})
    if (!*size) return size->error();
  return InputSize{.batch = std::max(1, *n), .height = *h, .width = *w};
}

Result<void> prepare(Session& session, const InputSize& size) {
  if (auto set = session.resize_input(0, {size.batch, 3, size.height, size.width}); !set) return set;
  return session.prepare();
}

Result<double> timed_run(Session& session) {
  const auto start = std::chrono::steady_clock::now();
  if (auto run = session.run(); !run) return run.error();
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace octet::vision
