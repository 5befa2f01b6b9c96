// Activations of the epilogue, the scalar twin of act_inl.h: operation by operation the same.
#include <bit>
#include <cmath>

#include "kernels/conv/act_constants.h"
#include "kernels/quant.h"
#include "kernels/reference/reference.h"

namespace octet::kernels::reference {

float exp_accurate(float x) {
  using namespace octet::kernels::exp_accurate;
  x = min_of(max_of(x, kLow), kHigh);
  const int32_t n = round_half_even(x * kLog2E);
  const float k = static_cast<float>(n);
  const float r = std::fma(-k, kLn2Low, std::fma(-k, kLn2High, x));
  float p = kP[7];
  for (int i = 6; i >= 0; --i) p = std::fma(p, r, kP[i]);
  return p * std::bit_cast<float>((n + 127) << 23);
}

namespace {

float sigmoid_fast(float x) {
  using namespace octet::kernels::sigmoid_fast;
  const float t = x * x;
  const float y = x * std::fma(std::fma(std::fma(kA[3], t, kA[2]), t, kA[1]), t, kA[0]);
  const float s = y * y;
  return std::fma(y, std::fma(std::fma(std::fma(kB[3], s, kB[2]), s, kB[1]), s, kB[0]), 0.5f);
}

float gelu_argument(float x) {
  return x * std::fma(x * x, octet::kernels::gelu::kCubic, octet::kernels::gelu::kLinear);
}

float gelu_accurate(float x) {
  using namespace octet::kernels::gelu;
  const float size = max_of(x, 0.0f - x), t = 1.0f / std::fma(size, kT, 1.0f);
  float p = kP[4];
  for (int i = 3; i >= 0; --i) p = std::fma(p, t, kP[i]);
  const float tail = p * t * exp_accurate(x * x * -0.5f);
  return max_of(x, 0.0f) - size * tail;
}

// The clamps of both families: identical except for the sigmoid.
float act_simple(const Activation& act, float x) {
  switch (act.kind) {
    case Act::kRelu:
      return max_of(x, 0.0f);
    case Act::kClip:
      return min_of(max_of(x, act.a), act.b);
    case Act::kHardSwish:
      return x * min_of(max_of(x * act.a + act.b, 0.0f), 1.0f);
    case Act::kHardSigmoid:
      return min_of(max_of(x * act.a + act.b, 0.0f), 1.0f);
    case Act::kLeakyRelu:
      return max_of(x, 0.0f) + min_of(x, 0.0f) * act.a;
    default:
      return x;
  }
}

}  // namespace

float act_fast(const Activation& act, float x) {
  constexpr float c = octet::kernels::sigmoid_fast::kClamp;
  switch (act.kind) {
    case Act::kSilu:
      return max_of(x, -c) * sigmoid_fast(min_of(max_of(x, -c), c));
    case Act::kSigmoid:
      return sigmoid_fast(min_of(max_of(x, -c), c));
    case Act::kTanh:
      return std::fma(2.0f, sigmoid_fast(min_of(max_of(x + x, -c), c)), -1.0f);
    case Act::kGelu:
    case Act::kGeluTanh:
      return max_of(x, octet::kernels::gelu::kLow) * sigmoid_fast(min_of(max_of(gelu_argument(x), -c), c));
    default:
      return act_simple(act, x);
  }
}

float act_accurate(const Activation& act, float x) {
  switch (act.kind) {
    case Act::kSilu:
      return x / (1.0f + exp_accurate(0.0f - x));
    case Act::kSigmoid:
      return 1.0f / (1.0f + exp_accurate(0.0f - x));
    case Act::kTanh:
      return 1.0f - 2.0f / (1.0f + exp_accurate(x + x));
    case Act::kGelu:
      return gelu_accurate(x);
    case Act::kGeluTanh:
      return x / (1.0f + exp_accurate(0.0f - gelu_argument(x)));
    default:
      return act_simple(act, x);
  }
}

float exp_full(float x) {
  const float root = exp_accurate(x * 0.5f);
  return root * root;
}

}  // namespace octet::kernels::reference
