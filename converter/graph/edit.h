// Small operations on the converter's graph that importers and passes share.
#pragma once
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "converter/graph/graph.h"

namespace octet::convert {

using Perm = std::vector<int>;

inline const Perm kToNhwc = {0, 2, 3, 1}, kToNchw = {0, 3, 1, 2};

Perm inverse(const Perm& perm);
Perm compose(const Perm& first, const Perm& then);  // one perm that does both
bool is_identity(const Perm& perm);

template <class T>
Tensor make_constant(std::string name, const Shape& shape, std::span<const T> values) {
  constexpr DType dtype = std::is_same_v<T, float>     ? DType::kF32
                          : std::is_same_v<T, int64_t> ? DType::kS64
                          : std::is_same_v<T, int32_t> ? DType::kS32
                          : std::is_same_v<T, int8_t>  ? DType::kS8
                                                       : DType::kU8;
  Tensor t{.name = std::move(name), .dtype = dtype, .shape = shape, .constant = true};
  const auto bytes = std::as_bytes(values);
  t.data.assign(bytes.begin(), bytes.end());
  return t;
}

// A constant's elements in the order of the permuted axes.
Tensor permuted(const Tensor& t, const Perm& perm);
// Leading axes of size 1 up to `rank`.
Shape padded_left(const Shape& shape, int rank);
Shape permuted(const Shape& shape, const Perm& perm);

// The value that all elements of a float constant have.
std::optional<float> uniform(const Graph& g, TensorId id);
// The elements of a constant of integers.
std::optional<std::vector<int64_t>> constant_ints(const Graph& g, TensorId id);

template <class Op>
schema::OpUnion make_op(Op op) {
  schema::OpUnion u;
  u.Set(std::move(op));
  return u;
}
const char* op_name(const Node& node);
// What a node of this op that is written beside node `owner` is called.
std::string part_name(const std::string& owner, schema::Op op);

// Who makes and who reads each tensor. Valid until the graph changes.
struct Uses {
  explicit Uses(const Graph& g);
  std::vector<int> producer;              // node, -1: none
  std::vector<std::multiset<int>> users;  // nodes, once for each operand
  std::vector<int> outputs;               // how often it is an output of the graph

  bool only_user(TensorId t, int node) const;  // `node` alone reads t, as one or more operands
  bool single(TensorId t) const {
    return users[static_cast<size_t>(t)].size() == 1 && outputs[static_cast<size_t>(t)] == 0;
  }
  int made_by(TensorId t) const { return t < 0 ? -1 : producer[static_cast<size_t>(t)]; }
};

// Node `i` if it makes `t` and its op is `Op`: as<schema::Conv2dT>(g, uses, t).
template <class Op>
Op* as(Node& node) {
  return node.op.type == schema::OpUnionTraits<Op>::enum_value ? static_cast<Op*>(node.op.value) : nullptr;
}
template <class Op>
const Op* as(const Node& node) {
  return node.op.type == schema::OpUnionTraits<Op>::enum_value ? static_cast<const Op*>(node.op.value) : nullptr;
}
inline Node* producer(Graph& g, const Uses& uses, TensorId t) {
  const int i = uses.made_by(t);
  return i < 0 ? nullptr : &g.nodes[static_cast<size_t>(i)];
}
inline size_t at(int64_t i) { return static_cast<size_t>(i); }  // an index as the containers take it
inline const Tensor& tensor(const Graph& g, TensorId t) { return g.tensors[static_cast<size_t>(t)]; }

// A tensor of the values of `like` in another order or shape, not constant.
TensorId add_like(Graph& g, TensorId like, const Shape& shape);
void insert(Graph& g, int before, Node node);

// The sizes of a Reshape to `target`, which may hold -1: one unknown size is "the rest"; with more of them each must be
// the unknown size of one input dim, in the same order. Nothing if that cannot be said.
std::optional<std::vector<int64_t>> reshape_spec(const Shape& input, const Shape& target);

// A short text of the graph for tests and messages: one line a node.
std::string dump(const Graph& g);

}  // namespace octet::convert
