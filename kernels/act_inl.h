// Activations on vectors, the twin of reference_act.cc: operation by operation the same. `fma` only where it has std::fma.
#pragma once
#include "kernels/act_constants.h"
#include "kernels/kernels.h"

namespace octet::kernels {
namespace {

inline F sigmoid_fast_inside(F x) {
  using namespace sigmoid_fast;
  const F t = mul(x, x);
  const F y = mul(x, fma(fma(fma(set_f(kA[3]), t, set_f(kA[2])), t, set_f(kA[1])), t, set_f(kA[0])));
  const F s = mul(y, y);
  return fma(y, fma(fma(fma(set_f(kB[3]), s, set_f(kB[2])), s, set_f(kB[1])), s, set_f(kB[0])), set_f(0.5f));
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

inline F act_simple(const Activation& act, F x) {
  const F zero = set_f(0.0f), one = set_f(1.0f);
  switch (act.kind) {
    case Act::kRelu: return max(x, zero);
    case Act::kClip: return min(max(x, set_f(act.a)), set_f(act.b));
    case Act::kHardSwish: return mul(x, min(max(add(mul(x, set_f(act.a)), set_f(act.b)), zero), one));
    case Act::kHardSigmoid: return min(max(add(mul(x, set_f(act.a)), set_f(act.b)), zero), one);
    case Act::kLeakyRelu: return add(max(x, zero), mul(min(x, zero), set_f(act.a)));
    default: return x;
  }
}

inline F silu_fast(F x) {
  const F c = set_f(sigmoid_fast::kClamp);
  const F above = max(x, set_f(-sigmoid_fast::kClamp));
  return mul(above, sigmoid_fast_inside(min(above, c)));
}

inline F sigmoid_fast_any(F x) {
  return sigmoid_fast_inside(min(max(x, set_f(-sigmoid_fast::kClamp)), set_f(sigmoid_fast::kClamp)));
}

// Same as reference::act_fast.
inline F act_fast(const Activation& act, F x) {
  switch (act.kind) {
    case Act::kSilu: return silu_fast(x);
    case Act::kSigmoid: return sigmoid_fast_any(x);
    case Act::kTanh: return fma(set_f(2.0f), sigmoid_fast_any(add(x, x)), set_f(-1.0f));
    default: return act_simple(act, x);
  }
}

// Same as reference::act_accurate.
inline F act_accurate(const Activation& act, F x) {
  const F one = set_f(1.0f);
  switch (act.kind) {
    case Act::kSilu: return div(x, add(one, exp_clamped(sub(set_f(0.0f), x))));
    case Act::kSigmoid: return div(one, add(one, exp_clamped(sub(set_f(0.0f), x))));
    case Act::kTanh: return sub(one, div(set_f(2.0f), add(one, exp_clamped(add(x, x)))));
    default: return act_simple(act, x);
  }
}

}  // namespace
}  // namespace octet::kernels
