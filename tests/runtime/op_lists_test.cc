// Op lists name ops as Octet, ONNX or Paddle does, and nodes by their own names; each entry counts.
#include <gtest/gtest.h>

#include <cmath>

#include "tests/runtime/build_model.h"

namespace octet {
namespace {

// Names of the layers that run in int8.
std::string int8_layers(const Model& model, const SessionOptions& options) {
  auto session = Session::create(model, options);
  if (!session) return session.error().text;
  std::string layers;
  for (const StepProfile& step : session->profile())
    if (step.precision == Precision::kInt8 && step.op == "conv2d") layers += step.node;
  return layers;
}

TEST(OpLists, ExcludedOpsStayFloatByAnyOfTheirNames) {
  const auto model = Model::from_bytes(small_model().finish(), "small.octet");
  ASSERT_TRUE(model) << model.error().text;
  EXPECT_EQ(int8_layers(*model, {}), "acd");
  for (const char* name : {"conv2d", "Conv"}) {
    EXPECT_EQ(int8_layers(*model, {.int8_exclude = {name}}), "") << name;
    EXPECT_EQ(int8_layers(*model, {.int8_ops = {"conv2d"}, .int8_exclude = {"relu", name}}), "") << name;
  }
  EXPECT_EQ(int8_layers(*model, {.int8_exclude = {"c", "d"}}), "a");
  EXPECT_EQ(int8_layers(*model, {.int8_exclude = {"depthwise_conv2d"}}), "acd") << "another op";
}

// The pool between them is left without a neighbour in int8: its input would be quantised for its sake alone.
TEST(OpLists, WithAllLayersExcludedAPoolIsFloatToo) {
  ModelBuilder builder = small_model();
  builder.model.int8_ops = {"conv2d", "pool2d"};
  const auto model = Model::from_bytes(builder.finish(), "small.octet");
  ASSERT_TRUE(model) << model.error().text;
  const auto output = [&](const SessionOptions& options) {
    auto session = Session::create(*model, options);
    EXPECT_TRUE(session) << session.error().text;
    float next = 0;
    for (float& v : session->input(0).f32()) v = std::sin(next += 1);
    EXPECT_TRUE(session->run());
    const auto y = session->output(0).f32();
    return std::vector<float>(y.begin(), y.end());
  };
  const std::vector<float> in_float = output({.precision = Precision::kF32});
  EXPECT_NE(output({}), in_float);
  EXPECT_EQ(output({.int8_exclude = {"conv2d"}}), in_float);
  EXPECT_NE(output({.int8_ops = {"pool2d"}}), in_float) << "asked for by name";
}

}  // namespace
}  // namespace octet
