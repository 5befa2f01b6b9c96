// A small random network through the whole quantiser: int8 sessions must be close to float ones, layer by layer as planned.
#include <gtest/gtest.h>

#include <cmath>

#include "converter/graph/emit.h"
#include "converter/quant/quantize.h"
#include "converter/quant/report.h"
#include "quant_graph.h"
#include "runtime/core/model.h"

namespace octet::convert {
namespace {

Graph network() {
  GraphBuilder b;
  const TensorId x = b.input({1, 16, 16, 8});
  const TensorId a = b.conv("a", x, 16, schema::ActKind::silu);
  const TensorId dw = b.depthwise("dw", a);
  const TensorId c = b.conv("c", dw, 16);
  const TensorId sum = b.node("sum", schema::BinaryT{.kind = schema::BinaryKind::add}, {a, c}, b.shape(a));
  const TensorId cat = b.concat("cat", sum, b.conv("d", x, 8));
  return b.finish(b.unary("tail", b.conv("last", cat, 6, schema::ActKind::none), schema::UnaryKind::neg));
}

Samples random_samples(size_t count) {
  return {count, [](Session& session, size_t i) -> Result<void> {
            if (auto ready = session.prepare(); !ready) return ready;
            std::mt19937 random(static_cast<uint32_t>(i));
            std::uniform_real_distribution<float> values(-1, 2);
            for (float& v : session.input(0).f32()) v = values(random);
            return {};
          }};
}

TEST(Quantize, Int8OutputsAreCloseToFloatForEveryMethodAndGranularity) {
  for (const RangeMethod& method : range_methods())
    for (Granularity granularity :
         {Granularity::kTensor, Granularity::kDepthwise, Granularity::kFree, Granularity::kAll}) {
      QuantizeOptions options;
      options.algo = method.name;
      options.plan.granularity = granularity;
      options.correct_bias = granularity == Granularity::kAll;
      auto made = quantize(network(), random_samples(4), options);
      ASSERT_TRUE(made) << made.error().text;
      auto f32 = Model::from_bytes(made->float_bytes, "float"), int8 = Model::from_bytes(made->bytes, "int8");
      ASSERT_TRUE(f32 && int8);
      EXPECT_TRUE(int8->quantized());
      auto noise = output_noise(*f32, *int8, random_samples(6), 6, 1);
      ASSERT_TRUE(noise) << noise.error().text;
      EXPECT_GT((*noise)[0].db, 25) << method.name << " " << static_cast<int>(granularity);
    }
}

TEST(Quantize, TheSessionRunsInInt8WhatThePlanSays) {
  auto made = quantize(network(), random_samples(2), {});
  ASSERT_TRUE(made) << made.error().text;
  auto model = Model::from_bytes(made->bytes, "int8");
  ASSERT_TRUE(model) << model.error().text;
  auto session = Session::create(*model, {});
  ASSERT_TRUE(session) << session.error().text;
  std::vector<std::string> int8, f32;
  for (const StepProfile& s : session->profile()) (s.precision == Precision::kInt8 ? int8 : f32).emplace_back(s.op);
  EXPECT_EQ(int8,
            (std::vector<std::string>{"quantize", "conv2d", "depthwise_conv2d", "conv2d", "add", "conv2d", "conv2d"}));
  EXPECT_EQ(f32.size(), 1u);  // the tail; the concatenation is views
}

TEST(Quantize, FindsTheLayerThatHurts) {
  auto made = quantize(network(), random_samples(2), {});
  ASSERT_TRUE(made);
  auto model = Model::from_bytes(made->bytes, "int8");
  ASSERT_TRUE(model);
  auto worst = layer_noise(*model, made->int8_layers, random_samples(1), 3, 1);
  ASSERT_TRUE(worst) << worst.error().text;
  ASSERT_EQ(worst->size(), 3u);
  EXPECT_LE((*worst)[0].db, (*worst)[1].db);
}

TEST(Quantize, SameInputGivesTheSameBytes) {
  auto once = quantize(network(), random_samples(2), {}), again = quantize(network(), random_samples(2), {});
  ASSERT_TRUE(once && again);
  EXPECT_EQ(once->bytes, again->bytes);
}

TEST(Quantize, APictureHasTheStepsThatItsPixelsCanTake) {
  Samples samples = random_samples(2);
  samples.pixels = Range{0, 2};
  auto made = quantize(network(), samples, {});
  ASSERT_TRUE(made) << made.error().text;
  auto model = Model::from_bytes(made->bytes, "int8");
  ASSERT_TRUE(model);
  const ModelData& data = model->data();
  EXPECT_EQ(data.tensors[static_cast<size_t>(data.inputs[0])].quant.scale_at(0), 2.0f / 255);
}

TEST(Quantize, RefusesWhatCannotBe) {
  EXPECT_FALSE(quantize(network(), {}, {}));
  EXPECT_FALSE(quantize(network(), random_samples(1), {.algo = "magic"}));
  GraphBuilder b;
  const TensorId x = b.input({1, 2, 2, 3});
  const auto nothing = quantize(b.finish(b.unary("neg", x, schema::UnaryKind::neg)), random_samples(1), {});
  ASSERT_FALSE(nothing);
  EXPECT_NE(nothing.error().text.find("no convolution"), std::string::npos);
  Graph broken = network();
  broken.tensors[static_cast<size_t>(broken.nodes[0].inputs[1])].values<float>()[0] = NAN;
  EXPECT_FALSE(quantize(std::move(broken), random_samples(1), {}));
}

}  // namespace
}  // namespace octet::convert
