// Greedy placement of buffers by size. What is taken at any time stands in a tree over the steps, so that a buffer is held
// against the few pieces of memory that its lifetime meets, not against all other buffers.
#include "runtime/core/arena.h"

#include <algorithm>
#include <bit>
#include <numeric>

namespace octet {
namespace {

size_t rounded(size_t bytes) { return (bytes + 63) / 64 * 64; }

struct Piece {
  size_t begin, end;
};

// Memory that is taken, in order and without neighbours that touch.
class Taken {
 public:
  void add(Piece p) {
    auto first = std::lower_bound(pieces_.begin(), pieces_.end(), p.begin,
                                  [](const Piece& have, size_t begin) { return have.end < begin; });
    auto last = first;
    for (; last != pieces_.end() && last->begin <= p.end; ++last)
      p = {std::min(p.begin, last->begin), std::max(p.end, last->end)};
    if (first == last) {
      pieces_.insert(first, p);
    } else {
      *first = p;
      pieces_.erase(first + 1, last);
    }
    // More gaps than a model has: none of them is used any more, so that the work stays bounded.
    if (pieces_.size() > kMostPieces) pieces_ = {{pieces_.front().begin, pieces_.back().end}};
  }
  const std::vector<Piece>& pieces() const { return pieces_; }

 private:
  static constexpr size_t kMostPieces = 1024;
  std::vector<Piece> pieces_;
};

// Nodes over ranges of steps, root 1, children of n 2n and 2n + 1. A buffer stands in `whole` of the nodes that its lifetime is
// made of, and in `some` of those and all above them.
class Steps {
 public:
  explicit Steps(int steps)
      : leaves_(std::bit_ceil(static_cast<unsigned>(steps))), whole_(2 * leaves_), some_(2 * leaves_) {}

  void take(const Lifetime& life, Piece piece) {
    visit(
        life, [&](size_t n) { whole_[n].add(piece), some_[n].add(piece); }, [&](size_t n) { some_[n].add(piece); });
  }

  // The lowest place for `bytes` that is free all the time.
  size_t lowest(const Lifetime& life, size_t bytes) {
    met_.clear();
    auto meet = [&](const Taken& taken) {
      if (!taken.pieces().empty()) met_.push_back(taken.pieces());
    };
    visit(
        life, [&](size_t n) { meet(some_[n]); }, [&](size_t n) { meet(whole_[n]); });
    size_t at = 0;
    for (bool moved = true; moved;) {
      moved = false;
      for (std::span<const Piece>& taken : met_) {
        while (!taken.empty() && taken.front().end <= at) taken = taken.subspan(1);
        for (; !taken.empty() && taken.front().begin < at + bytes; taken = taken.subspan(1))
          at = std::max(at, taken.front().end), moved = true;
      }
    }
    return at;
  }

 private:
  // inside(n) for the largest nodes that make up the lifetime, above(n) for those above them.
  template <class Inside, class Above>
  void visit(const Lifetime& life, const Inside& inside, const Above& above) {
    const size_t first = static_cast<size_t>(life.first), last = static_cast<size_t>(life.last);
    visit(1, 0, leaves_, first, last + 1, inside, above);
  }
  template <class Inside, class Above>
  void visit(size_t n, size_t begin, size_t end, size_t first, size_t last, const Inside& inside, const Above& above) {
    if (last <= begin || end <= first) return;
    if (first <= begin && end <= last) return inside(n);
    above(n);
    const size_t middle = (begin + end) / 2;
    visit(2 * n, begin, middle, first, last, inside, above);
    visit(2 * n + 1, middle, end, first, last, inside, above);
  }

  size_t leaves_;
  std::vector<Taken> whole_, some_;
  std::vector<std::span<const Piece>> met_;
};

}  // namespace

Placement place(std::span<const Lifetime> buffers) {
  Placement result{std::vector<size_t>(buffers.size()), 0};
  std::vector<size_t> order(buffers.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return buffers[a].bytes > buffers[b].bytes; });
  int steps = 1;
  for (const Lifetime& life : buffers) steps = std::max(steps, life.last + 1);
  Steps taken(steps);
  for (size_t i : order) {
    const size_t bytes = rounded(buffers[i].bytes), at = taken.lowest(buffers[i], bytes);
    if (bytes > 0) taken.take(buffers[i], {at, at + bytes});
    result.offsets[i] = at;
    result.bytes = std::max(result.bytes, at + bytes);
  }
  return result;
}

}  // namespace octet
