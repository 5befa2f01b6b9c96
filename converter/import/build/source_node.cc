// Checks, and graph nodes written with their shapes inferred.
#include "converter/import/build/source_node.h"

#include "converter/graph/shapes.h"
#include "runtime/core/op.h"

namespace octet::convert {

void SourceNode::fail(std::string text, Code code) {
  if (failed()) return;
  failure_ = std::move(text);
  code_ = code;
}

int SourceNode::bounded(std::string_view name, int64_t value, int64_t low, int64_t high) {
  if (value >= low && value <= high) return static_cast<int>(value);
  fail(std::string(name) + " is " + std::to_string(value) + ", outside [" + std::to_string(low) + ", " +
       std::to_string(high) + "]");
  return static_cast<int>(low);
}

const Tensor& SourceNode::at(TensorId id) const {
  static const Tensor none;
  return id < 0 ? none : tensor(g, id);
}

bool SourceNode::need_rank(TensorId id, int wanted) {
  if (id >= 0 && rank(id) == wanted) return true;
  fail("needs an operand of rank " + std::to_string(wanted) + ", got " + shape(id).text(), Code::kUnsupported);
  return false;
}

int SourceNode::axis(int64_t value, int of_rank) {
  if (value < -of_rank || value >= of_rank) {
    fail("axis " + std::to_string(value) + " is out of range for rank " + std::to_string(of_rank));
    return 0;
  }
  return static_cast<int>(value < 0 ? value + of_rank : value);
}

std::vector<int> SourceNode::axes(const std::vector<int64_t>& values, int of_rank) {
  std::vector<int> out;
  for (int64_t v : values) out.push_back(axis(v, of_rank));
  return out;
}

std::vector<TensorId> SourceNode::emit_node(schema::OpUnion op, std::vector<TensorId> operands) {
  const OpKind* kind = find_op(op.type);
  std::vector<TensorId> outputs(static_cast<size_t>(kind ? kind->outputs : 1), -1);
  if (failed()) return outputs;
  for (TensorId& t : outputs) t = g.add({.name = result_name_});
  Node node{.name = name_, .op = std::move(op), .inputs = std::move(operands), .outputs = outputs};
  if (auto done = infer(g, node); !done) {
    fail(done.error().text, done.error().code);
    outputs.assign(outputs.size(), -1);
  } else {
    g.nodes.push_back(std::move(node));
  }
  return outputs;
}

void SourceNode::name_parts() {
  const auto weight = [](const Node& n) {
    if (as<schema::Conv2dT>(n) || as<schema::DeformConv2dT>(n) || as<schema::MatMulT>(n)) return 2;
    return find_op(n.op.type)->moves_only || as<schema::CastT>(n) || as<schema::FakeQuantizeT>(n) ? 0 : 1;
  };
  size_t owner = first_;
  for (size_t i = first_; i < g.nodes.size(); ++i)
    if (weight(g.nodes[i]) >= weight(g.nodes[owner])) owner = i;
  for (size_t i = first_; i < g.nodes.size(); ++i)
    if (i != owner) g.nodes[i].name = part_name(name_, g.nodes[i].op.type);
}

TensorId SourceNode::reshape(TensorId x, std::vector<int64_t> spec) {
  // A scalar's shape is empty, which in the file would mean that the shape is an operand: so it is one.
  if (spec.empty()) return emit(schema::ReshapeT{}, {x, integers({})});
  return emit(schema::ReshapeT{.shape = std::move(spec)}, {x});
}

TensorId SourceNode::cast(TensorId x, DType to) {
  return at(x).dtype == to ? x : emit(schema::CastT{.to = static_cast<schema::DType>(to)}, {x});
}

TensorId SourceNode::slice(TensorId x, int on_axis, int64_t start, int64_t end) {
  return emit(schema::SliceT{.starts = {start}, .ends = {end}, .axes = {on_axis}, .steps = {1}}, {x});
}

TensorId SourceNode::floats(const Shape& of_shape, std::span<const float> values) {
  return constant(make_constant(name_ + ":constant", of_shape, values));
}

TensorId SourceNode::integers(std::span<const int64_t> values) {
  return constant(make_constant(name_ + ":constant", {static_cast<int64_t>(values.size())}, values));
}

TensorId SourceNode::scalar_like(TensorId x, double value) {
  const std::string name = name_ + ":constant";
  if (at(x).dtype == DType::kS64)
    return constant(make_constant<int64_t>(name, {}, std::array{static_cast<int64_t>(value)}));
  if (at(x).dtype == DType::kS32)
    return constant(make_constant<int32_t>(name, {}, std::array{static_cast<int32_t>(value)}));
  return constant(make_constant<float>(name, {}, std::array{static_cast<float>(value)}));
}

}  // namespace octet::convert
