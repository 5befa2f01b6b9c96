// What the CPU can do at most, measured: the yardstick beside a model's and a layer's speed.
#pragma once
#include <string_view>

namespace octet::kernels {

// Products a second, in 1e9, of the chosen kernels on data that stays in the first-level cache; `threads` at once. The best of
// several tile sizes. Unit: "int8", "tiles" (which needs sums so deep that weights lie in the second-level cache; 0 without such
// kernels), "float", "int16" (where no kernel computes nothing else, from the int8 one by the costs that
// rows state); 0 for others.
double peak_gmac_per_s(std::string_view unit, int threads);

}  // namespace octet::kernels
