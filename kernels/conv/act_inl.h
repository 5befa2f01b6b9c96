// Activations on vectors, the twin of reference_act.cc: operation by operation the same. `fma` only where it has std::fma.
#pragma once
#include "kernels/conv/act_constants.h"
#include "kernels/isa/unroll_inl.h"
#include "kernels/kernels.h"

namespace octet::kernels {
namespace {

// The polynomial is one long chain of operations: on kWide vectors in lockstep it fills the pipelines, on one it would wait.
template <int kWide>
inline void sigmoid_fast_inside(F (&x)[kWide]) {  // |x| <= kClamp
  using namespace sigmoid_fast;
  F t[kWide], h[kWide];
  const auto each = [](auto body) __attribute__((always_inline)) { unroll<kWide>(body); };
  each([&](auto i) __attribute__((always_inline)) { t[i] = mul(x[i], x[i]); });
  each([&](auto i) __attribute__((always_inline)) { h[i] = fma(t[i], set_f(kA[3]), set_f(kA[2])); });
  each([&](auto i) __attribute__((always_inline)) { h[i] = fma(h[i], t[i], set_f(kA[1])); });
  each([&](auto i) __attribute__((always_inline)) { h[i] = fma(h[i], t[i], set_f(kA[0])); });
  each([&](auto i) __attribute__((always_inline)) { x[i] = mul(x[i], h[i]); });
  each([&](auto i) __attribute__((always_inline)) { t[i] = mul(x[i], x[i]); });
  each([&](auto i) __attribute__((always_inline)) { h[i] = fma(t[i], set_f(kB[3]), set_f(kB[2])); });
  each([&](auto i) __attribute__((always_inline)) { h[i] = fma(h[i], t[i], set_f(kB[1])); });
  each([&](auto i) __attribute__((always_inline)) { h[i] = fma(h[i], t[i], set_f(kB[0])); });
  each([&](auto i) __attribute__((always_inline)) { x[i] = fma(x[i], h[i], set_f(0.5f)); });
}

inline F exp_inside(F x) {  // kLow <= x <= kHigh
  using namespace exp_accurate;
  const I n = round(mul(x, set_f(kLog2E)));
  const F k = to_f(n);
  const F r = fnma(k, set_f(kLn2Low), fnma(k, set_f(kLn2High), x));
  F p = set_f(kP[7]);
  for (int i = 6; i >= 0; --i) p = fma(p, r, set_f(kP[i]));
  return mul(p, as_f(shift_left<23>(add(n, set_i(127)))));
}

inline F exp_clamped(F x) { return exp_inside(min(max(x, set_f(exp_accurate::kLow)), set_f(exp_accurate::kHigh))); }

inline F leaky(F x, F slope) { return add(max(x, set_f(0.0f)), mul(min(x, set_f(0.0f)), slope)); }

inline F act_simple(const Activation& act, F x) {
  const F zero = set_f(0.0f), one = set_f(1.0f);
  switch (act.kind) {
    case Act::kRelu:
      return max(x, zero);
    case Act::kClip:
      return min(max(x, set_f(act.a)), set_f(act.b));
    case Act::kHardSwish:
      return mul(x, min(max(add(mul(x, set_f(act.a)), set_f(act.b)), zero), one));
    case Act::kHardSigmoid:
      return min(max(add(mul(x, set_f(act.a)), set_f(act.b)), zero), one);
    case Act::kLeakyRelu:
      return leaky(x, set_f(act.a));
    default:
      return x;
  }
}

inline F clamp_fast(F x) { return min(max(x, set_f(-sigmoid_fast::kClamp)), set_f(sigmoid_fast::kClamp)); }

template <int kWide>
inline void silu_fast(F (&x)[kWide]) {
  F inside[kWide];
  unroll<kWide>([&](auto i) __attribute__((always_inline)) {
    x[i] = max(x[i], set_f(-sigmoid_fast::kClamp));
    inside[i] = min(x[i], set_f(sigmoid_fast::kClamp));
  });
  sigmoid_fast_inside(inside);
  unroll<kWide>([&](auto i) __attribute__((always_inline)) { x[i] = mul(x[i], inside[i]); });
}

inline F gelu_argument(F x) { return mul(x, fma(mul(x, x), set_f(gelu::kCubic), set_f(gelu::kLinear))); }

template <int kWide>
inline void gelu_fast(F (&x)[kWide]) {
  F inside[kWide];
  unroll<kWide>([&](auto i) __attribute__((always_inline)) {
    inside[i] = clamp_fast(gelu_argument(x[i]));
    x[i] = max(x[i], set_f(gelu::kLow));
  });
  sigmoid_fast_inside(inside);
  unroll<kWide>([&](auto i) __attribute__((always_inline)) { x[i] = mul(x[i], inside[i]); });
}

inline F gelu_accurate(F x) {
  using namespace gelu;
  const F size = max(x, sub(set_f(0.0f), x)), t = div(set_f(1.0f), fma(size, set_f(kT), set_f(1.0f)));
  F p = set_f(kP[4]);
  for (int i = 3; i >= 0; --i) p = fma(p, t, set_f(kP[i]));
  const F tail = mul(mul(p, t), exp_clamped(mul(mul(x, x), set_f(-0.5f))));
  return sub(max(x, set_f(0.0f)), mul(size, tail));
}

// Same as reference::act_fast.
template <int kWide>
inline void act_fast(const Activation& act, F (&x)[kWide]) {
  switch (act.kind) {
    case Act::kSilu:
      return silu_fast(x);
    case Act::kSigmoid:
      unroll<kWide>([&](auto i) __attribute__((always_inline)) { x[i] = clamp_fast(x[i]); });
      return sigmoid_fast_inside(x);
    case Act::kTanh:
      unroll<kWide>([&](auto i) __attribute__((always_inline)) { x[i] = clamp_fast(add(x[i], x[i])); });
      sigmoid_fast_inside(x);
      return unroll<kWide>([&](auto i) __attribute__((always_inline)) { x[i] = fma(set_f(2.0f), x[i], set_f(-1.0f)); });
    case Act::kGelu:
    case Act::kGeluTanh:
      return gelu_fast(x);
    default:
      unroll<kWide>([&](auto i) __attribute__((always_inline)) { x[i] = act_simple(act, x[i]); });
  }
}

// Same as reference::act_accurate.
inline F act_accurate(const Activation& act, F x) {
  const F one = set_f(1.0f);
  switch (act.kind) {
    case Act::kSilu:
      return div(x, add(one, exp_clamped(sub(set_f(0.0f), x))));
    case Act::kSigmoid:
      return div(one, add(one, exp_clamped(sub(set_f(0.0f), x))));
    case Act::kTanh:
      return sub(one, div(set_f(2.0f), add(one, exp_clamped(add(x, x)))));
    case Act::kGelu:
      return gelu_accurate(x);
    case Act::kGeluTanh:
      return div(x, add(one, exp_clamped(sub(set_f(0.0f), gelu_argument(x)))));
    default:
      return act_simple(act, x);
  }
}

}  // namespace
}  // namespace octet::kernels
