// Names of the source belong to the nodes that compute: who names a layer, or what was fused into it, means that layer.
#include <cmath>

#include "converter/load.h"
#include "octet/quantize.h"
#include "runtime/core/precision.h"
#include "tests/converter/rig.h"

namespace octet::convert {
namespace {

// Adds an op whose node has that name.
std::string named(TestModel& m, const std::string& name, const std::string& type,
                  const std::vector<std::string>& inputs, const std::vector<Attr>& attrs = {}) {
  const std::string y = m.op(type, inputs, attrs);
  m.proto.mutable_graph()->mutable_node(m.proto.graph().node_size() - 1)->set_name(name);
  return y;
}

std::string batch_norm(TestModel& m, const std::string& name, const std::string& x) {
  const std::string variance = m.floats({8}, std::vector<float>(8, 2.0f));
  return named(m, name, "BatchNormalization", {x, m.random({8}), m.random({8}), m.random({8}), variance});
}

// A layer called "layer" of one kind, what is fused into it, and a layer behind it.
TestModel model_of(const std::string& kind) {
  TestModel m;
  std::string x = m.input("x", {1, 8, 8, 8});
  if (kind == "MatMul" || kind == "Gemm") {
    const std::string rows = m.op("Reshape", {x, m.ints({8, 64})});
    x = kind == "Gemm" ? named(m, "layer", "Gemm", {rows, m.random({64, 8}), m.random({8})})
                       : named(m, "layer", "MatMul", {rows, m.random({64, 8})});
    x = named(m, "relu", "Relu", {x});
    m.output(named(m, "behind", "MatMul", {x, m.random({8, 4})}));
    return m;
  }
  if (kind == "ConvTranspose")
    x = named(m, "layer", "ConvTranspose", {x, m.random({8, 8, 2, 2})}, {attr("strides", {2, 2})});
  else if (kind == "depthwise")
    x = named(m, "layer", "Conv", {x, m.random({8, 1, 3, 3})}, {attr("group", 8)});
  else
    x = named(m, "layer", "Conv", {x, m.random({8, 8, 3, 3})});
  x = kind == "ConvTranspose" ? x : batch_norm(m, "norm", x);
  x = named(m, "relu", "Relu", {x});
  m.output(named(m, "behind", "Conv", {x, m.random({4, 8, 1, 1})}));
  return m;
}

constexpr const char* kKinds[] = {"Conv", "depthwise", "ConvTranspose", "MatMul", "Gemm"};

Samples samples() {
  return {2, [](Session& session, size_t i) -> Result<void> {
            if (auto ready = session.prepare(); !ready) return ready;
            float v = static_cast<float>(i);
            for (float& x : session.input(0).f32()) x = std::sin(v += 1);
            return {};
          }};
}

Result<QuantizedModel> quantised(const Graph& g, const std::vector<std::string>& exclude = {}) {
  auto source = source_of(g);
  if (!source) return source.error();
  return quantize(*source, samples(), {.exclude = exclude});
}

bool holds(const std::vector<std::string>& list, const std::string& name) {
  return std::find(list.begin(), list.end(), name) != list.end();
}

TEST(Names, TheConverterExcludesTheLayerOfThatName) {
  for (const std::string kind : kKinds) {
    const Graph g = converted(model_of(kind));
    for (const std::string name : {"layer", "norm", "relu"}) {
      if (name == "norm" && (kind == "MatMul" || kind == "Gemm" || kind == "ConvTranspose")) continue;
      auto made = quantised(g, {name});
      ASSERT_TRUE(made) << kind << ": " << made.error().text;
      EXPECT_TRUE(std::any_of(made->float_layers.begin(), made->float_layers.end(),
                              [](const FloatLayer& l) { return l.name == "layer"; }))
          << kind << " without " << name << "\n"
          << dump(g);
      EXPECT_TRUE(holds(made->int8_layers, "behind")) << kind << " without " << name << "\n" << dump(g);
    }
  }
}

TEST(Names, TheRuntimeExcludesTheLayerOfThatName) {
  for (const std::string kind : kKinds) {
    auto made = quantised(converted(model_of(kind)));
    ASSERT_TRUE(made) << kind << ": " << made.error().text;
    auto model = Model::from_bytes(made->bytes, kind);
    ASSERT_TRUE(model) << model.error().text;
    const auto int8 = [&](const std::vector<std::string>& exclude, std::string_view node) {
      auto chosen = choose_int8(model->data(), {.precision = Precision::kInt8, .int8_exclude = exclude});
      EXPECT_TRUE(chosen) << chosen.error().text;
      for (size_t n = 0; chosen && n < model->data().nodes.size(); ++n)
        if (model->data().nodes[n].name == node) return static_cast<bool>((*chosen)[n]);
      ADD_FAILURE() << kind << ": no node " << node;
      return false;
    };
    EXPECT_TRUE(int8({}, "layer")) << kind;
    for (const std::string name : {"layer", "relu"}) {
      EXPECT_FALSE(int8({name}, "layer")) << kind << " without " << name;
      EXPECT_TRUE(int8({name}, "behind")) << kind << " without " << name;
    }
  }
}

TEST(Names, OfAllLayersExcludedLeaveNothingToQuantise) {
  const auto made = quantised(converted(model_of("Conv")), {"layer", "behind"});
  ASSERT_FALSE(made);
  EXPECT_NE(made.error().text.find("no convolution or matmul can run in int8; 'layer', the first: excluded by name"),
            std::string::npos)
      << made.error().text;
}

TEST(Names, OfNoNodeBringsTheNamesThatLookLikeIt) {
  const Graph g = converted(model_of("Conv"));
  auto made = quantised(g, {"somewhere else"});
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().text.find("similar names"), std::string::npos) << made.error().text;
  made = quantised(g, {"behin"});
  ASSERT_FALSE(made);
  EXPECT_NE(made.error().text.find("similar names: 'behind'"), std::string::npos) << made.error().text;
  made = quantised(g);
  ASSERT_TRUE(made);
  auto model = Model::from_bytes(made->bytes, "m");
  ASSERT_TRUE(model);
  auto session = Session::create(*model, {.int8_exclude = {"lay"}});
  ASSERT_FALSE(session);
  EXPECT_NE(session.error().text.find("similar names: 'layer'"), std::string::npos) << session.error().text;
}

TEST(Names, APartOfAnOpIsNamedAfterIt) {
  EXPECT_TRUE(is_of("conv1", "conv1"));
  EXPECT_TRUE(is_of("conv1:transpose", "conv1"));
  EXPECT_FALSE(is_of("conv12", "conv1"));
  EXPECT_FALSE(is_of("conv1", "conv12"));
  EXPECT_FALSE(is_of("conv1", ""));
  EXPECT_FALSE(is_of(":transpose", ""));
  const Graph g = converted(model_of("Conv"));
  for (const Node& n : g.nodes)
    EXPECT_TRUE(!as<schema::TransposeT>(n) || n.name.find(':') != std::string::npos) << n.name;
}

// Without names in the source a node is called after what it makes, not after what is made of that.
TEST(Names, AreThoseOfResultsWhereTheSourceHasNone) {
  TestModel m;
  const std::string x = m.conv(m.input("x", {1, 4, 8, 8}), 4, 8, 3);
  m.output(m.op("Relu", {x}));
  for (auto& node : *m.proto.mutable_graph()->mutable_node()) node.clear_name();
  const Graph g = converted(m);
  for (const Node& n : g.nodes) EXPECT_TRUE(!as<schema::Conv2dT>(n) || n.name == x) << n.name;
}

}  // namespace
}  // namespace octet::convert
