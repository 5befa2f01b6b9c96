#include "tools/bench/measure.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <numeric>

namespace octet::bench {
namespace {

// splitmix64: the same numbers everywhere, unlike the standard distributions.
uint64_t next(uint64_t& state) {
  uint64_t z = state += 0x9E3779B97F4A7C15u;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return z ^ (z >> 31);
}

template <class T>
void fill(const Tensor& t, uint64_t& state, uint64_t limit) {
  auto* data = static_cast<T*>(t.data);
  for (int64_t i = 0; i < t.shape.elements(); ++i) data[i] = static_cast<T>(next(state) % limit);
}

}  // namespace

double Times::percentile(double share) const {
  const auto rank = static_cast<size_t>(std::ceil(share * static_cast<double>(ms.size())));
  return ms[std::clamp<size_t>(rank, 1, ms.size()) - 1];
}

double Times::mean() const { return std::accumulate(ms.begin(), ms.end(), 0.0) / static_cast<double>(ms.size()); }

void fill_random(Session& session, int inputs, uint64_t seed) {
  for (int i = 0; i < inputs; ++i) {
    const Tensor t = session.input(i);
    switch (t.dtype) {
      case DType::kF32:
        for (float& v : t.f32()) v = static_cast<float>(next(seed) >> 40) * 0x1p-24f;
        break;
      case DType::kS32:
        fill<int32_t>(t, seed, 256);
        break;
      case DType::kS64:
        fill<int64_t>(t, seed, 256);
        break;
      case DType::kBool:
        fill<uint8_t>(t, seed, 2);
        break;
      default:
        fill<uint8_t>(t, seed, 256);
    }
  }
}

Result<Times> measure(Session& session, int warmup, int runs) {
  using Clock = std::chrono::steady_clock;
  for (int i = 0; i < warmup; ++i)
    if (auto done = session.run(); !done) return done.error();
  session.reset_profile();
  Times times;
  for (int i = 0; i < runs; ++i) {
    const auto begin = Clock::now();
    if (auto done = session.run(); !done) return done.error();
    times.ms.push_back(std::chrono::duration<double, std::milli>(Clock::now() - begin).count());
  }
  std::sort(times.ms.begin(), times.ms.end());
  return times;
}

}  // namespace octet::bench
