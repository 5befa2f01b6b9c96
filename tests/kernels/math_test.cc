// Elementary functions: as exact as a float can be, and the same bits on every machine.
#include "kernels/math.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

namespace octet::kernels {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity(), kNan = std::numeric_limits<float>::quiet_NaN();

struct Function {
  const char* name;
  float (*ours)(float);
  double (*exact)(double);
  uint64_t hash;  // of all results of the sweep
};

// `wanted`, of double precision, rounded to float or its neighbour.
::testing::AssertionResult near(float got, double wanted) {
  const float rounded = static_cast<float>(wanted);
  if (std::isnan(rounded) ? std::isnan(got) : got == rounded) return ::testing::AssertionSuccess();
  if (got == std::nextafter(rounded, kInf) || got == std::nextafter(rounded, -kInf)) {
    const double place = std::fabs(double{std::nextafter(rounded, kInf)} - double{rounded});
    if (std::fabs(got - wanted) <= 0.501 * place) return ::testing::AssertionSuccess();
  }
  return ::testing::AssertionFailure() << "got " << std::hexfloat << got << ", wanted " << wanted;
}

uint64_t mix(uint64_t hash, float y) {
  return (hash ^ (y == y ? std::bit_cast<uint32_t>(y) : 0x7fc00000u)) * 0x100000001b3u;
}

// Both signs of every exponent, subnormals and NaN included.
constexpr uint32_t kStride = 12289;

TEST(Math, OneArgumentOverAllFloats) {
  for (const Function& f : {Function{"exp", math::exp, std::exp, 0x223d4f9480456554},
                            {"log", math::log, std::log, 0x689bc263e64ea3c2},
                            {"sin", math::sin, std::sin, 0x8802c7c811a5618c},
                            {"cos", math::cos, std::cos, 0x57c7efdf5db284a0},
                            {"erf", math::erf, std::erf, 0x203c536ef6520d7b}}) {
    uint64_t hash = 0xcbf29ce484222325u;
    for (uint64_t bits = 0; bits < uint64_t{1} << 32; bits += kStride) {
      const float x = std::bit_cast<float>(static_cast<uint32_t>(bits)), y = f.ours(x);
      ASSERT_TRUE(near(y, f.exact(x))) << f.name << "(" << x << ")";
      hash = mix(hash, y);
    }
    EXPECT_EQ(hash, f.hash) << f.name;
  }
}

TEST(Math, PowOverAllFloats) {
  uint64_t hash = 0xcbf29ce484222325u;
  uint32_t seed = 1;
  for (uint64_t bits = 0; bits < uint64_t{1} << 32; bits += kStride) {
    seed = seed * 1664525 + 1013904223;
    const float x = std::bit_cast<float>(static_cast<uint32_t>(bits));
    for (float y : {std::bit_cast<float>(seed), static_cast<float>(seed >> 8) * 0x1p-20f - 8,
                    static_cast<float>(seed % 23) - 11}) {
      const float z = math::pow(x, y);
      ASSERT_TRUE(near(z, std::pow(double{x}, double{y}))) << "pow(" << x << ", " << y << ")";
      hash = mix(hash, z);
    }
  }
  EXPECT_EQ(hash, uint64_t{0x1435ceb6689c8561});
}

TEST(Math, AngleNearMultiplesOfPi) {
  for (float x : {3.14159274f, 1.57079637f, 6.28318548f, 355.0f, 5.3191436e7f, 1.6367e38f, 3.4028235e38f,
                  7.85398185e-1f, 0x1.6ac5b2p+42f, -0x1.6ac5b2p+42f, 103993.0f, -22.0f}) {
    EXPECT_TRUE(near(math::sin(x), std::sin(double{x}))) << x;
    EXPECT_TRUE(near(math::cos(x), std::cos(double{x}))) << x;
  }
}

TEST(Math, PowOfSpecialValues) {
  const std::vector<float> all = {
      0.0f,  -0.0f, 1.0f,   -1.0f,   0.5f,          -0.5f,          2.0f,        -2.0f,       3.0f,         -3.0f, kInf,
      -kInf, kNan,  1e-45f, -1e-45f, 3.4028235e38f, -3.4028235e38f, 16777215.0f, 16777216.0f, -16777215.0f, 2.5f};
  for (float x : all)
    for (float y : all) {
      const float got = math::pow(x, y), wanted = static_cast<float>(std::pow(double{x}, double{y}));
      if (std::isnan(wanted)) {
        EXPECT_TRUE(std::isnan(got)) << x << " " << y;
      } else {
        EXPECT_EQ(std::bit_cast<uint32_t>(got), std::bit_cast<uint32_t>(wanted)) << x << " " << y << ": " << got;
      }
    }
}

}  // namespace
}  // namespace octet::kernels
