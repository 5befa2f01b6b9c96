// Looking inside models and sessions, for tools: no part of the installed interface.
#pragma once
#include <octet/octet.h>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace octet {

namespace schema {
enum class Op : uint8_t;
}

// Of all tensors of the model file, by index; the session must be prepared.
std::vector<Shape> tensor_shapes(const Session& session);

struct TensorFacts {
  std::string_view name;
  DType dtype;
  Shape shape;  // -1: known when prepared
  bool constant;
  size_t bytes;  // of constants
  // How an activation is stored as u8: none, one entry, or one a channel (last dim).
  std::span<const float> scale;
  std::span<const uint8_t> zero_point;
  std::span<const float> weight_scale;  // s8 constants: one for each output channel
};

struct NodeFacts {
  std::string_view name;
  std::string_view op;  // Octet's name
  schema::Op type;
  const void* attributes;                   // the schema's table for `type`, as schema::Conv2d
  bool int8;                                // runs in int8 where a session asks for no other ops than the model's
  bool moves_only;                          // its elements are copied, not computed
  std::span<const int> inputs, outputs;     // indices of tensors; -1: absent
  std::span<const std::string_view> fused;  // names of the source's nodes whose work it does as well
};

// What a model's file holds; the model must have been read from one. All of it points into the model.
struct FileFacts {
  uint32_t format_major, format_minor;
  size_t file_bytes, graph_bytes, weight_bytes;
  std::vector<TensorFacts> tensors;
  std::vector<NodeFacts> nodes;
  std::span<const int> inputs, outputs;
  std::span<const std::string_view> int8_ops;  // that the model was quantised with
  std::span<const std::pair<std::string_view, std::string_view>> metadata;
};
FileFacts file_facts(const Model& model);

}  // namespace octet
