// A concat whose inputs may not be written straight into it copies and rescales them: any part of their scales that differs
// is reason enough.
#include <gtest/gtest.h>

#include <cmath>

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

// y = the concat of two activations of x, as bytes; `copied`: by a step of its own.
void check(const Joined& c) {
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
  schema::UnaryT same;
  same.act = schema::Activation(schema::ActKind::leaky_relu, 1, 0);
  b.node("y", same, {joined}, y);
  b.quantise(y, {0.01f}, {100});
  b.model.outputs = {y};
  b.model.int8_ops = {"leaky_relu", "sigmoid", "concat"};
  auto model = Model::from_bytes(b.finish(), "joined.octet");
  ASSERT_TRUE(model) << model.error().text;
  auto session = Session::create(*model, {});
  ASSERT_TRUE(session) << session.error().text;
  const auto values = session->input(0).f32();
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i) / 64 - 0.9f;
  ASSERT_TRUE(session->run());
  for (size_t i = 0; i < values.size(); ++i) {
    const float v = values[i], *row = &session->output(0).f32()[i / 8 * 16 + i % 8];
    EXPECT_NEAR(row[0], v < 0 ? v / 4 : v, 0.03f) << c.why << " at " << i;
    EXPECT_NEAR(row[8], 1 / (1 + std::exp(-v)), 0.03f) << c.why << " at " << i;
  }
  bool copied = false;
  for (const StepProfile& step : session->profile()) copied = copied || step.op == "concat";
  EXPECT_EQ(copied, c.copied) << c.why;
}

TEST(ConcatViews, InputsOfOtherScalesAreRescaled) {
  for (const Joined& c : {Joined{0.01f, 100, false, false, "the same"},
                          {0.01f, 100, true, false, "the same, by channel"},
                          {0.01f, 90, false, true, "another zero point"},
                          {0.02f, 100, false, true, "another scale"},
                          {0.01f, 90, true, true, "another zero point, by channel"}})
    check(c);
}

}  // namespace
}  // namespace octet
