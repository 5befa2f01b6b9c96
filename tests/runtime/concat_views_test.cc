// A concat whose inputs may not be written straight into it copies and rescales them: any part of their scales that differs
// is reason enough.
#include <gtest/gtest.h>

#include "tests/runtime/build_model.h"

namespace octet {
namespace {

struct Joined {
  float scale;       // of both inputs; the output has 0.01
  uint8_t zero;      // the output has 100
  bool per_channel;  // the output's scales
  bool copied;
  const char* why;
};

// y = Tanh of the u8 concat of two activations of x. With a tap nothing is a view.
std::vector<float> outputs(const Joined& c, bool views, bool& copied) {
  ModelBuilder b;
  const int x = b.input("x", {1, 4, 4, 8});
  b.quantise(x, {0.02f}, {128});
  std::vector<int> parts;
  for (auto kind : {schema::ActKind::leaky_relu, schema::ActKind::sigmoid}) {
    schema::UnaryT unary;
    unary.act = schema::Activation(kind, 0.25f, 0);
    parts.push_back(b.tensor("part", {1, 4, 4, 8}));
    b.node("part", unary, {x}, parts.back());
    b.quantise(parts.back(), {c.scale}, {c.zero});
  }
  schema::ConcatT concat;
  concat.axis = 3;
  const int joined = b.tensor("joined", {1, 4, 4, 16}), y = b.tensor("y", {1, 4, 4, 16});
  b.node("joined", concat, parts, joined);
  const size_t scales = c.per_channel ? 16 : 1;
  b.quantise(joined, std::vector<float>(scales, 0.01f), std::vector<uint8_t>(scales, 100));
  schema::UnaryT tanh;
  tanh.act = schema::Activation(schema::ActKind::tanh, 0, 0);
  b.node("y", tanh, {joined}, y);
  b.quantise(y, {0.01f}, {128});
  b.model.outputs = {y};
  b.model.int8_ops = {"leaky_relu", "sigmoid", "tanh", "concat"};
  SessionOptions options;
  if (!views) options.tap = [](const Tensor&) {};
  auto model = Model::from_bytes(b.finish(), "joined.octet");
  EXPECT_TRUE(model) << model.error().text;
  auto session = Session::create(*model, options);
  EXPECT_TRUE(session) << session.error().text;
  const auto values = session->input(0).f32();
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i) / 50 - 1;
  EXPECT_TRUE(session->run());
  copied = false;
  for (const StepProfile& step : session->profile()) copied = copied || step.op == "concat";
  const auto got = session->output(0).f32();
  return {got.begin(), got.end()};
}

TEST(ConcatViews, InputsOfOtherScalesAreRescaled) {
  for (const Joined& c : {Joined{0.01f, 100, false, false, "the same"},
                          {0.01f, 100, true, false, "the same, by channel"},
                          {0.01f, 90, false, true, "another zero point"},
                          {0.02f, 100, false, true, "another scale"},
                          {0.01f, 90, true, true, "another zero point, by channel"}}) {
    bool copied = false, always = false;
    const auto views = outputs(c, true, copied), copies = outputs(c, false, always);
    EXPECT_EQ(views, copies) << c.why;
    EXPECT_EQ(copied, c.copied) << c.why;
    EXPECT_TRUE(always) << c.why;
  }
}

}  // namespace
}  // namespace octet
