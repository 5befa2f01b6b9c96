// How the peers report: the time of each run as one line of JSON.
#pragma once
#include <chrono>
#include <cstdio>
#include <vector>

namespace octet::peers {

constexpr int kWarmup = 3;

template <class Run>
void report(int runs, Run&& run) {
  for (int i = 0; i < kWarmup; ++i) run();
  std::vector<double> ms;
  for (int i = 0; i < runs; ++i) {
    const auto begin = std::chrono::steady_clock::now();
    run();
    ms.push_back(std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count());
  }
  std::printf("{\"times_ms\": [");
  for (size_t i = 0; i < ms.size(); ++i) std::printf("%s%.4f", i ? ", " : "", ms[i]);
  std::printf("]}\n");
}

}  // namespace octet::peers
