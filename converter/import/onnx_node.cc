// One ONNX node being imported: typed access to its attributes and operands, and short ways to write graph nodes.
#include "converter/import/onnx_node.h"

#include <limits>

#include "converter/shapes.h"

namespace octet::convert {
namespace {

enum : int32_t { kAttrFloat = 1, kAttrInt = 2, kAttrString = 3, kAttrInts = 7 };

}  // namespace

void OnnxNode::fail(std::string text, Code code) {
  if (failed()) return;
  failure_ = std::move(text);
  code_ = code;
}

bool OnnxNode::has(std::string_view name) const {
  for (const auto& a : proto.attribute())
    if (a.name() == name) return true;
  return false;
}

const onnx::AttributeProto* OnnxNode::find(std::string_view name, int32_t type) {
  for (const auto& a : proto.attribute()) {
    if (a.name() != name) continue;
    if (a.type() == type || a.type() == 0) return &a;  // files older than IR 2 carry no type
    fail("attribute '" + std::string(name) + "' has the wrong type");
  }
  return nullptr;
}

int64_t OnnxNode::i(std::string_view name, int64_t otherwise) {
  auto* a = find(name, kAttrInt);
  return a ? a->i() : otherwise;
}

float OnnxNode::f(std::string_view name, float otherwise) {
  auto* a = find(name, kAttrFloat);
  return a ? a->f() : otherwise;
}

std::string OnnxNode::s(std::string_view name, std::string otherwise) {
  auto* a = find(name, kAttrString);
  return a ? a->s() : otherwise;
}

std::vector<int64_t> OnnxNode::ints(std::string_view name, std::vector<int64_t> otherwise, int count) {
  auto* a = find(name, kAttrInts);
  if (!a) return otherwise;
  std::vector<int64_t> v(a->ints().begin(), a->ints().end());
  if (count < 0 || v.size() == static_cast<size_t>(count)) return v;
  fail("attribute '" + std::string(name) + "' needs " + std::to_string(count) + " elements, has " +
       std::to_string(v.size()));
  return otherwise;
}

int OnnxNode::bounded(std::string_view name, int64_t value, int64_t low, int64_t high) {
  if (value >= low && value <= high) return static_cast<int>(value);
  fail(std::string(name) + " is " + std::to_string(value) + ", outside [" + std::to_string(low) + ", " +
       std::to_string(high) + "]");
  return static_cast<int>(low);
}

const Tensor& OnnxNode::at(TensorId id) const {
  static const Tensor none;
  return id < 0 ? none : tensor(g, id);
}

bool OnnxNode::need_rank(TensorId id, int wanted) {
  if (id >= 0 && rank(id) == wanted) return true;
  fail("needs an operand of rank " + std::to_string(wanted) + ", got " + shape(id).text(), Code::kUnsupported);
  return false;
}

int OnnxNode::axis(int64_t value, int of_rank) {
  if (value < -of_rank || value >= of_rank) {
    fail("axis " + std::to_string(value) + " is out of range for rank " + std::to_string(of_rank));
    return 0;
  }
  return static_cast<int>(value < 0 ? value + of_rank : value);
}

std::vector<int> OnnxNode::axes(const std::vector<int64_t>& values, int of_rank) {
  std::vector<int> out;
  for (int64_t v : values) out.push_back(axis(v, of_rank));
  return out;
}

std::vector<int64_t> OnnxNode::const_ints(size_t input, const char* what) {
  if (auto v = constant_ints(g, in(input))) return *v;
  fail(std::string(what) + " must be constant", Code::kUnsupported);
  return {};
}

TensorId OnnxNode::emit_node(schema::OpUnion op, std::vector<TensorId> operands) {
  if (failed()) return -1;
  Node node{.name = proto.name(), .op = std::move(op), .inputs = std::move(operands), .outputs = {}};
  auto type = infer(g, node);
  if (!type) {
    fail(type.error().text, type.error().code);
    return -1;
  }
  const TensorId out =
      g.add({.name = proto.output_size() ? proto.output(0) : "", .dtype = type->dtype, .shape = type->shape});
  node.outputs = {out};
  g.nodes.push_back(std::move(node));
  return out;
}

TensorId OnnxNode::reshape(TensorId x, std::vector<int64_t> spec) {
  // A scalar's shape is empty, which in the file would mean that the shape is an operand: so it is one.
  if (spec.empty()) return emit(schema::ReshapeT{}, {x, integers({})});
  return emit(schema::ReshapeT{.shape = std::move(spec)}, {x});
}

TensorId OnnxNode::cast(TensorId x, DType to) {
  return at(x).dtype == to ? x : emit(schema::CastT{.to = static_cast<schema::DType>(to)}, {x});
}

TensorId OnnxNode::slice(TensorId x, int on_axis, int64_t start, int64_t end) {
  return emit(schema::SliceT{.starts = {start}, .ends = {end}, .axes = {on_axis}, .steps = {1}}, {x});
}

TensorId OnnxNode::floats(const Shape& of_shape, std::span<const float> values) {
  return constant(make_constant(proto.name() + ":constant", of_shape, values));
}

TensorId OnnxNode::integers(std::span<const int64_t> values) {
  return constant(make_constant(proto.name() + ":constant", {static_cast<int64_t>(values.size())}, values));
}

TensorId OnnxNode::scalar_like(TensorId x, double value) {
  const std::string name = proto.name() + ":constant";
  if (at(x).dtype == DType::kS64)
    return constant(make_constant<int64_t>(name, {}, std::array{static_cast<int64_t>(value)}));
  if (at(x).dtype == DType::kS32)
    return constant(make_constant<int32_t>(name, {}, std::array{static_cast<int32_t>(value)}));
  return constant(make_constant<float>(name, {}, std::array{static_cast<float>(value)}));
}

}  // namespace octet::convert
