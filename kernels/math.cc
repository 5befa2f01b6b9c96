// Elementary functions: textbook series on reduced arguments, their coefficients rounded from the exact numbers.
#include "kernels/math.h"

#include <bit>
#include <cfloat>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numbers>

namespace octet::kernels::math {
namespace {

static_assert(FLT_EVAL_METHOD == 0, "operations must be rounded to their own type");

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kLn2High = 0x1.62e42fee00000p-1, kLn2Low = 0x1.a39ef35793c76p-33;  // 32 bits, and the rest

// c[0] + c[1] x + c[2] x^2 ...
template <int kCount>
double polynomial(const double (&c)[kCount], double x) {
  double sum = c[kCount - 1];
  for (int i = kCount - 2; i >= 0; --i) sum = sum * x + c[i];
  return sum;
}

// The nearest whole number, ties to even, of |x| < 2^51: what lies below the units is rounded away.
double nearest(double x) {
  constexpr double kShift = 0x1.8p52;
  return (x + kShift) - kShift;
}

// exp(x) = 2^n exp(r), |r| <= ln(2) / 2, by the Taylor series. Clamped to where a float is 0 or infinite anyway.
double exp_double(double x) {
  constexpr double kTerms[] = {
      1,          1,           1.0 / 2,      1.0 / 6,       1.0 / 24,       1.0 / 120,       1.0 / 720,
      1.0 / 5040, 1.0 / 40320, 1.0 / 362880, 1 / 3628800.0, 1 / 39916800.0, 1 / 479001600.0, 1 / 6227020800.0};
  if (x != x) return x;
  x = x < -200 ? -200 : x > 100 ? 100 : x;
  const double n = nearest(x * std::numbers::log2e);
  const double r = (x - n * kLn2High) - n * kLn2Low;
  const auto exponent = static_cast<uint64_t>(static_cast<int64_t>(n) + 1023);
  return polynomial(kTerms, r) * std::bit_cast<double>(exponent << 52);
}

// log(2^e m) = e ln(2) + 2 artanh(s), s = (m - 1) / (m + 1), sqrt(1/2) <= m < sqrt(2), by the series of artanh.
double log_double(double x) {
  constexpr double kTerms[] = {2,        2.0 / 3,  2.0 / 5,  2.0 / 7,  2.0 / 9, 2.0 / 11,
                               2.0 / 13, 2.0 / 15, 2.0 / 17, 2.0 / 19, 2.0 / 21};
  if (x != x || x == kInfinity) return x;
  if (x <= 0) return x == 0 ? -kInfinity : kNaN;
  const auto bits = std::bit_cast<int64_t>(x);
  const int64_t exponent = (bits - std::bit_cast<int64_t>(std::numbers::sqrt2 / 2)) >> 52;
  const double m = std::bit_cast<double>(bits - exponent * (int64_t{1} << 52));
  const double s = (m - 1) / (m + 1), e = static_cast<double>(exponent);
  return e * kLn2High + (s * polynomial(kTerms, s * s) + e * kLn2Low);
}

// x = quadrant * pi / 2 + rest, |rest| <= pi / 4.
struct Angle {
  int quadrant;  // modulo 4
  double rest;
};

// Payne and Hanek 1983: of x * 2 / pi = m * 2^e * 2 / pi only bits of 2 / pi count whose product with m is not a multiple of 4.
// Of these the first 128 are taken; a float's product comes no nearer to a whole number than about 2^-33.
Angle reduce(float x) {
  if (!(std::fabs(x) > 0.785f)) return {0, x};
  constexpr uint32_t kTwoOverPi[] = {0,          0xa2f9836e, 0x4e441529, 0xfc2757d1, 0xf534ddc0,
                                     0xdb629599, 0x3c439041, 0xfe5163ab, 0xdebbc561};
  const auto bits = std::bit_cast<uint32_t>(x);
  const uint64_t m = (bits & 0x7fffff) | 0x800000;
  // The bit of weight 2^-i stands at i + 31. The first that counts has i = e - 1, with e = biased exponent - 150.
  const int first = static_cast<int>(bits >> 23 & 0xff) - 150 + 30, word = first / 32, shift = first % 32;
  uint32_t product[4];
  uint64_t carry = 0;
  for (int i = 3; i >= 0; --i) {
    const uint64_t pair = uint64_t{kTwoOverPi[word + i]} << 32 | kTwoOverPi[word + i + 1];
    carry += m * static_cast<uint32_t>(pair >> (32 - shift));
    product[i] = static_cast<uint32_t>(carry);
    carry >>= 32;
  }
  const uint64_t high = uint64_t{product[0]} << 32 | product[1], low = uint64_t{product[2]} << 32 | product[3];
  const uint64_t quadrant = (high + (uint64_t{1} << 61)) >> 62;  // two bits, then the fraction's 126
  const auto fraction = static_cast<int64_t>(high - (quadrant << 62));
  const double rest =
      (static_cast<double>(fraction) + static_cast<double>(low) * 0x1p-64) * 0x1p-62 * (std::numbers::pi / 2);
  return x < 0 ? Angle{static_cast<int>((4 - quadrant) % 4), -rest} : Angle{static_cast<int>(quadrant % 4), rest};
}

double sine_of(int quadrant, double x) {
  constexpr double kSine[] = {
      1, -1.0 / 6, 1.0 / 120, -1.0 / 5040, 1 / 362880.0, -1 / 39916800.0, 1 / 6227020800.0, -1 / 1307674368000.0};
  constexpr double kCosine[] = {1,
                                -1.0 / 2,
                                1.0 / 24,
                                -1.0 / 720,
                                1.0 / 40320,
                                -1 / 3628800.0,
                                1 / 479001600.0,
                                -1 / 87178291200.0,
                                1 / 20922789888000.0};
  const double size = quadrant % 2 ? polynomial(kCosine, x * x) : x * polynomial(kSine, x * x);
  return quadrant & 2 ? -size : size;
}

// erf(x) for 1 <= x < 4 in (x - 2.5) / 1.5: the Chebyshev expansion of degree 22, as powers. Largest error 8e-14.
constexpr double kErf[] = {
    0.999593047982555,     0.0032674263472268587,   -0.012252848796036279,  0.028181552080580007,
    -0.043650773808085394, 0.04645361689917891,     -0.03187655264698773,   0.009267537329910314,
    0.006680700014946738,  -0.009621494738417407,   0.004544023159583754,   0.00044303573225003214,
    -0.001826583207467521, 0.0009164090687232893,   5.226799221596818e-05,  -0.0002868616151445654,
    0.0001189736718071088, 2.475638421690399e-05,   -3.664577440755997e-05, 4.693809895196498e-06,
    5.061481281779705e-06, -1.0754819710593997e-06, -2.813031685902366e-07};
// erf(x) = x (c0 + c1 x^2 + ...) for x < 1: the Taylor series, 2 / sqrt(pi) (-1)^n / (n! (2n + 1)).
constexpr double kErfSmall[] = {
    1.1283791670955126,     -0.37612638903183754,    0.11283791670955126,    -0.026866170645131252,
    0.005223977625442188,   -0.0008548327023450853,  0.00012055332981789664, -1.492565035840625e-05,
    1.6462114365889248e-06, -1.6365844691234924e-07, 1.4807192815879218e-08, -1.2290555301717928e-09,
    9.422759064650411e-11,  -6.7113668551641105e-12, 4.4632242632864775e-13, -2.7835162072109215e-14};

}  // namespace

float exp(float x) { return static_cast<float>(exp_double(x)); }

float log(float x) { return static_cast<float>(log_double(x)); }

float pow(float x, float y) {
  if (y == 0 || x == 1) return 1;
  if (x != x || y != y) return x + y;
  const double size = std::fabs(x) == 1 ? 1 : exp_double(y * log_double(std::fabs(x)));
  if (!std::signbit(x)) return static_cast<float>(size);
  const bool whole = std::floor(y) == y;
  if (!whole && x < 0 && x != -kInfinity) return static_cast<float>(kNaN);
  const bool odd = whole && std::fabs(y) < 0x1p24f && static_cast<int32_t>(y) % 2;  // larger ones are even
  return static_cast<float>(odd ? -size : size);
}

float sin(float x) {
  if (!std::isfinite(x)) return static_cast<float>(kNaN);
  const Angle a = reduce(x);
  return static_cast<float>(sine_of(a.quadrant, a.rest));
}

float cos(float x) {
  if (!std::isfinite(x)) return static_cast<float>(kNaN);
  const Angle a = reduce(x);
  return static_cast<float>(sine_of(a.quadrant + 1, a.rest));
}

float erf(float x) {
  if (x != x) return x;
  const double size = std::fabs(x);
  if (size >= 4) return std::copysign(1.0f, x);
  const double y = size < 1 ? size * polynomial(kErfSmall, size * size) : polynomial(kErf, (size - 2.5) / 1.5);
  return std::copysign(static_cast<float>(y), x);
}

}  // namespace octet::kernels::math
