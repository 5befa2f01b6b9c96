// What tests of quantised ONNX share: scales in models, runs in int8, and what convolutions of integers give exactly.
#pragma once
#include <cmath>
#include <random>

#include "converter/quant/freeze.h"
#include "converter/quant/shared_scales.h"
#include "converter/quant/wide_weights.h"
#include "octet/convert.h"
#include "tests/converter/rig.h"

namespace octet::convert {

constexpr int kU8 = 2, kS8 = 3, kS32 = 6;
inline int low_of(int type) { return type == kU8 ? 0 : -128; }
inline int high_of(int type) { return type == kU8 ? 255 : 127; }

// A scale and zero point in a model, and what they make of numbers.
struct Steps {
  int type = kU8, zero = 0;
  double scale = 1;
  int quantised(double v) const {
    return std::clamp(static_cast<int>(std::nearbyint(v / scale)) + zero, low_of(type), high_of(type));
  }
  double real(int q) const { return (q - zero) * scale; }
};

struct Quantised {
  std::string scale, zero;
};

inline Quantised put(TestModel& m, const Steps& s) {
  return {m.floats({}, {static_cast<float>(s.scale)}), m.integers(s.type, {}, {s.zero})};
}

inline std::string quantise(TestModel& m, const std::string& x, const Steps& s) {
  const Quantised q = put(m, s);
  return m.op("QuantizeLinear", {x, q.scale, q.zero});
}

inline std::string dequantise(TestModel& m, const std::string& x, const Steps& s) {
  const Quantised q = put(m, s);
  return m.op("DequantizeLinear", {x, q.scale, q.zero});
}

inline std::vector<int> random_integers(size_t count, int low, int high, uint32_t seed) {
  std::mt19937 random(seed);
  std::vector<int> v(count);
  for (int& q : v) q = low + static_cast<int>(random() % static_cast<uint32_t>(high - low + 1));
  return v;
}

inline std::vector<float> real(const std::vector<int>& q, const Steps& s) {
  std::vector<float> v;
  for (int i : q) v.push_back(static_cast<float>(s.real(i)));
  return v;
}

struct Outcome {
  std::vector<std::vector<float>> outputs;
  int int8_steps = 0;
};

inline Outcome run_model(const TestModel& m, const std::vector<std::vector<float>>& inputs,
                         Precision precision = Precision::kInt8, bool simulate = false) {
  const TempFile file(m.proto.SerializeAsString());
  auto bytes = convert_model(file.path(), {.simulate = simulate});
  if (!bytes) return ADD_FAILURE() << bytes.error().text, Outcome{};
  auto loaded = Model::from_bytes(*bytes, "test");
  if (!loaded) return ADD_FAILURE() << loaded.error().text, Outcome{};
  auto session = Session::create(*loaded, {.precision = precision, .profile = true});
  if (!session) return ADD_FAILURE() << session.error().text, Outcome{};
  if (auto ready = session->prepare(); !ready) return ADD_FAILURE() << ready.error().text, Outcome{};
  for (size_t i = 0; i < inputs.size(); ++i) {
    const auto to = session->input(static_cast<int>(i)).f32();
    EXPECT_EQ(to.size(), inputs[i].size());
    std::copy_n(inputs[i].begin(), std::min(to.size(), inputs[i].size()), to.begin());
  }
  if (auto done = session->run(); !done) return ADD_FAILURE() << done.error().text, Outcome{};
  Outcome outcome;
  for (size_t i = 0; i < loaded->outputs().size(); ++i) {
    const octet::Tensor t = session->output(static_cast<int>(i));
    outcome.outputs.emplace_back(t.f32().begin(), t.f32().end());
  }
  for (const StepProfile& s : session->profile())
    outcome.int8_steps += s.precision == Precision::kInt8 && s.op.find("quantize") == std::string::npos;
  return outcome;
}

// Outputs of integers against exact values in steps before rounding; a tie may go either way.
inline void expect_rounded(const std::vector<float>& got, const std::vector<double>& exact, const Steps& s,
                           const std::string& why) {
  ASSERT_EQ(got.size(), exact.size()) << why;
  for (size_t i = 0; i < got.size(); ++i) {
    const double wanted = std::clamp<double>(exact[i] + s.zero, low_of(s.type), high_of(s.type));
    ASSERT_LE(std::fabs(got[i] - wanted), 0.5 + 1e-4) << why << " at " << i;
    ASSERT_EQ(got[i], std::nearbyint(got[i])) << why;
  }
}

// Weights [out][in / groups][k][k].
struct Case {
  int in = 4, out = 6, kernel = 3, pad = 1, stride = 1, groups = 1, size = 7;
};

struct ConvCase {
  const char* why;
  Case shape;
  Steps x, y;
  int w_type;
  std::vector<int> w_zero;  // one or one a channel
  int w_low, w_high;
};

// sum (x - zx) (w - zw) + bias, in units of x_scale * w_scale.
inline std::vector<int64_t> accumulators(const Case& c, const std::vector<int>& x, int zx, const std::vector<int>& w,
                                         const std::vector<int>& zw, const std::vector<int>& bias) {
  std::vector<int64_t> acc;
  const int to = (c.size + 2 * c.pad - c.kernel) / c.stride + 1, each = c.in / c.groups;
  for (int o = 0; o < c.out; ++o)
    for (int y = 0; y < to; ++y)
      for (int z = 0; z < to; ++z) {
        int64_t sum = bias.empty() ? 0 : bias[static_cast<size_t>(o)];
        for (int i = 0; i < each; ++i)
          for (int ky = 0; ky < c.kernel; ++ky)
            for (int kx = 0; kx < c.kernel; ++kx) {
              const int row = y * c.stride + ky - c.pad, column = z * c.stride + kx - c.pad;
              if (row < 0 || column < 0 || row >= c.size || column >= c.size) continue;
              const int channel = o / (c.out / c.groups) * each + i;
              const int a = x[static_cast<size_t>((channel * c.size + row) * c.size + column)] - zx;
              const int b = w[static_cast<size_t>(((o * each + i) * c.kernel + ky) * c.kernel + kx)] -
                            zw[zw.size() == 1 ? 0 : static_cast<size_t>(o)];
              sum += a * b;
            }
        acc.push_back(sum);
      }
  return acc;
}

}  // namespace octet::convert
