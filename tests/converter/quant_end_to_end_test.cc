// A small random network through the whole quantiser: int8 sessions must be close to float ones, layer by layer as planned.
#include <gtest/gtest.h>

#include <cmath>

#include "converter/quant/methods.h"
#include "quant_graph.h"
#include "quant_rig.h"
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

TEST(Quantize, Int8OutputsAreCloseToFloatForEveryMethodAndGranularity) {
  const SourceModel source = source_from(network());
  for (const Choice& method : range_choices())
    for (const Choice& where : per_channel_choices()) {
      QuantizeOptions options;
      options.algo = method.name, options.per_channel = where.name;
      options.bias = where.name == "all" ? "mean" : "none";
      auto made = quantize(source, random_samples(4), options);
      ASSERT_TRUE(made) << made.error().text;
      auto int8 = Model::from_bytes(made->bytes, "int8");
      ASSERT_TRUE(int8) << int8.error().text;
      EXPECT_TRUE(int8->quantized());
      auto noise = output_noise(source.model, *int8, random_samples(6), 6, 1);
      ASSERT_TRUE(noise) << noise.error().text;
      EXPECT_GT((*noise)[0].db, 25) << method.name << " " << where.name;
    }
}

TEST(Quantize, TheSessionRunsInInt8WhatThePlanSays) {
  auto made = quantize(source_from(network()), random_samples(2), {});
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
  auto made = quantize(source_from(network()), random_samples(2), {});
  ASSERT_TRUE(made);
  auto model = Model::from_bytes(made->bytes, "int8");
  ASSERT_TRUE(model);
  auto worst = layer_noise(*model, made->int8_layers, random_samples(1), 3, 1);
  ASSERT_TRUE(worst) << worst.error().text;
  ASSERT_EQ(worst->size(), 3u);
  EXPECT_LE((*worst)[0].db, (*worst)[1].db);
}

TEST(Quantize, SameInputGivesTheSameBytes) {
  const auto once = quantize(source_from(network()), random_samples(2), {});
  for (const int threads : {1, 3}) {
    const auto again = quantize(source_from(network()), random_samples(2), {.threads = threads});
    ASSERT_TRUE(once && again);
    EXPECT_EQ(once->bytes, again->bytes);
  }
}

TEST(Quantize, APictureHasTheStepsThatItsPixelsCanTake) {
  Samples samples = random_samples(2);
  samples.pixels = Range{0, 2};
  auto made = quantize(source_from(network()), samples, {});
  ASSERT_TRUE(made) << made.error().text;
  auto model = Model::from_bytes(made->bytes, "int8");
  ASSERT_TRUE(model);
  const ModelData& data = model->data();
  EXPECT_EQ(data.tensors[static_cast<size_t>(data.inputs[0])].quant.scale_at(0), 2.0f / 255);
}

TEST(Quantize, RefusesWhatCannotBe) {
  const SourceModel good = source_from(network());
  EXPECT_FALSE(quantize(good, {}, {}));
  GraphBuilder b;
  const TensorId x = b.input({1, 2, 2, 3});
  const auto nothing =
      quantize(source_from(b.finish(b.unary("neg", x, schema::UnaryKind::neg))), random_samples(1), {});
  ASSERT_FALSE(nothing);
  EXPECT_NE(nothing.error().text.find("no convolution"), std::string::npos);
  Graph broken = network();
  broken.tensors[static_cast<size_t>(broken.nodes[0].inputs[1])].values<float>()[0] = NAN;
  const auto source = source_of(std::move(broken));
  ASSERT_FALSE(source);
  EXPECT_NE(source.error().text.find("not finite"), std::string::npos) << source.error().text;
}

// Methods come from rows: a name that is none is answered with all that are.
TEST(Quantize, UnknownMethodsAreAnsweredWithTheKnownOnes) {
  const SourceModel source = source_from(network());
  struct Case {
    QuantizeOptions options;
    std::vector<Choice> known;
  };
  for (const auto& [options, known] : {Case{{.algo = "magic"}, range_choices()},
                                       {{.per_channel = "magic"}, per_channel_choices()},
                                       {{.weights = "magic"}, weight_choices()},
                                       {{.bias = "magic"}, bias_choices()}}) {
    const auto made = quantize(source, random_samples(1), options);
    ASSERT_FALSE(made);
    EXPECT_NE(made.error().text.find("'magic'"), std::string::npos);
    ASSERT_GE(known.size(), 2u);
    for (const Choice& c : known) {
      EXPECT_NE(made.error().text.find(c.name), std::string::npos) << made.error().text;
      EXPECT_FALSE(c.description.empty()) << c.name;
    }
  }
}

// Weights that lie half a step from the next int8 value, but for one: it pays to clip that.
Graph with_halves() {
  GraphBuilder b;
  Graph g = b.finish(b.conv("a", b.input({1, 2, 2, 2000}), 4));
  for (Tensor& t : g.tensors)
    if (t.constant && t.shape.rank() == 4) {
      const auto w = t.values<float>();
      for (size_t i = 0; i < w.size(); ++i) w[i] = i % 2000 == 0 ? 1 : 0.5f / 127;
    }
  return g;
}

// Each method must be what runs when it is named. "auto" may end with what another one gives.
TEST(Quantize, EveryChoiceMakesAFileOfItsOwn) {
  const SourceModel source = source_from(network()), halves = source_from(with_halves());
  // A powers-of-two range differs from what was seen only if one value in 250,000, or fewer, lies far from the others.
  Samples rare = random_samples(64);
  rare.fill = [fill = rare.fill](Session& session, size_t i) -> Result<void> {
    if (auto filled = fill(session, i); !filled) return filled;
    if (i == 0) session.input(0).f32()[7] = 200;
    return {};
  };
  const auto made_of = [](const SourceModel& from, const QuantizeOptions& options, const Samples& samples) {
    auto model = quantize(from, samples, options);
    EXPECT_TRUE(model) << model.error().text;
    return model ? model->bytes : std::vector<std::byte>{};
  };
  const auto made = [&](const QuantizeOptions& options) { return made_of(source, options, random_samples(3)); };
  std::vector<std::vector<std::byte>> files;
  for (const Choice& c : range_choices())
    if (c.name != "auto" && c.name != "ptf")
      files.push_back(made({.algo = std::string(c.name), .keep = 0.9, .per_channel = "depthwise"}));
  for (const Choice& c : per_channel_choices())
    if (c.name != "auto" && c.name != "depthwise")
      files.push_back(made({.algo = "mse", .keep = 0.9, .per_channel = std::string(c.name)}));
  for (const Choice& c : weight_choices())
    if (c.name != "auto") files.push_back(made_of(halves, {.weights = std::string(c.name)}, random_samples(3)));
  files.push_back(made({.algo = "mse", .keep = 0.9, .per_channel = "depthwise", .bias = "none"}));
  for (const char* algo : {"minmax", "ptf"})
    files.push_back(made_of(source, {.algo = algo, .per_channel = "depthwise"}, rare));
  for (size_t a = 0; a < files.size(); ++a)
    for (size_t b = 0; b < a; ++b) EXPECT_TRUE(files[a] != files[b]) << a << " " << b;
}

}  // namespace
}  // namespace octet::convert
