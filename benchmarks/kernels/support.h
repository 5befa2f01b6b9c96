// Data for the kernel benchmarks, and one registration for each supported ISA.
#pragma once
#include <benchmark/benchmark.h>

#include <cstdint>
#include <new>
#include <random>
#include <string>
#include <vector>

#include "kernels/kernels.h"

namespace octet::kernels::bench {

template <class Run>
void for_each_isa(const std::string& kernel, const std::string& shape, Run run) {
  for (const Isa* isa : all_isas()) {
    if (!supported(*isa) || isa == all_isas().back()) continue;  // the scalar table is the reference: hours
    benchmark::RegisterBenchmark((kernel + "/" + isa->name + "/" + shape).c_str(),
                                 [=](benchmark::State& state) { run(state, *isa); });
  }
}

// As the arena and packed weights are: vectors that straddle cache lines would be measured otherwise.
template <class T>
struct Aligned {
  using value_type = T;
  T* allocate(size_t n) { return static_cast<T*>(::operator new (n * sizeof(T), std::align_val_t{64})); }
  void deallocate(T* p, size_t) { ::operator delete (p, std::align_val_t{64}); }
  bool operator==(const Aligned&) const { return true; }
};
template <class T>
using Data = std::vector<T, Aligned<T>>;

inline Data<uint8_t> random_bytes(int64_t count) {
  std::mt19937 engine(1);
  Data<uint8_t> v(static_cast<size_t>(count + kReadSlack));
  for (auto& x : v) x = static_cast<uint8_t>(engine());
  return v;
}

inline Data<int8_t> random_weights(int64_t count) {
  std::mt19937 engine(2);
  Data<int8_t> v(static_cast<size_t>(count));
  for (auto& x : v) x = static_cast<int8_t>(static_cast<int>(engine() % 255) - 127);
  return v;
}

inline void report(benchmark::State& state, double operations) {
  state.counters["GOP/s"] =
      benchmark::Counter(operations * static_cast<double>(state.iterations()) / 1e9, benchmark::Counter::kIsRate);
}

// Per-channel arrays for `channels` outputs, the same for each.
struct EpilogueArrays {
  std::vector<int32_t> acc0, zero_point;
  std::vector<float> multiplier, out_multiplier, low, high;
  explicit EpilogueArrays(int channels)
      : acc0(static_cast<size_t>(channels + kBlock)),
        zero_point(acc0.size(), 30),
        multiplier(acc0.size(), 1e-5f),
        out_multiplier(acc0.size(), 30.0f),
        low(acc0.size(), -30.0f),
        high(acc0.size(), 225.0f) {}
  Epilogue epilogue(Act act) const {
    return {.acc0 = acc0.data(),
            .multiplier = multiplier.data(),
            .act = {act, 1.0f / 6, 0.5f},
            .out_multiplier = out_multiplier.data(),
            .low = low.data(),
            .high = high.data(),
            .zero_point = zero_point.data()};
  }
};

}  // namespace octet::kernels::bench
