// A line for each channel, bent at 0: float against a naive loop, int8 against exact numbers on every instruction set.
#include <cmath>

#include "tests/runtime/op_rig.h"

namespace octet {
namespace {

double bent(double v, double slope) { return v < 0 ? v * slope : v; }

TEST(Affine, Float) {
  const Operand x = noise<float>({2, 3, 5}, 8).apart(2);
  const std::vector<float> scale = {1, -2, 0.5f, 3, 0}, shift = {0, 1, -1, 0.25f, -2},
                           slope = {0.1f, -0.5f, 1.5f, 0, 2};
  for (bool with_slope : {false, true}) {
    std::vector<Operand> inputs = {x, constant(scale), constant(shift)};
    if (with_slope) inputs.push_back(constant(slope));
    OpRig rig(kAffine, schema::AffineT{}, inputs, Operand{.gap = 3});
    const Operand y = run_threads(rig, "affine");
    ASSERT_EQ(y.shape, x.shape);
    for (size_t i = 0; i < 30; ++i) {
      const double v = double{x.values<float>()[i]} * scale[i % 5] + shift[i % 5];
      EXPECT_NEAR(y.values<float>()[i], with_slope ? bent(v, slope[i % 5]) : v, 1e-5) << i;
    }
  }
}

TEST(Affine, Int8) {
  const int64_t channels = 37;
  std::vector<float> scale, shift, slope, in_scale, out_scale;
  std::vector<uint8_t> in_zero, out_zero;
  for (int c = 0; c < channels; ++c) {
    scale.push_back(0.3f * static_cast<float>(c % 7 - 3)), shift.push_back(0.2f * static_cast<float>(c % 5 - 2));
    slope.push_back(0.25f * static_cast<float>(c % 6 - 1));
    in_scale.push_back(0.01f + 0.001f * static_cast<float>(c)),
        out_scale.push_back(0.02f + 0.0007f * static_cast<float>(c));
    in_zero.push_back(static_cast<uint8_t>(c * 5)), out_zero.push_back(static_cast<uint8_t>(250 - c * 6));
  }
  const Operand x = noise<uint8_t>({1, 6, 7, channels}, 9).quant(in_scale, in_zero).apart(3);
  for (bool with_slope : {false, true}) {
    std::vector<Operand> inputs = {x, constant(scale), constant(shift)};
    if (with_slope) inputs.push_back(constant(slope));
    OpRig rig(kAffine, schema::AffineT{}, inputs, like(out_scale, out_zero, 5));
    EXPECT_TRUE(rig.can_int8());
    const Operand y = run_everywhere(rig, "affine");
    for (int64_t i = 0; i < x.shape.elements(); ++i) {
      const auto c = static_cast<size_t>(i % channels), at = static_cast<size_t>(i);
      const double v = (x.values<uint8_t>()[at] - in_zero[c]) * double{in_scale[c]} * scale[c] + shift[c];
      const double real = (with_slope ? bent(v, slope[c]) : v) / out_scale[c] + out_zero[c];
      EXPECT_NEAR(y.values<uint8_t>()[at], std::clamp(real, 0.0, 255.0), 0.501) << i;
    }
  }
}

TEST(Affine, RefusesWhatDoesNotFit) {
  const Operand x = noise<float>({2, 3}, 1);
  const auto fails = [](std::vector<Operand> inputs) { return !OpRig(kAffine, schema::AffineT{}, inputs).run(); };
  EXPECT_TRUE(fails({x, constant({1, 2}), constant({1, 2})}));
  EXPECT_TRUE(fails({x, constant({1, 2, 3}), constant({1, 2})}));
  EXPECT_TRUE(fails({x, constant({1, 2, INFINITY}), constant({1, 2, 3})}));
  EXPECT_TRUE(fails({x, noise<float>({3}, 1), constant({1, 2, 3})}));
  EXPECT_TRUE(fails({operand<float>({}, {1}), constant({1}), constant({1})}));
}

}  // namespace
}  // namespace octet
