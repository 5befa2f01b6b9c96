// The quantiser's steps one at a time: what they need, what was observed, what stays float for want of it, how often a graph is
// written.
#include <gtest/gtest.h>

#include "converter/graph/emit.h"
#include "converter/quant/stages.h"
#include "quant_rig.h"
#include "runtime/core/model.h"

namespace octet::convert {

// The linker gives calls of emit() to the second of these (tests/converter/CMakeLists.txt).
Result<std::vector<std::byte>> real_emit(const Graph& g) asm("__real__ZN5octet7convert4emitERKNS0_5GraphE");
Result<std::vector<std::byte>> counted_emit(const Graph& g) asm("__wrap__ZN5octet7convert4emitERKNS0_5GraphE");

static int emissions = 0;

Result<std::vector<std::byte>> counted_emit(const Graph& g) {
  ++emissions;
  return real_emit(g);
}

namespace {

Graph two_layers() {
  GraphBuilder b;
  return b.finish(b.conv("b", b.conv("a", b.input({1, 4, 4, 8}), 8), 4, schema::ActKind::none));
}

QuantizeState state_of(const SourceModel& source, const Samples& samples) {
  return {.source = &source, .samples = &samples, .options = {}, .graph = *source.graph};
}

TEST(QuantStages, EachNeedsTheOneBefore) {
  const SourceModel source = source_from(two_layers());
  const Samples samples = random_samples(2);
  for (const Stage& stage : stages()) {
    if (stage.needs.empty()) continue;
    QuantizeState state = state_of(source, samples);
    const auto early = apply(state, stage.name);
    ASSERT_FALSE(early) << stage.name;
    EXPECT_NE(early.error().text.find(stage.needs), std::string::npos) << early.error().text;
  }
  QuantizeState state = state_of(source, samples);
  EXPECT_FALSE(apply(state, "nothing of the kind"));
}

TEST(QuantStages, OneAfterTheOtherTheyMakeTheFile) {
  const SourceModel source = source_from(two_layers());
  const Samples samples = random_samples(2);
  QuantizeState state = state_of(source, samples);
  for (const Stage& stage : stages()) ASSERT_TRUE(apply(state, stage.name)) << stage.name;
  const auto made = quantize(source, samples, {});
  ASSERT_TRUE(made) << made.error().text;
  EXPECT_EQ(state.bytes, made->bytes);
}

// What an analysis will do: look at the scales and change them before weights are rounded.
TEST(QuantStages, WhatStandsBetweenTwoStagesChangesTheResult) {
  const SourceModel source = source_from(two_layers());
  const Samples samples = random_samples(2);
  QuantizeState state = state_of(source, samples);
  for (const char* stage : {"plan", "observe", "ranges"}) ASSERT_TRUE(apply(state, stage)) << stage;
  ASSERT_FALSE(state.ranges.empty());
  for (Range& r : state.ranges) r = {-4, 4};
  for (const char* stage : {"scales", "weights", "emit"}) ASSERT_TRUE(apply(state, stage)) << stage;
  auto model = Model::from_bytes(state.bytes, "wide");
  ASSERT_TRUE(model) << model.error().text;
  const ModelData& data = model->data();
  EXPECT_FLOAT_EQ(data.tensors[static_cast<size_t>(data.inputs[0])].quant.scale_at(0), 8.0f / 255);
}

TEST(QuantStages, AGraphIsWrittenOnce) {
  emissions = 0;
  const SourceModel source = source_from(two_layers());
  const auto made = quantize(source, random_samples(2), {});
  ASSERT_TRUE(made) << made.error().text;
  EXPECT_EQ(emissions, 1);
}

// x (8 columns, or any number of them) -> conv -> + column number -> conv.
Graph with_columns(int64_t columns, bool constant) {
  GraphBuilder b;
  const TensorId x = b.input({1, 8, columns, 4}), a = b.conv("a", x, 6);
  const std::vector<float> numbers = {0, 1, 2, 3, 4, 5, 6, 7};
  const TensorId grid = constant ? b.g.add(make_constant<float>("grid", {1, 1, 8, 1}, numbers)) : b.grid(x);
  const TensorId sum = b.node("sum", schema::BinaryT{.kind = schema::BinaryKind::add}, {a, grid}, b.shape(a));
  const TensorId last = b.conv("last", sum, 3, schema::ActKind::none);
  b.g.tensors[static_cast<size_t>(last)].shape = {1, 8, columns, 3};
  return b.finish(last);
}

double worst_noise(const SourceModel& source, const std::vector<std::byte>& bytes, const Shape& shape) {
  auto int8 = Model::from_bytes(bytes, "int8");
  EXPECT_TRUE(int8) << int8.error().text;
  auto noise = output_noise(source.model, *int8, random_samples(4, shape), 4, 1);
  EXPECT_TRUE(noise) << noise.error().text;
  double worst = 1000;
  for (const Noise& n : *noise) worst = std::min(worst, n.db);
  return worst;
}

// Values that follow from shapes are known when a run is planned: no step makes them, and they have ranges all the same.
TEST(QuantStages, AFloatOperandThatFollowsFromShapesIsAsGoodAsAConstant) {
  const Shape shape{1, 8, 8, 4};
  double db[3];
  const auto graphs = {with_columns(8, true), with_columns(8, false), with_columns(-1, false)};
  size_t i = 0;
  for (const Graph& g : graphs) {
    const SourceModel source = source_from(g);
    const auto made = quantize(source, random_samples(8, shape), {});
    ASSERT_TRUE(made) << made.error().text;
    EXPECT_EQ(made->int8_layers.size(), 2u);
    EXPECT_TRUE(made->warnings.empty());
    auto model = Model::from_bytes(made->bytes, "int8");
    ASSERT_TRUE(model) << model.error().text;
    for (const TensorDef& t : model->data().tensors)
      if (t.name == "grid") {
        ASSERT_FALSE(t.quant.empty()) << i;
        EXPECT_FLOAT_EQ(t.quant.scale_at(0), 7.0f / 255) << i;
      }
    db[i++] = worst_noise(source, made->bytes, shape);
  }
  EXPECT_GT(db[0], 35);
  EXPECT_NEAR(db[1], db[0], 0.1);
  EXPECT_NEAR(db[2], db[0], 0.1);
}

// Rows of `a` whose largest value is over 100: in no sample there is one.
Graph with_rare_rows() {
  GraphBuilder b;
  const auto layer = [&](const char* name, TensorId x, int64_t rows) {
    return b.node(name, schema::MatMulT{.transpose_b = true}, {x, b.constant({4, 4}, 1)}, {rows, 4});
  };
  const TensorId x = b.input({6, 4}), a = layer("a", x, 6);
  const TensorId most =
      b.node("most", schema::ReduceT{.kind = schema::ReduceKind::max, .axes = {1}, .keep_dims = false}, {a}, {6});
  const TensorId limit = b.g.add(make_constant<float>("limit", {1}, std::vector<float>{100}));
  const TensorId over = b.node("over", schema::CompareT{.kind = schema::CompareKind::greater}, {most, limit}, {6});
  b.g.tensors[static_cast<size_t>(over)].dtype = DType::kBool;
  const TensorId found = b.node("found", schema::NonZeroT{}, {over}, {1, -1});
  const TensorId places = b.node("places", schema::ReshapeT{.shape = {-1}}, {found}, {-1});
  for (TensorId t : {found, places}) b.g.tensors[static_cast<size_t>(t)].dtype = DType::kS64;
  const TensorId rows = b.node("rows", schema::GatherT{.axis = 0}, {a, places}, {-1, 4});
  b.g.outputs.push_back(layer("second", a, 6));
  return b.finish(layer("rare", rows, -1));
}

TEST(QuantStages, WhatWasNeverSeenHasNoScaleAndStaysFloat) {
  const SourceModel source = source_from(with_rare_rows());
  const auto made = quantize(source, random_samples(8), {});
  ASSERT_TRUE(made) << made.error().text;
  EXPECT_EQ(made->int8_layers, (std::vector<std::string>{"a", "second"}));
  ASSERT_EQ(made->float_layers.size(), 1u);
  EXPECT_EQ(made->float_layers[0].name, "rare");
  EXPECT_NE(made->float_layers[0].reason.find("'rows'"), std::string::npos) << made->float_layers[0].reason;
  ASSERT_EQ(made->warnings.size(), 1u);
  EXPECT_NE(made->warnings[0].find("'rows'"), std::string::npos) << made->warnings[0];
  auto model = Model::from_bytes(made->bytes, "int8");
  ASSERT_TRUE(model) << model.error().text;
  for (const TensorDef& t : model->data().tensors) {
    EXPECT_EQ(t.name == "rows" && !t.quant.empty(), false);
    for (float scale : t.quant.scale) EXPECT_GT(scale, 1e-6f) << t.name;
  }
}

// A sum of more products would not fit 32 bits; the runtime refuses it as int8.
TEST(QuantStages, LayersWithMoreProductsThanASumHoldsStayFloat) {
  for (const auto& [depth, fits] : {std::pair<int64_t, bool>{33000, true}, {33001, false}})
    for (const char* kind : {"conv", "matmul"}) {
      GraphBuilder b;
      const bool conv = std::string(kind) == "conv";
      const TensorId x = b.input(conv ? Shape{1, 1, 1, depth} : Shape{1, depth});
      const TensorId deep =
          conv ? b.conv("deep", x, 4)
               : b.node("deep", schema::MatMulT{.transpose_b = true}, {x, b.constant({4, depth}, 1)}, {1, 4});
      const TensorId last =
          conv ? b.conv("last", deep, 2)
               : b.node("last", schema::MatMulT{.transpose_b = true}, {deep, b.constant({2, 4}, 1)}, {1, 2});
      const auto made = quantize(source_from(b.finish(last)), random_samples(1), {});
      ASSERT_TRUE(made) << made.error().text;
      EXPECT_TRUE(Model::from_bytes(made->bytes, "deep")) << kind;
      EXPECT_EQ(made->int8_layers.size(), fits ? 2u : 1u) << kind;
      ASSERT_EQ(made->float_layers.size(), fits ? 0u : 1u) << kind;
      if (fits) continue;
      EXPECT_NE(made->float_layers[0].reason.find("33001"), std::string::npos) << made->float_layers[0].reason;
    }
}

}  // namespace
}  // namespace octet::convert
