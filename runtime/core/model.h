// A loaded model as the runtime sees it: plain descriptions that point into the mapped file, all verified.
#pragma once
#include <octet/octet.h>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

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
  const ModelData* model = nullptr;  // whose node it is
  const void* op = nullptr;          // the schema's table: attributes<schema::Conv2d>()
  std::vector<int> inputs, outputs;  // tensor indices; -1: absent

  template <class T>
  const T& attributes() const {
    return *static_cast<const T*>(op);
  }
  bool has_input(int i) const { return i < static_cast<int>(inputs.size()) && inputs[static_cast<size_t>(i)] >= 0; }
};

// Weights in the order that some kernel wants, made once for a model and shared by its sessions. Thread-safe.
class PackCache {
 public:
  using Bytes = std::shared_ptr<const std::vector<std::byte>>;
  // `key` names tensor and layout: "12/f32". `make` fills a buffer of `bytes` (64-byte aligned in data()).
  std::shared_ptr<const std::byte> get(const std::string& key, size_t bytes,
                                       const std::function<void(std::byte*)>& make);

 private:
  std::mutex mutex_;
  std::unordered_map<std::string, std::weak_ptr<const std::byte>> entries_;
};

struct ModelData {
  std::string name;  // path, for messages
  std::vector<TensorDef> tensors;
  std::vector<NodeDef> nodes;
  std::vector<int> inputs, outputs;
  std::vector<std::string_view> int8_ops;
  std::vector<std::pair<std::string_view, std::string_view>> metadata;
  size_t file_bytes = 0, weight_bytes = 0;
  std::shared_ptr<const std::byte> file;  // owns the mapping
  mutable PackCache packs;

  const TensorDef& input(const NodeDef& n, int i) const {
    return tensors[static_cast<size_t>(n.inputs[static_cast<size_t>(i)])];
  }
  const TensorDef& output(const NodeDef& n, int i) const {
    return tensors[static_cast<size_t>(n.outputs[static_cast<size_t>(i)])];
  }
};

}  // namespace octet
