// Imports ONNX' nodes in their order: those of the graph, and in place of an If, a Loop or the call of a function those inside it.
#pragma once
#include <deque>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "converter/import/build/early_constants.h"
#include "converter/import/onnx/node.h"

namespace octet::convert {

// The names that nodes see: a graph's, a branch's or body's inside it, a function's.
struct OnnxScope {
  const OnnxScope* outer = nullptr;  // whose values are seen as well; a function sees none
  int depth = 0;
  std::string prefix = {};  // of the names of its nodes and tensors
  int64_t opset = 0;
  // In a function: the call and the definition, whose attributes those of its nodes may stand for.
  const onnx::NodeProto* call = nullptr;
  const onnx::FunctionProto* function = nullptr;
  std::unordered_set<std::string> outputs = {};  // of the model
  std::unordered_map<std::string, TensorId> values = {};
  std::unordered_map<std::string, std::string> left_out = {};  // outputs that no op gives, and the node that has them

  // The value of that name here or further out; nothing where there is none.
  const TensorId* find(const std::string& name) const;
  const std::string* find_left_out(const std::string& name) const;
};

// Errors name the node and lack the file.
class OnnxNodes {
 public:
  OnnxNodes(Graph& graph, SourceFiles& files, const onnx::ModelProto& model, size_t max_nodes);

  OnnxContext context;

  // Nodes that `wanted` does not need are left out: what stands behind a cut may hold ops that nobody supports. Of the outermost
  // nodes, what is there before keeps its names.
  Result<void> import(const google::protobuf::RepeatedPtrField<onnx::NodeProto>& nodes, OnnxScope& scope,
                      const std::unordered_set<std::string>& wanted);
  Result<void> add_constants(const onnx::GraphProto& graph, OnnxScope& scope);

 private:
  Result<void> count(size_t nodes);
  Result<void> add_node(const onnx::NodeProto& proto, OnnxScope& scope);
  Result<void> add_operands(OnnxNode& n, const OnnxScope& scope, const std::string& where) const;
  Result<void> add_call(const onnx::NodeProto& proto, const onnx::FunctionProto& function, OnnxScope& scope);
  Result<void> add_op(const onnx::NodeProto& proto, OnnxScope& scope);
  Result<void> fold(OnnxNode& n, const OnnxScope& scope);
  Result<void> add_results(const onnx::NodeProto& proto, const std::vector<TensorId>& results, OnnxScope& scope);
  Result<std::vector<TensorId>> block(const onnx::GraphProto& graph, OnnxScope scope,
                                      const std::vector<TensorId>& inputs);

  const size_t max_nodes_;
  size_t copied_bytes_ = 0;
  TensorId first_made_ = 0;  // what stands before it is an input or a constant
  std::deque<onnx::NodeProto>
      copies_;  // with the attributes of a call; they stay, since what is kept below goes by addresses
  EarlyConstants constants_;
  std::unordered_map<std::string, const onnx::FunctionProto*> functions_;
  std::unordered_map<const void*, std::vector<bool>> needed_;
  std::unordered_map<const void*, TensorId> read_once_;  // constants of blocks, which may run often
};

}  // namespace octet::convert
