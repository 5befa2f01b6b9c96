// Op lists name ops as Octet, ONNX or Paddle does, and nodes by their own names; each entry counts.
#include <gtest/gtest.h>

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

}  // namespace
}  // namespace octet
