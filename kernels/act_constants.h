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
inline constexpr float kLow = -87.0f, kHigh = 88.0f;  // clamp: keeps 2^n a normal number
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

}  // namespace octet::kernels
