// Numbers of the activation functions, shared by the reference and every ISA, so that all give the same bits.
#pragma once

namespace octet::kernels {

// sigmoid(x) of an output stored as u8, without a division: for |x| <= c a polynomial of a polynomial,
//   y = x * (a0 + a1 x^2 + a2 x^4 + a3 x^6),   sigmoid = 1/2 + y * (b0 + b1 y^2 + b2 y^4 + b3 y^6),
// each bracket by Horner's rule with fused multiply-adds. Beyond c the argument is clamped; silu(x) = max(x, -c) * sigmoid.
// Largest errors: sigmoid 2.8e-4; silu 2.4e-4 for |x| < 4, 2.0e-3 for any x below 8, then 2.2e-4 of x.
// Found by Lawson-weighted Gauss-Newton on |x * error| (tighter near c) from several random starts.
namespace sigmoid_fast {
inline constexpr float kClamp = 8.0f;
inline constexpr float kA[4] = {0.472894032f, -0.00971526869f, 0.000137136649f, -7.77416702e-07f};
inline constexpr float kB[4] = {0.5273416f, -0.141354852f, 0.0320356013f, -0.00382762738f};
}  // namespace sigmoid_fast

// exp(x) = 2^n * p(x - n ln 2), Horner's rule with fused multiply-adds; relative error below 2e-7.
namespace exp_accurate {
inline constexpr float kLow = -87.0f, kHigh = 87.0f;  // clamp: keeps the result and its reciprocal normal
inline constexpr float kLog2E = 1.44269504f;
inline constexpr float kLn2High = 0.693359375f, kLn2Low = -2.12194440e-4f;
inline constexpr float kP[8] = {1.0f,
                                1.0f,
                                5.0000001201e-1f,
                                1.6666665459e-1f,
                                4.1665795894e-2f,
                                8.3334519073e-3f,
                                1.3981999507e-3f,
                                1.9875691500e-4f};  // Cephes expf
}  // namespace exp_accurate

// gelu(x) = x * Phi(x). Its tanh spelling is exactly x * sigmoid(u), u = x * (kLinear + kCubic x^2). The other, with erf:
// max(x, 0) - |x| * q, q = erfc(|x| / sqrt(2)) / 2 = t * p(t) * exp(-x^2 / 2) / 2, t = 1 / (1 + kT |x|)
// (Abramowitz and Stegun 7.1.26: erfc to 1.5e-7). For an output stored as u8 both are max(x, kLow) * sigmoid_fast(u):
// largest error 3e-3 for x < 4, then 2.2e-4 of x.
namespace gelu {
inline constexpr float kLinear = 1.59576912f, kCubic = 0.0713548163f;  // 2 sqrt(2 / pi), times 0.044715
inline constexpr float kT = 0.231641888f;                              // 0.3275911 / sqrt(2)
inline constexpr float kP[5] = {0.127414796f, -0.142248368f, 0.7107068705f, -0.7265760135f,
                                0.5307027145f};  // a1..a5 / 2
inline constexpr float kLow = -3.5f;
}  // namespace gelu

}  // namespace octet::kernels
