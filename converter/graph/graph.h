// The converter's float graph: what importers build, passes rewrite, the quantiser annotates and emit writes.
#pragma once
#include <octet/octet.h>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "schema/model_generated.h"

namespace octet::convert {

using TensorId = int;  // index into Graph::tensors; -1: an optional operand that is absent

struct Quant {  // real = scale * (stored - zero_point); one entry, or one a channel (last dim)
  std::vector<float> scale;
  std::vector<uint8_t> zero_point;
  bool empty() const { return scale.empty(); }
};

struct Tensor {
  std::string name;
  DType dtype = DType::kF32;
  Shape shape;  // -1: dynamic
  bool constant = false;
  std::vector<std::byte> data;      // constants: row-major
  std::vector<std::byte> known;     // others: their value where it follows from shapes; see shapes.h
  Quant quant;                      // activations that int8 execution stores as u8
  std::vector<float> weight_scale;  // s8 constants: one a first dim
  float observed = 0;               // the largest magnitude that training saw, where it only looked; 0: unknown

  template <class T>
  std::span<const T> values() const {
    return {reinterpret_cast<const T*>(data.data()), data.size() / sizeof(T)};
  }
  template <class T>
  std::span<T> values() {
    return {reinterpret_cast<T*>(data.data()), data.size() / sizeof(T)};
  }
};

// `op` holds the attributes as schema/model.fbs defines them (flatbuffers' native tables: op.AsConv2d()->stride_h).
// What importers and passes write beside the node that computes is named after it: "conv1:transpose".
struct Node {
  std::string name;
  schema::OpUnion op;
  std::vector<TensorId> inputs, outputs;
  std::vector<std::string> fused = {};      // names of nodes whose work this one does as well
  std::optional<schema::Act16> act16 = {};  // how its activation is computed where its output is u8
};

struct Graph {
  std::string source;  // file, for messages
  std::vector<Tensor> tensors;
  std::vector<Node> nodes;  // topologically sorted
  std::vector<TensorId> inputs, outputs;
  bool quantised = false;             // the source says what is int8: FakeQuantize nodes, weights on a grid of steps
  std::vector<std::string> int8_ops;  // set by the quantiser
  std::vector<std::pair<std::string, std::string>> metadata;
  uint64_t constant_limit = UINT64_MAX;  // bytes that all constants may take, those that passes make too

  uint64_t constant_bytes() const {
    uint64_t bytes = 0;
    for (const Tensor& t : tensors)
      if (t.constant) bytes += t.data.size();
    return bytes;
  }

  TensorId add(Tensor tensor) {
    tensors.push_back(std::move(tensor));
    return static_cast<TensorId>(tensors.size()) - 1;
  }
};

}  // namespace octet::convert
