// Copying a box of elements from one strided layout to another: what transpose, slice, concat and expand come down to.
#pragma once
#include <array>

#include "runtime/core/op.h"

namespace octet {

// size[d] elements along each dim; from and to are the steps in elements (from: also 0 or negative).
struct Move {
  enum class Leaf { kRow, kTranspose, kElements };  // what the innermost dims are done by

  int rank = 0;
  std::array<int64_t, kMaxRank> size{}, from{}, to{};
  int64_t from_start = 0, to_start = 0;
  size_t element = 4;           // bytes
  Leaf leaf = Leaf::kElements;  // of the last dim; kTranspose: of the last two
  const kernels::Isa* isa = nullptr;
};

// Elements from one index to the next along each dim of a value.
std::array<int64_t, kMaxRank> strides_of(const Shape& shape, int64_t pitch);

// A box of `size` that stands in both values at their start, with the values' own strides; callers adjust it.
Move box_move(const Shape& size, const Value& from, const Value& to, const kernels::Isa& isa);

// Drops and merges dims and picks the leaf: to be called once, when all fields are set.
void settle(Move& move);

void run_move(const Move& move, Threads& threads, const std::byte* from, std::byte* to);

// Makes the step of a node whose output is one settled move of input 0.
void step_of_move(Prepare& p, Move move, const char* name);

}  // namespace octet
