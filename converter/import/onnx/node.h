// One ONNX node being imported: typed access to its attributes and operands.
#pragma once
#include <functional>
#include <optional>
#include <unordered_map>

#include "converter/import/build/source_files.h"
#include "converter/import/build/source_node.h"
#include "onnx.pb.h"

namespace octet::convert {

// A tensor of integers in the file, which in the graph holds what they stand for: scale * (integer - zero_point).
struct Stored {
  float scale = 1;
  int zero_point = 0;
  DType dtype = DType::kU8;  // or s8
  bool dynamic = false;      // scale and zero point are found by the run: known to be rounded, no more
  bool operator==(const Stored&) const = default;
};
using StoredTensors = std::unordered_map<TensorId, Stored>;

// What nodes need of the importer beside their own operands.
struct OnnxContext {
  Graph& g;
  SourceFiles& files;
  StoredTensors stored = {};
  size_t nodes_left = 0;  // of ConvertOptions::max_nodes; ops that write many nodes take theirs
  // By the tensor that stands for each, which no node reads.
  std::unordered_map<TensorId, std::vector<TensorId>> sequences = {};
};

class OnnxNode : public SourceNode {
 public:
  // Imports the nodes of a graph in place, `inputs` being its own; `part` tells its nodes' names from those of its other runs.
  using ImportBlock = std::function<Result<std::vector<TensorId>>(
      const onnx::GraphProto& graph, const std::string& part, const std::vector<TensorId>& inputs)>;

  // `prefix` stands before the names of all that is written.
  OnnxNode(OnnxContext& context, const onnx::NodeProto& node, int64_t version, const std::string& prefix)
      : SourceNode(context.g, prefix + (node.name().empty() ? result_of(node) : node.name()), prefix + result_of(node)),
        proto(node),
        opset(version),
        files(context.files),
        stored(context.stored),
        nodes_left(context.nodes_left),
        sequences(context.sequences) {}

  const onnx::NodeProto& proto;
  int64_t opset;
  SourceFiles& files;
  StoredTensors& stored;
  size_t& nodes_left;
  const std::unordered_map<TensorId, std::vector<TensorId>>& sequences;
  std::vector<TensorId> inputs;                   // -1: absent
  std::vector<TensorId> results;                  // what the importer made of each output; missing ones may not be used
  std::optional<std::vector<TensorId>> sequence;  // instead of results: the one output is these tensors
  ImportBlock import_block;
  std::optional<Error> inside;  // a node of a block failed, which it names

  // Attributes. A wrong type is a failure; `count` is the number of elements that ints() must have if it is there.
  bool has(std::string_view name) const;
  int64_t i(std::string_view name, int64_t otherwise);
  float f(std::string_view name, float otherwise);
  std::string s(std::string_view name, const std::string& otherwise);
  std::vector<int64_t> ints(std::string_view name, std::vector<int64_t> otherwise, int count = -1);
  std::vector<float> float_list(std::string_view name, std::vector<float> otherwise);

  // Operands.
  TensorId in(size_t index) const { return index < inputs.size() ? inputs[index] : -1; }
  // The operand's elements, which must be constant integers.
  std::vector<int64_t> const_ints(size_t input, const char* what);

  void result(TensorId id) { results.push_back(id); }

  // The graph that is this attribute, imported in place: its outputs, or none after a failure.
  std::vector<TensorId> block(std::string_view attribute, const std::string& part, const std::vector<TensorId>& inputs);

 private:
  static std::string result_of(const onnx::NodeProto& node) { return node.output_size() ? node.output(0) : ""; }
  const onnx::AttributeProto* find(std::string_view name, int32_t type);
};

}  // namespace octet::convert
