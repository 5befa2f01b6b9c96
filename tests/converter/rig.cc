// Builds small ONNX models, and runs a graph in the runtime before and after the passes.
#include "tests/converter/rig.h"

#include <cmath>
#include <fstream>

#include "converter/graph/emit.h"

namespace octet::convert {

TestModel::TestModel(int64_t opset) {
  proto.set_ir_version(7);
  proto.mutable_graph()->set_name("test");
  proto.add_opset_import()->set_version(opset);
}

std::string TestModel::input(const std::string& name, const std::vector<int64_t>& dims, int element_type) {
  auto* value = proto.mutable_graph()->add_input();
  value->set_name(name);
  auto* type = value->mutable_type()->mutable_tensor_type();
  type->set_elem_type(element_type);
  for (int64_t d : dims) {
    auto* dim = type->mutable_shape()->add_dim();
    if (d < 0)
      dim->set_dim_param("N");
    else
      dim->set_dim_value(d);
  }
  return name;
}

std::string TestModel::floats(const std::vector<int64_t>& dims, const std::vector<float>& values) {
  auto* t = proto.mutable_graph()->add_initializer();
  t->set_name(fresh("c"));
  t->set_data_type(1);
  for (int64_t d : dims) t->add_dims(d);
  for (float v : values) t->add_float_data(v);
  return t->name();
}

std::string TestModel::random(const std::vector<int64_t>& dims) {
  int64_t n = 1;
  for (int64_t d : dims) n *= d;
  std::vector<float> values;
  for (int64_t i = 0; i < n; ++i) {
    seed_ = seed_ * 1664525 + 1013904223;
    values.push_back(static_cast<float>(seed_ >> 8) / (1 << 23) - 1);
  }
  return floats(dims, values);
}

std::string TestModel::ints(const std::vector<int64_t>& values) {
  auto* t = proto.mutable_graph()->add_initializer();
  t->set_name(fresh("i"));
  t->set_data_type(7);
  t->add_dims(static_cast<int64_t>(values.size()));
  t->set_raw_data(values.data(), values.size() * 8);
  return t->name();
}

std::string TestModel::integers(int type, const std::vector<int64_t>& dims, const std::vector<int>& values) {
  auto* t = proto.mutable_graph()->add_initializer();
  t->set_name(fresh("q"));
  t->set_data_type(type);
  for (int64_t d : dims) t->add_dims(d);
  for (int v : values) t->add_int32_data(v);
  return t->name();
}

std::vector<std::string> TestModel::ops(const std::string& type, const std::vector<std::string>& inputs, int outputs,
                                        const std::vector<Attr>& attrs) {
  auto* n = proto.mutable_graph()->add_node();
  const size_t dot = type.rfind('.');
  if (dot != std::string::npos) n->set_domain(type.substr(0, dot));
  n->set_op_type(type.substr(dot + 1));
  n->set_name(fresh("node_" + type));
  for (const auto& i : inputs) n->add_input(i);
  for (int i = 0; i < outputs; ++i) n->add_output(fresh(type));
  for (const Attr& a : attrs) {
    auto* p = n->add_attribute();
    p->set_name(a.name);
    if (!a.text.empty())
      p->set_s(a.text), p->set_type(3);
    else if (!a.floats.empty() && a.scalar)
      p->set_f(a.floats[0]), p->set_type(1);
    else if (!a.floats.empty())
      p->mutable_floats()->Add(a.floats.begin(), a.floats.end()), p->set_type(6);
    else if (a.scalar)
      p->set_i(a.ints[0]), p->set_type(2);
    else
      p->mutable_ints()->Add(a.ints.begin(), a.ints.end()), p->set_type(7);
  }
  return {n->output().begin(), n->output().end()};
}

std::string TestModel::op(const std::string& type, const std::vector<std::string>& inputs,
                          const std::vector<Attr>& attrs) {
  return ops(type, inputs, 1, attrs)[0];
}

std::string TestModel::conv(const std::string& x, int in, int out, int kernel, int pad, int stride, int groups) {
  const std::string w = random({out, in / groups, kernel, kernel}), b = random({out});
  return op("Conv", {x, w, b},
            {attr("pads", {pad, pad, pad, pad}), attr("strides", {stride, stride}), attr("group", groups)});
}

void TestModel::output(const std::string& name) { proto.mutable_graph()->add_output()->set_name(name); }

TempFile::TempFile(const std::string& bytes, const std::string& name) : name_(name) {
  std::string pattern = (std::filesystem::temp_directory_path() / "octet_test_XXXXXX").string();
  folder = mkdtemp(pattern.data());
  std::ofstream(path(), std::ios::binary) << bytes;
}

TempFile::~TempFile() { std::filesystem::remove_all(folder); }

Result<Graph> import(const TestModel& model, const ConvertOptions& options) {
  const TempFile file(model.proto.SerializeAsString());
  return import_onnx(file.path(), options);
}

std::vector<float> run(const Graph& g, const std::vector<Shape>& sizes) {
  auto bytes = emit(g);
  if (!bytes) return ADD_FAILURE() << bytes.error().text, std::vector<float>{};
  auto model = Model::from_bytes(*bytes, "test");
  if (!model) return ADD_FAILURE() << model.error().text << "\n" << dump(g), std::vector<float>{};
  auto session = Session::create(*model, {.precision = Precision::kF32});
  if (!session) return ADD_FAILURE() << session.error().text << "\n" << dump(g), std::vector<float>{};
  for (size_t i = 0; i < sizes.size(); ++i) EXPECT_TRUE(session->resize_input(static_cast<int>(i), sizes[i]));
  if (auto done = session->prepare(); !done)
    return ADD_FAILURE() << done.error().text << "\n" << dump(g), std::vector<float>{};
  uint32_t seed = 7;
  for (size_t i = 0; i < g.inputs.size(); ++i)
    for (float& v : session->input(static_cast<int>(i)).f32()) {
      seed = seed * 1664525 + 1013904223;
      v = static_cast<float>(seed >> 8) / (1 << 22) - 2;
    }
  if (auto done = session->run(); !done) return ADD_FAILURE() << done.error().text, std::vector<float>{};
  std::vector<float> all;
  for (size_t i = 0; i < g.outputs.size(); ++i) {
    const octet::Tensor t = session->output(static_cast<int>(i));
    const auto* octets = static_cast<const uint8_t*>(t.data);
    if (t.dtype == DType::kS64)
      for (int64_t v : t.s64()) all.push_back(static_cast<float>(v));
    else if (size_of(t.dtype) == 1)
      for (int64_t k = 0; k < t.shape.elements(); ++k)
        all.push_back(t.dtype == DType::kS8 ? static_cast<float>(static_cast<int8_t>(octets[k])) : octets[k]);
    else
      all.insert(all.end(), t.f32().begin(), t.f32().end());
  }
  return all;
}

Graph converted(const TestModel& model, const std::vector<Shape>& sizes, const ConvertOptions& options) {
  auto graph = import(model, options);
  if (!graph) return ADD_FAILURE() << graph.error().text, Graph{};
  const std::vector<float> before = run(*graph, sizes);
  auto done = run_passes(*graph);
  if (!done) return ADD_FAILURE() << done.error().text, Graph{};
  const std::vector<float> after = run(*graph, sizes);
  EXPECT_EQ(before.size(), after.size());
  float worst = 0, largest = 1;
  for (size_t i = 0; i < std::min(before.size(), after.size()); ++i) {
    worst = std::max(worst, std::isfinite(after[i]) ? std::fabs(before[i] - after[i]) : INFINITY);
    largest = std::max(largest, std::fabs(before[i]));
  }
  EXPECT_LE(worst, 1e-5f * largest) << dump(*graph);
  return std::move(*graph);
}

int count(const Graph& g, schema::Op op) {
  return static_cast<int>(
      std::count_if(g.nodes.begin(), g.nodes.end(), [&](const Node& n) { return n.op.type == op; }));
}

std::string error_of(const TestModel& model, const ConvertOptions& options) {
  auto graph = import(model, options);
  return graph ? "" : graph.error().text;
}

}  // namespace octet::convert
