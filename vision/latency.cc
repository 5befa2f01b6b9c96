// Statistics of run times.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <numeric>

#include "vision/evaluate.h"

namespace octet::vision {

Latency summarise(std::vector<double> ms) {
  if (ms.empty()) return {};
  std::sort(ms.begin(), ms.end());
  const size_t n = ms.size();
  const size_t p99 = static_cast<size_t>(std::ceil(.99 * static_cast<double>(n))) - 1;
  return {.min_ms = ms.front(),
          .max_ms = ms.back(),
          .mean_ms = std::accumulate(ms.begin(), ms.end(), 0.0) / static_cast<double>(n),
          .median_ms = (ms[(n - 1) / 2] + ms[n / 2]) / 2,
          .p99_ms = ms[p99],
          .runs = n};
}

std::string latency_text(const Latency& latency) {
  char text[128];
  std::snprintf(text, sizeof text, "Inference time(ms): min=%.2f, max=%.1f, avg=%.1f", latency.min_ms, latency.max_ms,
                latency.mean_ms);
  return text;
}

std::string spread_text(const Latency& latency) {
  char text[128];
  std::snprintf(text, sizeof text, "median=%.2f ms, p99=%.2f ms, %zu runs", latency.median_ms, latency.p99_ms,
                latency.runs);
  return text;
}

}  // namespace octet::vision
