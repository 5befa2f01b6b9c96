// A graph as a model without a file: the same, tensor for tensor and byte for byte, as what is read from the file it is written to.
#include <cstring>

#include "converter/graph/as_model.h"
#include "converter/graph/emit.h"
#include "converter/quant/int8_ops.h"
#include "converter/quant/stages.h"
#include "quant_rig.h"
#include "runtime/core/model.h"

namespace octet::convert {
namespace {

Graph network() {
  GraphBuilder b;
  const TensorId x = b.input({1, 8, -1, 8}), a = b.conv("a", x, 16, schema::ActKind::silu);
  Graph g = b.finish(b.conv("last", b.concat("cat", b.depthwise("dw", a), b.conv("c", x, 8)), 6));
  for (Tensor& t : g.tensors)
    if (!t.constant) t.shape[2] = -1;
  g.nodes[0].fused = {"batch norm", "silu"};
  return g;
}

void expect_equal(const octet::Quant& a, const octet::Quant& b, std::string_view name) {
  EXPECT_TRUE(std::ranges::equal(a.scale, b.scale)) << name;
  EXPECT_TRUE(std::ranges::equal(a.zero_point, b.zero_point)) << name;
}

void expect_equal(const ModelData& a, const ModelData& b) {
  ASSERT_EQ(a.tensors.size(), b.tensors.size());
  for (size_t t = 0; t < a.tensors.size(); ++t) {
    const TensorDef &x = a.tensors[t], &y = b.tensors[t];
    EXPECT_EQ(x.name, y.name);
    EXPECT_EQ(x.dtype, y.dtype) << x.name;
    EXPECT_EQ(x.shape, y.shape) << x.name;
    EXPECT_EQ(x.constant, y.constant) << x.name;
    EXPECT_EQ(x.packing, y.packing) << x.name;
    ASSERT_EQ(x.bytes, y.bytes) << x.name;
    EXPECT_TRUE(x.bytes == 0 || std::memcmp(x.data, y.data, x.bytes) == 0) << x.name;
    EXPECT_TRUE(std::ranges::equal(x.weight_scale, y.weight_scale)) << x.name;
    expect_equal(x.quant, y.quant, x.name);
  }
  ASSERT_EQ(a.nodes.size(), b.nodes.size());
  for (size_t n = 0; n < a.nodes.size(); ++n) {
    EXPECT_EQ(a.nodes[n].name, b.nodes[n].name);
    EXPECT_EQ(a.nodes[n].fused, b.nodes[n].fused) << a.nodes[n].name;
    EXPECT_EQ(a.nodes[n].kind, b.nodes[n].kind) << a.nodes[n].name;
    EXPECT_EQ(a.nodes[n].inputs, b.nodes[n].inputs) << a.nodes[n].name;
    EXPECT_EQ(a.nodes[n].outputs, b.nodes[n].outputs) << a.nodes[n].name;
  }
  EXPECT_EQ(a.inputs, b.inputs);
  EXPECT_EQ(a.outputs, b.outputs);
  EXPECT_EQ(a.int8_ops, b.int8_ops);
}

std::vector<float> run(const Model& model) {
  auto session = Session::create(model, {.precision = model.quantized() ? Precision::kInt8 : Precision::kF32});
  if (!session) return ADD_FAILURE() << session.error().text, std::vector<float>{};
  EXPECT_TRUE(random_samples(1, {1, 8, 5, 8}).fill(*session, 0));
  EXPECT_TRUE(session->run());
  const auto y = session->output(0).f32();
  return {y.begin(), y.end()};
}

void expect_same_model(const Graph& g) {
  auto bytes = emit(g);
  ASSERT_TRUE(bytes) << bytes.error().text;
  auto written = Model::from_bytes(*bytes, g.source), direct = as_model(std::make_shared<const Graph>(g));
  ASSERT_TRUE(written) << written.error().text;
  ASSERT_TRUE(direct) << direct.error().text;
  expect_equal(direct->data(), written->data());
  EXPECT_EQ(run(*direct), run(*written));
}

TEST(QuantAsModel, FloatGraphs) { expect_same_model(network()); }

TEST(QuantAsModel, Int8Graphs) {
  const SourceModel source = source_from(network());
  const Samples samples = random_samples(2, {1, 8, 5, 8});
  QuantizeState state{.source = &source, .samples = &samples, .options = {}, .graph = *source.graph};
  for (const Stage& stage : stages())
    if (stage.name != "emit") {
      ASSERT_TRUE(apply(state, stage.name)) << stage.name;
    }
  auto names = int8_ops(state.graph);
  ASSERT_TRUE(names) << names.error().text;
  EXPECT_EQ(*names, (std::vector<std::string>{"conv2d", "depthwise_conv2d"}));
  state.graph.int8_ops = *names;
  expect_same_model(state.graph);
}

// What the loader refuses in a file is refused here as well.
TEST(QuantAsModel, RefusesWhatAFileMayNotHold) {
  Graph g = network();
  g.nodes[0].inputs[1] = g.nodes[0].inputs[2];  // biases for weights
  const auto model = as_model(std::make_shared<const Graph>(std::move(g)));
  ASSERT_FALSE(model);
  EXPECT_NE(model.error().text.find("'a'"), std::string::npos) << model.error().text;
}

}  // namespace
}  // namespace octet::convert
