// What the CPU can do at most in int8, measured: the yardstick beside a model's speed.
#pragma once

namespace octet::kernels {

// Multiply-accumulates a second, in 1e9, of the chosen kernels on data that stays in the first-level cache; `threads` at
// once. The best of several tile sizes.
double int8_peak_gmac_per_s(int threads);

}  // namespace octet::kernels
