// int8 weights: bounds, folding of input scales, degenerate channels, corrected means.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "converter/quant/methods.h"

namespace octet::convert {
namespace {

QuantisedWeights rounded(const LayerWeights& w, const char* method) {
  const WeightMethod* row = find_method(weight_methods(), method);
  return row ? row->quantise(w) : QuantisedWeights{};
}

const Quant kPerTensor{.scale = {0.5f}, .zero_point = {3}};
const Quant kPerChannel{.scale = {0.5f, 0.25f}, .zero_point = {3, 0}};

TEST(QuantWeights, TheLargestMagnitudeIs127) {
  const std::vector<float> w = {-2, 1, 0.5f, 0.25f};
  const QuantisedWeights q = rounded({.out = 2, .in = 2, .values = w, .bias = {}, .x = &kPerTensor}, "max");
  EXPECT_EQ(q.values, (std::vector<int8_t>{-127, 64, 127, 64}));
  EXPECT_FLOAT_EQ(q.scale[0], 2.0f / 127);
  EXPECT_FLOAT_EQ(q.scale[1], 0.5f / 127);
}

TEST(QuantWeights, ScalesOfInputChannelsAreFoldedIn) {
  const std::vector<float> w = {1, 2, 4, 2};
  const QuantisedWeights q = rounded({.out = 2, .in = 2, .values = w, .bias = {}, .x = &kPerChannel}, "max");
  EXPECT_EQ(q.values, (std::vector<int8_t>{127, 127, 127, 32}));
  EXPECT_FLOAT_EQ(q.scale[0], 0.5f / 127);
  EXPECT_FLOAT_EQ(q.scale[1], 2.0f / 127);
}

TEST(QuantWeights, ADepthwiseChannelFoldsItsOwnScale) {
  const std::vector<float> w = {1, -2, 3, 4};
  const QuantisedWeights q =
      rounded({.out = 2, .taps = 2, .in = 1, .groups = 2, .values = w, .bias = {}, .x = &kPerChannel}, "max");
  EXPECT_EQ(q.values, (std::vector<int8_t>{64, -127, 95, 127}));
  EXPECT_FLOAT_EQ(q.scale[0], 1.0f / 127);
  EXPECT_FLOAT_EQ(q.scale[1], 1.0f / 127);
}

TEST(QuantWeights, ZeroAndTinyChannelsGetScalesThatHoldTheirBias) {
  const std::vector<float> w = {0, 0, 1e-20f, 0}, bias = {1, 1};
  for (const Quant* x : {&kPerTensor, &kPerChannel}) {
    const QuantisedWeights q = rounded({.out = 2, .in = 2, .values = w, .bias = bias, .x = x}, "max");
    for (float s : q.scale) {
      EXPECT_TRUE(std::isfinite(s) && s > 0);
      EXPECT_LE(1 / (s * (x->scale.size() > 1 ? 1 : x->scale[0])), 1.01 * (1 << 29));
    }
    EXPECT_EQ(q.values, (std::vector<int8_t>{0, 0, 0, 0}));
  }
}

TEST(QuantWeights, MseClipsOnlyWhereItPaysAndNeverBelowMinus127) {
  std::vector<float> w(200);
  for (size_t i = 0; i < w.size(); ++i) w[i] = std::sin(static_cast<float>(i)) * 0.3f;
  w[7] = -0.35f;
  const LayerWeights layer{.out = 1, .in = 200, .values = w, .bias = {}, .x = &kPerTensor};
  const QuantisedWeights max = rounded(layer, "max"), mse = rounded(layer, "mse");
  EXPECT_LE(mse.scale[0], max.scale[0]);
  EXPECT_GE(*std::min_element(mse.values.begin(), mse.values.end()), -127);
}

TEST(QuantWeights, TheErrorsOfADepthwiseKernelAddUpToHalfAStepAtMost) {
  constexpr size_t kChannels = 15, kTaps = 9;
  std::vector<float> w(kChannels * kTaps);
  for (size_t i = 0; i < w.size(); ++i) w[i] = std::sin(static_cast<float>(i * i)) * static_cast<float>(1 + i % 7);
  const LayerWeights layer{
      .out = kChannels, .taps = kTaps, .in = 1, .groups = kChannels, .values = w, .bias = {}, .x = &kPerTensor};
  for (const WeightMethod* method : weight_methods()) {
    const QuantisedWeights q = method->quantise(layer);
    for (size_t n = 0; n < kChannels; ++n) {
      float sum = 0;
      for (size_t i = n * kTaps; i < (n + 1) * kTaps; ++i) {
        const float error = static_cast<float>(q.values[i]) - std::clamp(w[i] / q.scale[n], -127.0f, 127.0f);
        EXPECT_LE(std::abs(error), 1.001f);
        EXPECT_LE(std::abs(q.values[i]), 127);
        sum += error;
      }
      EXPECT_LE(std::abs(sum), 0.501f);
    }
  }
}

TEST(QuantWeights, TheMeanErrorThatRoundingAddsIsTakenOutOfTheBias) {
  const std::vector<float> w = {1, 0.3f}, before = {4};
  const LayerWeights layer{.out = 1, .in = 2, .values = w, .bias = before, .x = &kPerTensor};
  const QuantisedWeights q = rounded(layer, "max");
  const std::vector<double> mean = {5, 7};
  const std::vector<float> bias = find_method(bias_methods(), "mean")->correct(layer, q, mean);
  ASSERT_EQ(bias.size(), 1u);
  EXPECT_NEAR(bias[0], 4 - 7 * (38.0 / 127 - 0.3), 1e-5);
  EXPECT_TRUE(find_method(bias_methods(), "none")->correct(layer, q, mean).empty());
}

}  // namespace
}  // namespace octet::convert
