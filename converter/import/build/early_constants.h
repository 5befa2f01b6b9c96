// What a source computes of constants, or of sizes that are fixed, is a constant by the time the next node asks for weights, axes
// or sizes: importers fold as they go. What stays open (a dynamic size, more than the limit of memory) stays nodes.
#pragma once
#include "converter/graph/graph.h"

namespace octet::convert {

class EarlyConstants {
 public:
  explicit EarlyConstants(Graph& g) : g_(g) {}

  // Before a source node is imported: what it writes comes after this.
  void mark() { nodes_ = g_.nodes.size(), tensors_ = g_.tensors.size(); }
  // After it: where all that was written since follows from constants, it goes, and the ids in `results` become those of constants.
  Result<void> fold(std::span<std::vector<TensorId>* const> results);

 private:
  bool is_constant_part();
  bool has_room(std::span<const TensorId> results);
  void keep(std::span<std::vector<TensorId>* const> results);

  Graph& g_;
  size_t nodes_ = 0, tensors_ = 0;
  size_t counted_ = 0;  // tensors whose bytes are in bytes_
  uint64_t bytes_ = 0;
};

}  // namespace octet::convert
