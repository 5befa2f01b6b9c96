// Steps of one group for conv_inl.h: four channels of a row, in all lanes, times a vector of weights. After prepare and dot.
#pragma once

namespace octet::kernels {
namespace {

constexpr int kStepGroups = 1, kDotGroups = 1;
using Sum = I;
inline Sum begin_sum(I acc0) { return acc0; }
inline I end_sum(Sum sum) { return sum; }
inline X load_x(const uint8_t* p) { return prepare(broadcast4(p)); }
template <int, int>
inline Sum dot_groups(Sum sum, X x, const I (&w)[1]) {
  return dot(sum, x, w[0]);
}

}  // namespace
}  // namespace octet::kernels
