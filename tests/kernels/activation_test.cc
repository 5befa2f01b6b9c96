// How far the activations of the epilogue are from the real functions: the numbers that act_constants.h states.
#include <cmath>
#include <cstring>

#include "tests/kernels/support.h"

namespace octet::kernels::test {
namespace {

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

TEST(Activation, FastIsFarBelowHalfAStep) {
  double sigmoid_error = 0, silu_near = 0, silu_far = 0, silu_beyond = 0, tanh_error = 0;
  for (int i = -40000; i <= 40000; ++i) {
    const float x = static_cast<float>(i) * 5e-4f;
    sigmoid_error = std::max(sigmoid_error, std::fabs(reference::act_fast({Act::kSigmoid, 0, 0}, x) - sigmoid(x)));
    tanh_error = std::max(tanh_error, std::fabs(reference::act_fast({Act::kTanh, 0, 0}, x) - std::tanh(double{x})));
    const double silu = std::fabs(reference::act_fast({Act::kSilu, 0, 0}, x) - x * sigmoid(x));
    if (std::fabs(x) < 4) silu_near = std::max(silu_near, silu);
    if (x < 8) silu_far = std::max(silu_far, silu);
    if (x >= 8) silu_beyond = std::max(silu_beyond, silu / x);
  }
  EXPECT_LT(sigmoid_error, 2.8e-4);
  EXPECT_LT(tanh_error, 5.6e-4);
  EXPECT_LT(silu_near, 2.4e-4);
  EXPECT_LT(silu_far, 2.01e-3);
  EXPECT_LT(silu_beyond, 2.2e-4);
  EXPECT_NEAR(reference::act_fast({Act::kSilu, 0, 0}, -1e30f), 0, 2e-3);
}

double gelu(double x) { return x / 2 * std::erfc(-x * M_SQRT1_2); }
double gelu_tanh(double x) { return x * sigmoid(2 * std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)); }

TEST(Activation, GeluOfBothSpellings) {
  double near = 0, beyond = 0;
  for (int i = -40000; i <= 40000; ++i) {
    const float x = static_cast<float>(i) * 5e-4f;
    for (const auto& [kind, exact] : {std::pair{Act::kGelu, gelu(x)}, {Act::kGeluTanh, gelu_tanh(x)}}) {
      const double fast = std::fabs(reference::act_fast({kind, 0, 0}, x) - exact);
      if (x < 4) near = std::max(near, fast);
      if (x >= 4) beyond = std::max(beyond, fast / x);
      ASSERT_NEAR(reference::act_accurate({kind, 0, 0}, x), exact, 2e-7 * std::max(1.0, std::fabs(double{x}))) << x;
    }
  }
  EXPECT_LT(near, 3e-3);
  EXPECT_LT(beyond, 2.3e-4);
  EXPECT_NEAR(reference::act_fast({Act::kGelu, 0, 0}, -1e30f), 0, 3e-3);
  EXPECT_EQ(reference::act_accurate({Act::kGelu, 0, 0}, 1e30f), 1e30f);
}

TEST(Activation, AccurateIsAFloatFunction) {
  for (int i = -60000; i <= 60000; ++i) {
    const float x = static_cast<float>(i) * 5e-4f;
    ASSERT_NEAR(reference::act_accurate({Act::kSigmoid, 0, 0}, x), sigmoid(x), 4e-7 * sigmoid(x)) << x;
    ASSERT_NEAR(reference::act_accurate({Act::kSilu, 0, 0}, x), x * sigmoid(x), 4e-7 * std::fabs(x * sigmoid(x))) << x;
    ASSERT_NEAR(reference::act_accurate({Act::kTanh, 0, 0}, x), std::tanh(double{x}), 3e-7) << x;
  }
}

}  // namespace
}  // namespace octet::kernels::test
