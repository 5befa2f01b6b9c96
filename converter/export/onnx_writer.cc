// An ONNX graph on the way.
#include "converter/export/onnx_writer.h"

#include <algorithm>

#include "onnx.pb.h"

namespace octet::convert {
namespace {

// ONNX' number of a type.
int number_of(DType dtype) {
  switch (dtype) {
    case DType::kF32:
      return 1;
    case DType::kU8:
      return 2;
    case DType::kS8:
      return 3;
    case DType::kS32:
      return 6;
    case DType::kS64:
      return 7;
    case DType::kBool:
      return 9;
  }
  return 0;
}

// The oldest version of the file's frame that holds the opset.
int frame_of(int opset) { return opset < 15 ? 7 : opset < 19 ? 8 : opset < 21 ? 9 : 10; }

void describe(onnx::ValueInfo& value, const std::string& name, DType dtype, const Shape& shape) {
  value.set_name(name);
  auto* type = value.mutable_type()->mutable_tensor_type();
  type->set_elem_type(number_of(dtype));
  type->mutable_shape();
  for (int d = 0; d < shape.rank(); ++d) {
    auto* dim = type->mutable_shape()->add_dim();
    if (shape[d] >= 0)
      dim->set_dim_value(shape[d]);
    else
      dim->set_dim_param(name + "_" + std::to_string(d));
  }
}

struct SetValue {
  onnx::AttributeProto& to;
  void operator()(float v) const { to.set_type(1), to.set_f(v); }
  void operator()(int64_t v) const { to.set_type(2), to.set_i(v); }
  void operator()(const std::string& v) const { to.set_type(3), to.set_s(v); }
  void operator()(const std::vector<float>& v) const { to.set_type(6), to.mutable_floats()->Add(v.begin(), v.end()); }
  void operator()(const std::vector<int64_t>& v) const { to.set_type(7), to.mutable_ints()->Add(v.begin(), v.end()); }
};

}  // namespace

OnnxWriter::OnnxWriter(int version) : opset(version), model_(std::make_unique<onnx::ModelProto>()) {
  model_->set_ir_version(frame_of(version));
  model_->set_producer_name("octet " + std::string(octet::version()));
  model_->mutable_graph()->set_name("octet");
  auto* set = model_->add_opset_import();
  set->set_domain("");
  set->set_version(version);
}

OnnxWriter::~OnnxWriter() = default;

std::string OnnxWriter::fresh(const std::string& stem) {
  std::string name = stem.empty() ? "t" : stem;
  for (int i = 1; !taken_.insert(name).second; ++i) name = stem + "_" + std::to_string(i);
  return name;
}

void OnnxWriter::input(const std::string& name, DType dtype, const Shape& shape) {
  taken_.insert(name);
  describe(*model_->mutable_graph()->add_input(), name, dtype, shape);
}

void OnnxWriter::output(const std::string& name, DType dtype, const Shape& shape) {
  taken_.insert(name);
  describe(*model_->mutable_graph()->add_output(), name, dtype, shape);
}

void OnnxWriter::metadata(const std::string& key, const std::string& value) {
  auto* pair = model_->add_metadata_props();
  pair->set_key(key);
  pair->set_value(value);
}

std::string OnnxWriter::constant(const std::string& stem, DType dtype, const Shape& shape,
                                 std::span<const std::byte> values) {
  auto* t = model_->mutable_graph()->add_initializer();
  t->set_name(fresh(stem));
  t->set_data_type(number_of(dtype));
  for (int64_t d : shape) t->add_dims(d);
  t->set_raw_data(values.data(), values.size());
  return t->name();
}

std::string OnnxWriter::floats(const std::string& stem, const Shape& shape, std::span<const float> values) {
  return constant(stem, DType::kF32, shape, std::as_bytes(values));
}

std::string OnnxWriter::ints(const std::string& stem, const std::vector<int64_t>& values) {
  return constant(stem, DType::kS64, {static_cast<int64_t>(values.size())}, std::as_bytes(std::span(values)));
}

Names OnnxWriter::node(const std::string& op, Names inputs, const Attributes& attributes, const Names& stems) {
  auto* n = model_->mutable_graph()->add_node();
  n->set_op_type(op);
  while (!inputs.empty() && inputs.back().empty()) inputs.pop_back();
  for (std::string& name : inputs) n->add_input(std::move(name));
  Names made;
  for (const std::string& stem : stems) made.push_back(fresh(stem)), n->add_output(made.back());
  n->set_name(made[0] + "/" + op);  // as unique as the tensor
  for (const Attribute& a : attributes) {
    auto* to = n->add_attribute();
    to->set_name(a.name);
    std::visit(SetValue{*to}, a.value);
  }
  return made;
}

std::string OnnxWriter::node(const std::string& op, Names inputs, const Attributes& attributes,
                             const std::string& stem) {
  return node(op, std::move(inputs), attributes, Names{stem})[0];
}

void OnnxWriter::give(const std::string& made, const std::string& output) {
  auto& graph = *model_->mutable_graph();
  const auto is = [&](const auto& value) { return value.name() == made; };
  const auto [given, first] = given_.try_emplace(made, output);
  const bool named = !first || std::any_of(graph.input().begin(), graph.input().end(), is) ||
                     std::any_of(graph.initializer().begin(), graph.initializer().end(), is);
  if (named) {  // its name has to stay
    auto* n = graph.add_node();
    n->set_op_type("Identity");
    n->set_name(output + "/Identity");
    n->add_input(first ? made : given->second);
    n->add_output(output);
    return;
  }
  for (auto& n : *graph.mutable_node()) {
    for (auto& name : *n.mutable_input())
      if (name == made) name = output;
    for (auto& name : *n.mutable_output())
      if (name == made) name = output;
  }
}

std::vector<std::byte> OnnxWriter::bytes() const {
  std::vector<std::byte> all(model_->ByteSizeLong());
  model_->SerializeToArray(all.data(), static_cast<int>(all.size()));
  return all;
}

}  // namespace octet::convert
