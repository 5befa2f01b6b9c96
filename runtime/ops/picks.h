// Elements named by their index along one axis: what gather_elements reads and scatter_elements writes; reductions of scatters.
#pragma once
#include "runtime/ops/common.h"

namespace octet {

// Walks over all indices, a tensor of x's rank whose dims are x's or smaller, the axis excepted.
struct Picks {
  int rank = 0, axis = 0;
  std::array<int64_t, kMaxRank> size{}, step{};  // dims of the indices; x's elements from one to the next
  int64_t axis_size = 0;                         // of x

  Picks(const Shape& x, const Shape& indices, int along) : rank(x.rank()), axis(along), axis_size(x[along]) {
    int64_t elements = 1;
    for (int d = rank; d-- > 0; elements *= x[d]) {
      step[static_cast<size_t>(d)] = elements;
      size[static_cast<size_t>(d)] = indices[d];
    }
  }

  // visit(i, element of x) for each index, in order; those outside of x are brought inside if `clamp`, else left out.
  template <class Visit>
  void each(const int64_t* indices, bool clamp, const Visit& visit) const {
    std::array<int64_t, kMaxRank> place{};
    int64_t total = 1, at = 0;  // at: of the place, the axis left out
    for (int d = 0; d < rank; ++d) total *= size[static_cast<size_t>(d)];
    for (int64_t i = 0; i < total; ++i) {
      const int64_t from_front = indices[i] < 0 ? indices[i] + axis_size : indices[i];
      const int64_t index = std::clamp<int64_t>(from_front, 0, axis_size - 1);
      if (clamp || index == from_front) visit(i, at + index * step[static_cast<size_t>(axis)]);
      for (int d = rank; d-- > 0;) {
        const auto k = static_cast<size_t>(d);
        const int64_t stride = d == axis ? 0 : step[k];
        at += stride;
        if (++place[k] < size[k]) break;
        at -= stride * size[k];
        place[k] = 0;
      }
    }
  }
};

// For infer: indices into x along `axis`, which counts from the front.
inline Result<void> check_picks(Inference& inf, const Shape& x, const Shape& indices, int axis) {
  bool fits = axis >= 0 && x.rank() == indices.rank();
  for (int d = 0; fits && d < x.rank(); ++d) fits = d == axis || x[d] < 0 || indices[d] <= x[d];
  if (!fits) return inf.error("indices " + indices.text() + " into " + x.text());
  if (x[axis] == 0 && indices.elements() != 0) return inf.error("nothing to pick from " + x.text());
  if (!inf.in(1).constant || indices.elements() < 0 || x[axis] < 0) return {};
  const auto* at = reinterpret_cast<const int64_t*>(inf.in(1).constant);
  for (int64_t i = 0; i < indices.elements(); ++i)
    if ((at[i] < -x[axis] || at[i] >= x[axis]) && at[i] != kUnknown)
      return inf.error("index " + text_of(at[i]) + " on axis " + text_of(axis) + " of " + x.text());
  return {};
}

// The types that scatters with this reduction take.
inline Result<void> check_scatter_types(const NodeDef& n, const ModelData& m, schema::ScatterReduction reduction) {
  if (!valid_enum(reduction)) return bad_node(n, "unknown reduction");
  OCTET_TRY(check_dense(n, m, 0));
  OCTET_TRY(check_type(n, m, 1, {DType::kS64}));
  if (reduction != schema::ScatterReduction::none)
    OCTET_TRY(check_type(n, m, 0, {DType::kF32, DType::kS64, DType::kS32}));
  return check_type(n, m, 2, {m.input(n, 0).dtype});
}

// What a reduction makes of two elements; whole numbers wrap around.
template <class T>
T combine(schema::ScatterReduction reduction, T a, T b) {
  using U = std::conditional_t<std::is_same_v<T, float>, float, uint64_t>;
  switch (reduction) {
    case schema::ScatterReduction::add:
      return static_cast<T>(static_cast<U>(a) + static_cast<U>(b));
    case schema::ScatterReduction::mul:
      return static_cast<T>(static_cast<U>(a) * static_cast<U>(b));
    case schema::ScatterReduction::max:
      return std::max(a, b);
    case schema::ScatterReduction::min:
      return std::min(a, b);
    case schema::ScatterReduction::none:
      break;
  }
  return b;
}

// run(T()) with a type as large as dtype; where numbers are combined, with dtype itself.
template <class Run>
void with_type(DType dtype, const Run& run) {
  if (dtype == DType::kF32) return run(float());
  if (dtype == DType::kS32) return run(int32_t());
  if (dtype == DType::kS64) return run(int64_t());
  run(uint8_t());
}

}  // namespace octet
