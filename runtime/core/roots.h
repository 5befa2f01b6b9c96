// Which tree of a forest a value is in, while trees are hung into one another.
#pragma once
#include <cstddef>
#include <numeric>
#include <vector>

namespace octet {

class Roots {
 public:
  explicit Roots(size_t values) : up_(values) { std::iota(up_.begin(), up_.end(), 0); }

  int of(int v) {
    while (up(v) != v) v = up(v) = up(up(v));
    return v;
  }
  // `root` has nothing above it so far; `below` is in another tree.
  void hang(int root, int below) { up(root) = below; }

 private:
  int& up(int v) { return up_[static_cast<size_t>(v)]; }
  std::vector<int> up_;
};

}  // namespace octet
