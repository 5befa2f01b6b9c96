// One node of a source model being imported: its place in the graph, and short ways to write graph nodes. The formats'
// own nodes (OnnxNode, PaddleNode) add access to attributes and operands.
// The first failure is remembered; after it all accessors return harmless defaults and nothing more is written, so that an
// op's importer need not check each step. It must still check ranks before it indexes shapes.
#pragma once
#include <array>

#include "converter/graph/edit.h"

namespace octet::convert {

class SourceNode {
 public:
  // `name` is that of the nodes written, `result_name` that of their outputs until the source's names are given.
  SourceNode(Graph& graph, std::string name, std::string result_name)
      : g(graph), name_(std::move(name)), result_name_(std::move(result_name)), first_(graph.nodes.size()) {}

  Graph& g;

  const Tensor& at(TensorId id) const;
  const Shape& shape(TensorId id) const { return at(id).shape; }
  int rank(TensorId id) const { return at(id).shape.rank(); }
  bool need_rank(TensorId id, int rank);  // fails with a message otherwise
  bool is_constant(TensorId id) const { return id >= 0 && at(id).constant; }
  bool is_constant_floats(TensorId id) const { return is_constant(id) && at(id).dtype == DType::kF32; }
  // An axis counted from the front.
  int axis(int64_t value, int rank);
  std::vector<int> axes(const std::vector<int64_t>& values, int rank);
  // An int that must be in [low, high]; `name` stands in the message.
  int bounded(std::string_view name, int64_t value, int64_t low, int64_t high);
  // "The size of this dim" in the schema's spelling of a shape: as a number where it is known.
  int64_t same_dim(TensorId x, int dim) const { return shape(x)[dim] < 0 ? -2 - dim : shape(x)[dim]; }

  // Writing: each returns the new node's output.
  template <class Op>
  TensorId emit(Op op, std::vector<TensorId> operands) {
    return emit_all(std::move(op), std::move(operands))[0];
  }
  // All outputs of an op that has several.
  template <class Op>
  std::vector<TensorId> emit_all(Op op, std::vector<TensorId> operands) {
    schema::OpUnion made = make_op(std::move(op));
    return emit_node(std::move(made), std::move(operands));
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
  // One dim of x as the run finds it: a vector of one.
  TensorId dim_of(TensorId x, int dim) { return emit(schema::ShapeOfT{.start = dim, .end = dim + 1}, {x}); }
  TensorId constant(Tensor t) { return g.add(std::move(t)); }
  TensorId floats(const Shape& shape, std::span<const float> values);
  TensorId number(float value) { return floats({1}, std::array{value}); }
  TensorId integers(std::span<const int64_t> values);  // a vector
  TensorId scalar_like(TensorId x, double value);      // rank 0, of x's type

  // When all is written: the node that computes keeps the name, the others are called after it.
  void name_parts();
  void start_parts() { first_ = g.nodes.size(); }  // what is written from here on is this node's own

  const std::string& name() const { return name_; }

  void fail(std::string text, Code code = Code::kBadModel);
  TensorId refuse(std::string text, Code code = Code::kBadModel) { return fail(std::move(text), code), -1; }
  bool failed() const { return !failure_.empty(); }
  const std::string& failure() const { return failure_; }
  Code code() const { return code_; }

 private:
  std::vector<TensorId> emit_node(schema::OpUnion op, std::vector<TensorId> operands);

  std::string name_, result_name_;
  size_t first_;  // place in the graph of the first node written
  std::string failure_;
  Code code_ = Code::kBadModel;
};

}  // namespace octet::convert
