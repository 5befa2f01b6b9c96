// How the rows of a broadcast output meet the rows of its two operands.
#pragma once
#include <array>

#include "runtime/core/op.h"

namespace octet {

// The rows of the output (all dims but the last, merged as far as they go). a and b: elements from row to row, 0 where the
// operand repeats. step: 0 where the operand has one channel for all of the output's.
struct Broadcast {
  int rank = 1;
  std::array<int64_t, kMaxRank> size{}, a{}, b{};
  int64_t rows = 1, channels = 1;
  int a_step = 1, b_step = 1;

  // Calls body(first row, count, offset in a, offset in b) for runs of rows with even steps a[rank - 1] and b[rank - 1].
  template <class F>
  void for_runs(int64_t begin, int64_t end, const F& body) const {
    const auto last = static_cast<size_t>(rank - 1);
    while (begin < end) {
      const int64_t within = begin % size[last];
      const int64_t count = std::min(end - begin, size[last] - within);
      int64_t at_a = within * a[last], at_b = within * b[last], rest = begin / size[last];
      for (size_t d = last; d-- > 0; rest /= size[d]) {
        at_a += rest % size[d] * a[d];
        at_b += rest % size[d] * b[d];
      }
      body(begin, count, at_a, at_b);
      begin += count;
    }
  }
};

Broadcast broadcast_rows(const Value& a, const Value& b, const Value& out);

void prepare_binary_u8(Prepare& p);  // binary_int8.cc

}  // namespace octet
