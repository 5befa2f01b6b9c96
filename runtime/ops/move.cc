// Strided copies by the largest pieces that the layouts allow: rows, 2-D transpositions, else elements.
#include "runtime/ops/move.h"

#include <cstring>
#include <utility>

#include "runtime/ops/common.h"

namespace octet {
namespace {

void drop_dim(Move& m, int d) {
  for (int i = d; i + 1 < m.rank; ++i) {
    const auto at = static_cast<size_t>(i);
    m.size[at] = m.size[at + 1], m.from[at] = m.from[at + 1], m.to[at] = m.to[at + 1];
  }
  --m.rank;
}

// Dims of one element vanish; neighbours that are one run in both layouts become one dim.
void simplify(Move& m) {
  for (int d = m.rank - 1; d >= 0; --d)
    if (m.size[static_cast<size_t>(d)] == 1) drop_dim(m, d);
  for (int d = m.rank - 2; d >= 0; --d) {
    const auto a = static_cast<size_t>(d), b = a + 1;
    if (m.from[a] != m.from[b] * m.size[b] || m.to[a] != m.to[b] * m.size[b]) continue;
    m.size[b] *= m.size[a];
    drop_dim(m, d);
  }
  if (m.rank > 0) return;
  m.rank = 1;
  m.size[0] = m.from[0] = m.to[0] = 1;
}

// Whole rows are copied in the order in which they are read, however many places that writes to in turn.
void arrange_rows(Move& m) {
  const auto last = static_cast<size_t>(m.rank - 1);
  for (size_t end = last; end > 1; --end)
    for (size_t d = 0; d + 1 < end; ++d) {
      if (m.from[d] >= m.from[d + 1]) continue;
      std::swap(m.size[d], m.size[d + 1]);
      std::swap(m.from[d], m.from[d + 1]);
      std::swap(m.to[d], m.to[d + 1]);
    }
}

// Brings the dim that is contiguous in the source next to the last one, which is contiguous in the destination.
bool arrange_transpose(Move& m) {
  const auto last = static_cast<size_t>(m.rank - 1);
  if ((m.element != 1 && m.element != 4) || m.to[last] != 1 || m.from[last] <= 0) return false;
  for (size_t d = 0; d < last; ++d) {
    if (m.from[d] != 1) continue;
    for (size_t i = d; i + 1 < last; ++i) {
      std::swap(m.size[i], m.size[i + 1]);
      std::swap(m.from[i], m.from[i + 1]);
      std::swap(m.to[i], m.to[i + 1]);
    }
    return true;
  }
  return false;
}

template <class T>
void copy_elements(int64_t count, const std::byte* from, int64_t from_step, std::byte* to, int64_t to_step) {
  const T* in = reinterpret_cast<const T*>(from);
  T* out = reinterpret_cast<T*>(to);
  for (int64_t i = 0; i < count; ++i) out[i * to_step] = in[i * from_step];
}

// The part [begin, end) of one leaf, along the dim that leaf_dim() names.
void run_leaf(const Move& m, int64_t begin, int64_t end, const std::byte* from, std::byte* to);

size_t leaf_dim(const Move& m) {
  const auto last = static_cast<size_t>(m.rank - 1);
  return m.leaf == Move::Leaf::kTranspose && m.size[last - 1] > m.size[last] ? last - 1 : last;
}

void run_leaf(const Move& m, int64_t begin, int64_t end, const std::byte* from, std::byte* to) {
  const size_t split = leaf_dim(m), last = static_cast<size_t>(m.rank - 1);
  const auto element = static_cast<int64_t>(m.element);
  from += begin * m.from[split] * element;
  to += begin * m.to[split] * element;
  const int64_t count = end - begin;
  if (m.leaf == Move::Leaf::kRow) {
    std::memcpy(to, from, static_cast<size_t>(count * element));
  } else if (m.leaf == Move::Leaf::kTranspose) {
    const int64_t rows = split == last ? count : m.size[last], columns = split == last ? m.size[last - 1] : count;
    if (m.element == 1)
      m.isa->transpose_8(reinterpret_cast<const uint8_t*>(from), m.from[last], reinterpret_cast<uint8_t*>(to),
                         m.to[last - 1], rows, columns);
    else
      m.isa->transpose_32(reinterpret_cast<const uint32_t*>(from), m.from[last], reinterpret_cast<uint32_t*>(to),
                          m.to[last - 1], rows, columns);
  } else if (m.element == 1) {
    copy_elements<uint8_t>(count, from, m.from[last], to, m.to[last]);
  } else if (m.element == 4) {
    copy_elements<uint32_t>(count, from, m.from[last], to, m.to[last]);
  } else {
    copy_elements<uint64_t>(count, from, m.from[last], to, m.to[last]);
  }
}

// Calls body(from, to) for the leaves [begin, end), counted over the outer dims.
template <class F>
void for_leaves(const Move& m, size_t outer_rank, int64_t begin, int64_t end, const F& body) {
  std::array<int64_t, kMaxRank> index{};
  int64_t from = 0, to = 0, rest = begin;
  for (size_t d = outer_rank; d-- > 0; rest /= m.size[d]) {
    index[d] = rest % m.size[d];
    from += index[d] * m.from[d];
    to += index[d] * m.to[d];
  }
  for (int64_t i = begin; i < end; ++i) {
    body(from, to);
    for (size_t d = outer_rank; d-- > 0;) {
      from += m.from[d];
      to += m.to[d];
      if (++index[d] < m.size[d]) break;
      from -= m.from[d] * m.size[d];
      to -= m.to[d] * m.size[d];
      index[d] = 0;
    }
  }
}

}  // namespace

std::array<int64_t, kMaxRank> strides_of(const Shape& shape, int64_t pitch) {
  std::array<int64_t, kMaxRank> s{};
  for (int d = shape.rank() - 1; d >= 0; --d) {
    const auto at = static_cast<size_t>(d);
    if (d >= shape.rank() - 2)
      s[at] = d == shape.rank() - 1 ? 1 : pitch;
    else
      __builtin_mul_overflow(s[at + 1], shape[d + 1], &s[at]);  // overflows only where the tensor is empty
  }
  return s;
}

Move box_move(const Shape& size, const Value& from, const Value& to, const kernels::Isa& isa) {
  Move m;
  m.rank = size.rank();
  for (int d = 0; d < m.rank; ++d) m.size[static_cast<size_t>(d)] = size[d];
  m.from = strides_of(from.shape, from.pitch);
  m.to = strides_of(to.shape, to.pitch);
  m.element = size_of(to.dtype);
  m.isa = &isa;
  return m;
}

void settle(Move& m) {
  for (int d = 0; d < m.rank; ++d)
    if (m.size[static_cast<size_t>(d)] == 0) {  // nothing to copy: one row of no elements
      m.rank = 1;
      m.size[0] = 0;
      m.from[0] = m.to[0] = 1;
      m.leaf = Move::Leaf::kRow;
      return;
    }
  simplify(m);
  const auto last = static_cast<size_t>(m.rank - 1);
  if (m.from[last] == 1 && m.to[last] == 1) {
    m.leaf = Move::Leaf::kRow;
    arrange_rows(m);
  } else {
    m.leaf = arrange_transpose(m) ? Move::Leaf::kTranspose : Move::Leaf::kElements;
  }
}

void run_move(const Move& m, Threads& threads, const std::byte* from, std::byte* to) {
  const size_t outer_rank = static_cast<size_t>(m.rank) - (m.leaf == Move::Leaf::kTranspose ? 2 : 1);
  const auto element = static_cast<int64_t>(m.element);
  from += m.from_start * element;
  to += m.to_start * element;
  int64_t outer = 1, per_leaf = 1;
  for (size_t d = 0; d < static_cast<size_t>(m.rank); ++d) (d < outer_rank ? outer : per_leaf) *= m.size[d];
  const int64_t length = m.size[leaf_dim(m)];
  if (outer >= threads.count() * 4 || per_leaf < 16384) {
    parallel_rows(threads, outer, grain_of(per_leaf), [&](int64_t begin, int64_t end) {
      for_leaves(m, outer_rank, begin, end,
                 [&](int64_t f, int64_t t) { run_leaf(m, 0, length, from + f * element, to + t * element); });
    });
    return;
  }
  for_leaves(m, outer_rank, 0, outer, [&](int64_t f, int64_t t) {
    parallel_rows(threads, length, std::max<int64_t>(64, grain_of(per_leaf / length)),
                  [&](int64_t begin, int64_t end) { run_leaf(m, begin, end, from + f * element, to + t * element); });
  });
}

void step_of_move(Prepare& p, Move move, const char* name) {
  settle(move);
  p.step.run = [move, in = p.in(0).id, out = p.out().id](const RunContext& ctx) {
    run_move(move, ctx.threads, ctx.data<std::byte>(in), ctx.data<std::byte>(out));
  };
  p.step.kernel = name;
}

}  // namespace octet
