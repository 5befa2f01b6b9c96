// One ONNX node being imported: typed access to its attributes and operands, and short ways to write graph nodes.
// The first failure is remembered; after it all accessors return harmless defaults and nothing more is written, so that an
// op's importer need not check each step. It must still check ranks before it indexes shapes.
#pragma once
#include <filesystem>

#include "converter/graph_tools.h"
#include "onnx.pb.h"

namespace octet::convert {

class OnnxNode {
 public:
  OnnxNode(Graph& graph, const onnx::NodeProto& node, int64_t version, std::filesystem::path model_folder)
      : g(graph), proto(node), opset(version), folder(std::move(model_folder)) {}

  Graph& g;
  const onnx::NodeProto& proto;
  const int64_t opset;
  const std::filesystem::path folder;
  std::vector<TensorId> inputs;   // -1: absent
  std::vector<TensorId> results;  // what the importer made of each output; missing ones may not be used

  // Attributes. A wrong type is a failure; `count` is the number of elements that ints() must have if it is there.
  bool has(std::string_view name) const;
  int64_t i(std::string_view name, int64_t otherwise);
  float f(std::string_view name, float otherwise);
  std::string s(std::string_view name, std::string otherwise);
  std::vector<int64_t> ints(std::string_view name, std::vector<int64_t> otherwise, int count = -1);
  // An int that must be in [low, high].
  int bounded(std::string_view name, int64_t value, int64_t low, int64_t high);

  // Operands.
  TensorId in(size_t index) const { return index < inputs.size() ? inputs[index] : -1; }
  const Tensor& at(TensorId id) const;
  const Shape& shape(TensorId id) const { return at(id).shape; }
  int rank(TensorId id) const { return at(id).shape.rank(); }
  bool need_rank(TensorId id, int rank);  // fails with a message otherwise
  bool is_constant(TensorId id) const { return id >= 0 && at(id).constant; }
  // An axis attribute counted from the front.
  int axis(int64_t value, int rank);
  std::vector<int> axes(const std::vector<int64_t>& values, int rank);
  // The operand's elements, which must be constant integers.
  std::vector<int64_t> const_ints(size_t input, const char* what);

  // Writing: each returns the new node's output.
  template <class Op>
  TensorId emit(Op op, std::vector<TensorId> operands) {
    return emit_node(make_op(std::move(op)), std::move(operands));
  }
  TensorId transpose(TensorId x, const Perm& perm) { return emit(schema::TransposeT{.perm = perm}, {x}); }
  TensorId nhwc(TensorId x) { return transpose(x, kToNhwc); }
  TensorId nchw(TensorId x) { return transpose(x, kToNchw); }
  TensorId reshape(TensorId x, std::vector<int64_t> spec);  // schema's spelling
  TensorId unary(schema::UnaryKind kind, TensorId x) { return emit(schema::UnaryT{.kind = kind}, {x}); }
  TensorId act(schema::Activation act, TensorId x) { return emit(schema::UnaryT{.act = act}, {x}); }
  TensorId binary(schema::BinaryKind kind, TensorId a, TensorId b) {
    return emit(schema::BinaryT{.kind = kind}, {a, b});
  }
  TensorId cast(TensorId x, DType to);
  TensorId slice(TensorId x, int axis, int64_t start, int64_t end);
  TensorId constant(Tensor t) { return g.add(std::move(t)); }
  TensorId floats(const Shape& shape, std::span<const float> values);
  TensorId integers(std::span<const int64_t> values);  // a vector
  TensorId scalar_like(TensorId x, double value);      // rank 0, of x's type

  void result(TensorId id) { results.push_back(id); }
  void fail(std::string text, Code code = Code::kBadModel);
  bool failed() const { return !failure_.empty(); }
  const std::string& failure() const { return failure_; }
  Code code() const { return code_; }

 private:
  const onnx::AttributeProto* find(std::string_view name, int32_t type);
  TensorId emit_node(schema::OpUnion op, std::vector<TensorId> operands);

  std::string failure_;
  Code code_ = Code::kBadModel;
};

}  // namespace octet::convert
