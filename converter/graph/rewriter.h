// A graph while it is rewritten: who makes and who reads each tensor stays known, and a change costs what it touches (times
// log n), not the size of the graph. That is why nodes are erased, inserted and rewired here and not in Graph::nodes.
#pragma once
#include "converter/graph/edit.h"

namespace octet::convert {

class Rewriter {
 public:
  explicit Rewriter(Graph& graph);
  ~Rewriter();  // Graph::nodes has gaps and no order until then
  Rewriter(const Rewriter&) = delete;
  Rewriter& operator=(const Rewriter&) = delete;

  Graph& g;
  const Uses& uses() const { return uses_; }

  // A node's number is its index in Graph::nodes and stays its own. Name and attributes may be changed there; operands and
  // results only by what follows. Inserting may move the nodes in memory.
  Node& node(int i) { return g.nodes[at(i)]; }
  void set_inputs(int i, std::vector<TensorId> inputs);
  void set_input(int i, size_t k, TensorId t);
  void set_outputs(int i, std::vector<TensorId> outputs);  // another node that made them no longer does

  // Order. -1: none.
  int first() const { return next_[0]; }
  int after(int i) const { return next_[at(i + 1)]; }
  int before(int i) const { return i < 0 ? -1 : previous_[at(i + 1)]; }
  bool comes_before(int a, int b) const { return place_[at(a)] < place_[at(b)]; }

  // Each returns the new node's number. After -1: at the front.
  int insert_before(int i, Node node) { return insert_after(before(i), std::move(node)); }
  int insert_after(int i, Node node);
  void erase(int i);
  // `moved` stands where `i` stood, which goes.
  void take_place(int moved, int i);

  // Makes every reader of `from` read `to`. Where `from` is an output of the graph the name has to stay: then `to`'s
  // producer makes `from` itself, or, if that cannot be (input, constant, another output), a copy is made.
  void replace_uses(TensorId from, TensorId to);

  // Ends a rewrite: nodes that nobody reads any more go, and the names of those that computed something pass to the node
  // that makes `result` now, because it does their work.
  void settle(TensorId result);

  // Node i, or the nearest before it that still stands; -1: none does.
  int standing(int i) const;

 private:
  static constexpr uint64_t kStride = uint64_t{1} << 32;

  void grow(const std::vector<TensorId>& ids);
  void read(TensorId t, int i);
  void unread(TensorId t, int i);
  void link(int i, int previous);
  void unlink(int i);
  void renumber();

  Uses uses_;
  std::vector<int> next_, previous_;  // of node i at i + 1: a ring through the nodes that stand, its end at 0
  std::vector<uint64_t> place_;       // ascends along the ring
  std::vector<bool> gone_;
  std::vector<int> maybe_dead_;  // lost a reader
  std::vector<int> erased_;      // since the last settle()
};

}  // namespace octet::convert
