// Typed access to an ONNX node's attributes and operands.
#include "converter/import/onnx/node.h"

namespace octet::convert {
namespace {

enum : int32_t { kAttrFloat = 1, kAttrInt = 2, kAttrString = 3, kAttrGraph = 5, kAttrFloats = 6, kAttrInts = 7 };

}  // namespace

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

std::string OnnxNode::s(std::string_view name, const std::string& otherwise) {
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

std::vector<float> OnnxNode::float_list(std::string_view name, std::vector<float> otherwise) {
  auto* a = find(name, kAttrFloats);
  if (a) return {a->floats().begin(), a->floats().end()};
  return otherwise;
}

std::vector<int64_t> OnnxNode::const_ints(size_t input, const char* what) {
  if (auto v = constant_ints(g, in(input))) return *v;
  fail(std::string(what) + " must be constant", Code::kUnsupported);
  return {};
}

std::vector<TensorId> OnnxNode::block(std::string_view attribute, const std::string& part,
                                      const std::vector<TensorId>& operands) {
  const auto* a = find(attribute, kAttrGraph);
  if (!a) fail("has no " + std::string(attribute));
  if (!a || failed()) return {};
  auto made = import_block(a->g(), part, operands);
  start_parts();
  if (made) return *made;
  inside = made.error();
  fail(made.error().text, made.error().code);
  return {};
}

}  // namespace octet::convert
