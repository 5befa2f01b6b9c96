// What the kernel tests share: which ISAs to test, random data with fixed seeds, comparison that tells where.
#pragma once
#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "kernels/kernels.h"
#include "kernels/quant.h"
#include "kernels/reference/reference.h"
#ifdef OCTET_EMULATED
#include "tests/kernels/emulated/emulated.h"
#endif

namespace octet::kernels::test {

inline std::vector<const Isa*> supported_isas() {
  std::vector<const Isa*> isas;
  for (const Isa* isa : all_isas()) {
    if (supported(*isa)) isas.push_back(isa);
  }
#ifdef OCTET_EMULATED
  const auto emulated = emulated_isas();
  isas.insert(isas.end(), emulated.begin(), emulated.end());
#endif
  return isas;
}

// The int8 tiles of the supported sets, wide ones and those of tile units too.
struct Tile {
  const Isa* isa;
  const GemmS8* gemm;
  std::string name() const {
    return std::string(isa->name) + (gemm == &isa->gemm_wide ? " wide" : gemm == &isa->gemm_tiles ? " tiles" : "");
  }
  // Weights as it reads them; `packed` and the result stay where they are as long as they are used.
  const int8_t* weights(const std::vector<int8_t>& packed, std::vector<int16_t>& widened) const {
    if (!gemm->wide) return packed.data();
    widened.resize(packed.size());
    widen_weights(packed.data(), static_cast<int64_t>(packed.size()), widened.data());
    return reinterpret_cast<const int8_t*>(widened.data());
  }
  void run(const ConvTile& tile) const {
    if (gemm->enter) gemm->enter();
    gemm->run(tile);
    if (gemm->leave) gemm->leave();
  }
};

inline std::vector<Tile> supported_tiles() {
  std::vector<Tile> tiles;
  for (const Isa* isa : supported_isas()) {
    tiles.push_back({isa, &isa->gemm_s8});
    if (isa->gemm_wide.run) tiles.push_back({isa, &isa->gemm_wide});
    if (isa->gemm_tiles.run) tiles.push_back({isa, &isa->gemm_tiles});
  }
  return tiles;
}

class Random {
 public:
  explicit Random(uint32_t seed) : engine_(seed) {}
  int integer(int low, int high) { return low + static_cast<int>(engine_() % static_cast<uint32_t>(high - low + 1)); }
  float real(float low, float high) { return low + (high - low) * static_cast<float>(engine_()) / 4294967296.0f; }

  // A byte, often a corner.
  uint8_t byte() {
    constexpr uint8_t kCorners[] = {0, 1, 127, 128, 254, 255};
    return static_cast<uint8_t>(integer(0, 3) == 0 ? kCorners[integer(0, 5)] : integer(0, 255));
  }
  std::vector<uint8_t> bytes(int64_t count) {
    std::vector<uint8_t> v(static_cast<size_t>(count + kReadSlack));
    for (auto& x : v) x = byte();
    return v;
  }
  int8_t weight() {
    constexpr int8_t kCorners[] = {-127, -1, 0, 127};
    return static_cast<int8_t>(integer(0, 3) == 0 ? kCorners[integer(0, 3)] : integer(-127, 127));
  }
  std::vector<float> reals(int64_t count, float low, float high) {
    std::vector<float> v(static_cast<size_t>(count));
    for (auto& x : v) x = real(low, high);
    return v;
  }

 private:
  std::mt19937 engine_;
};

constexpr int padded(int channels) { return (channels + kBlock - 1) / kBlock * kBlock; }

// Per-channel values, zero beyond the real channels.
inline std::vector<float> per_channel(Random& random, int channels, float low, float high) {
  std::vector<float> v(static_cast<size_t>(padded(channels)));
  for (int n = 0; n < channels; ++n) v[static_cast<size_t>(n)] = random.real(low, high);
  return v;
}

template <class T>
::testing::AssertionResult same(const std::vector<T>& expected, const std::vector<T>& got) {
  for (size_t i = 0; i < expected.size(); ++i) {
    if (std::memcmp(&expected[i], &got[i], sizeof(T)) != 0) {
      return ::testing::AssertionFailure() << "element " << i << ": expected " << +expected[i] << ", got " << +got[i];
    }
  }
  return ::testing::AssertionSuccess();
}

inline constexpr Activation kActivations[] = {
    {Act::kNone, 0, 0},
    {Act::kRelu, 0, 0},
    {Act::kClip, -0.5f, 1.5f},
    {Act::kSilu, 0, 0},
    {Act::kSigmoid, 0, 0},
    {Act::kHardSwish, 1.0f / 6, 0.5f},
    {Act::kHardSigmoid, 0.2f, 0.5f},
    {Act::kLeakyRelu, 0.1f, 0},
    {Act::kTanh, 0, 0},
    {Act::kGelu, 0, 0},
    {Act::kGeluTanh, 0, 0},
};

// Pieces of any kind, in the bounds that Act16 sets.
inline Act16 random_act16(Random& random, bool odd) {
  const auto s16 = [&](int most) { return static_cast<int16_t>(random.integer(-most, most)); };
  Act16 a;
  a.odd = odd;
  a.shift = random.integer(0, 9);
  a.step = static_cast<int16_t>(random.integer(0, 3) ? random.integer(9, 2000) : random.integer(0, 32767));
  a.limit = static_cast<int16_t>(std::min(32767, a.step ? ((1 << 18) - 1) / a.step : 32767));
  a.residual = static_cast<int16_t>(random.integer(0, 3) ? random.integer(0, 20000) : 32767);
  a.base = s16(20000);
  for (int i = 0; i < kPieces16; ++i)
    a.value[i] = s16(i % 2 ? 20000 : 32767), a.slope[i] = s16(5000), a.bend[i] = s16(32767);
  if (random.integer(0, 1)) a.low = static_cast<uint8_t>(random.integer(0, 30)), a.high = random.byte() | 31;
  return a;
}

// An epilogue with all its arrays, different for each channel. The multipliers bring `largest_acc` to about 8 real units.
struct EpilogueData {
  std::vector<int32_t> acc0, zero_point;
  std::vector<float> multiplier, out_multiplier, res_multiplier, res_offset, low, high;
  Epilogue epilogue;

  EpilogueData(Random& random, int channels, double largest_acc, Activation act, bool residual, bool to_u8)
      : acc0(static_cast<size_t>(padded(channels))),
        zero_point(acc0.size()),
        multiplier(acc0.size()),
        out_multiplier(acc0.size()),
        res_multiplier(acc0.size()),
        res_offset(acc0.size()),
        low(acc0.size()),
        high(acc0.size()) {
    const bool active = act.kind != Act::kNone;
    for (size_t n = 0; n < static_cast<size_t>(channels); ++n) {
      const float to_real = random.real(2.0f, 12.0f) / static_cast<float>(largest_acc);
      const float to_steps = random.real(10.0f, 70.0f);
      constexpr int32_t kZeros[] = {0, 255, 128};
      zero_point[n] = random.integer(0, 2) ? random.integer(0, 255) : kZeros[random.integer(0, 2)];
      acc0[n] = random.integer(-static_cast<int>(largest_acc / 4), static_cast<int>(largest_acc / 4));
      multiplier[n] = active || !to_u8 ? to_real : to_real * to_steps;
      out_multiplier[n] = to_u8 ? to_steps : 1.0f;
      res_multiplier[n] = random.real(0.1f, 1.5f);
      res_offset[n] = -res_multiplier[n] * static_cast<float>(random.integer(0, 255));
      const bool narrow = random.integer(0, 2) == 0;
      low[n] = static_cast<float>(-zero_point[n]) + (narrow ? random.real(0.0f, 20.0f) : 0.0f);
      high[n] = static_cast<float>(255 - zero_point[n]) - (narrow ? random.real(0.0f, 20.0f) : 0.0f);
      if (!to_u8) low[n] = narrow ? -3.5f : -1e30f, high[n] = narrow ? 3.25f : 1e30f;
    }
    epilogue = {.acc0 = acc0.data(),
                .multiplier = multiplier.data(),
                .act = act,
                .out_multiplier = active ? out_multiplier.data() : nullptr,
                .res_multiplier = residual ? res_multiplier.data() : nullptr,
                .res_offset = residual ? res_offset.data() : nullptr,
                .low = low.data(),
                .high = high.data(),
                .zero_point = to_u8 ? zero_point.data() : nullptr};
  }
};

}  // namespace octet::kernels::test
