// Loops that are certain to be unrolled, so that arrays of vectors become registers.
#pragma once
#include <utility>

namespace octet::kernels {
namespace {

template <int kCount, class Body>
[[gnu::always_inline]] inline void unroll(Body&& body) {
  [&]<int... i>(std::integer_sequence<int, i...>) __attribute__((always_inline)) {
    (body(std::integral_constant<int, i>{}), ...);
  }
  (std::make_integer_sequence<int, kCount>{});
}

}  // namespace
}  // namespace octet::kernels
