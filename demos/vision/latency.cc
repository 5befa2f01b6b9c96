// Statistics of run times.
#include <algorithm>
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

}  // namespace octet::vision
