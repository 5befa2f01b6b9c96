// A loaded model as the runtime sees it: plain descriptions, all verified, and weights in the mapped file.
#pragma once
#include <octet/octet.h>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/core/constants.h"
#include "runtime/core/error.h"
#include "schema/model_generated.h"

namespace octet {

struct OpKind;
struct ModelData;

// How an activation is stored as u8. Empty, or one entry, or one a channel (last dim).
struct Quant {
  std::span<const float> scale;
  std::span<const uint8_t> zero_point;
  bool empty() const { return scale.empty(); }
  bool per_channel() const { return scale.size() > 1; }
  float scale_at(int64_t c) const { return scale[per_channel() ? static_cast<size_t>(c) : 0]; }
  int32_t zero_at(int64_t c) const { return zero_point[per_channel() ? static_cast<size_t>(c) : 0]; }
};
bool same(const Quant& a,
          const Quant& b);  // equal entry for entry; both must describe as many channels or be per tensor

DType dtype_of(schema::DType type);  // f32 for what is none

struct TensorDef {
  std::string_view name;
  DType dtype = DType::kF32;
  Shape shape;  // -1: known when prepared
  Quant quant;
  bool constant = false;
  schema::Packing packing = schema::Packing::dense;
  const std::byte* data = nullptr;  // constants
  size_t bytes = 0;
  std::span<const float> weight_scale;  // s8 constants: one for each output channel

  template <class T>
  std::span<const T> values() const {
    return {reinterpret_cast<const T*>(data), bytes / sizeof(T)};
  }
};

struct NodeDef {
  std::string_view name;
  std::vector<std::string_view> fused = {};  // names of source nodes whose work this one does as well
  const OpKind* kind = nullptr;
  const ModelData* model = nullptr;      // whose node it is
  const schema::Act16* act16 = nullptr;  // how its activation is computed where its output is u8; null: in floats
  const void* op = nullptr;              // the schema's table: attributes<schema::Conv2d>()
  std::vector<int> inputs, outputs;      // tensor indices; -1: absent

  template <class T>
  const T& attributes() const {
    return *static_cast<const T*>(op);
  }
  bool has_input(int i) const { return i < static_cast<int>(inputs.size()) && inputs[static_cast<size_t>(i)] >= 0; }
};

// What the loader asks of a node whose tensors are there: its op's own checks, the number and type of its operands. The error's
// text lacks the file.
Result<void> check_node(const NodeDef& node, const ModelData& model);

struct ModelData {
  std::string name;  // path, for messages
  std::vector<TensorDef> tensors;
  std::vector<NodeDef> nodes;
  std::vector<int> inputs, outputs;
  std::vector<std::string_view> int8_ops;
  std::vector<std::pair<std::string_view, std::string_view>> metadata;
  size_t file_bytes = 0, weight_bytes = 0;
  std::shared_ptr<const std::byte> file;   // owns the mapping, where only weights are read after loading
  std::shared_ptr<const std::byte> graph;  // private: names, shapes, attributes and quantisation point into it
  std::vector<std::shared_ptr<const std::byte>>
      integers;  // private too: constants that steer, such as shapes and indices
  mutable Constants constants;

  const TensorDef& input(const NodeDef& n, int i) const {
    return tensors[static_cast<size_t>(n.inputs[static_cast<size_t>(i)])];
  }
  const TensorDef& output(const NodeDef& n, int i) const {
    return tensors[static_cast<size_t>(n.outputs[static_cast<size_t>(i)])];
  }
};

// A model that was not read from a file. Its maker has checked what the loader checks.
Model model_of(std::shared_ptr<const ModelData> data);

}  // namespace octet
