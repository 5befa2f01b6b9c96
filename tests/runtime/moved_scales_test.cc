// An op that only moves runs on bytes only where all scales and zero points stay what they are, channel by channel.
#include <gtest/gtest.h>

#include "tests/runtime/build_model.h"

namespace octet {
namespace {

struct Case {
  const char* why;
  std::vector<float> scale;   // of the moved channels; before: 0.01, 0.02, 0.03, 0.04
  std::vector<uint8_t> zero;  // before: 10, 20, 30, 40
};

// y = the last two channels of x, with an int8 op before and behind.
TEST(MovedScales, EachChannelKeepsItsOwnOrAllMoveAsFloats) {
  for (const Case& c : {Case{"the same", {0.03f, 0.04f}, {30, 40}},
                        {"another zero point", {0.03f, 0.04f}, {30, 50}},
                        {"another scale", {0.03f, 0.05f}, {30, 40}},
                        {"those of other channels", {0.01f, 0.02f}, {10, 20}}}) {
    ModelBuilder b;
    const auto relu = [&](const std::string& name, int x, int64_t channels) {
      schema::UnaryT unary;
      unary.act = schema::Activation(schema::ActKind::relu, 0, 0);
      const int y = b.tensor(name, {1, 3, 3, channels});
      b.node(name, unary, {x}, y);
      return y;
    };
    const int x = b.input("x", {1, 3, 3, 4});
    b.quantise(x, {0.02f}, {0});
    const int before = relu("before", x, 4), moved = b.tensor("moved", {1, 3, 3, 2});
    b.quantise(before, {0.01f, 0.02f, 0.03f, 0.04f}, {10, 20, 30, 40});
    schema::SliceT slice;
    slice.starts = {2}, slice.ends = {4}, slice.axes = {3};
    b.node("moved", slice, {before}, moved);
    b.quantise(moved, c.scale, c.zero);
    const int y = relu("behind", moved, 2);
    b.quantise(y, {0.02f}, {0});
    b.model.outputs = {y};
    b.model.int8_ops = {"relu"};
    const auto model = Model::from_bytes(b.finish(), "moved.octet");
    ASSERT_TRUE(model) << model.error().text;
    auto session = Session::create(*model, {});
    ASSERT_TRUE(session) << session.error().text;
    const auto values = session->input(0).f32();
    for (size_t i = 0; i < values.size(); ++i) values[i] = 0.02f * static_cast<float>(i * 7 % 41);
    ASSERT_TRUE(session->run());
    for (size_t i = 0; i < 18; ++i)
      EXPECT_NEAR(session->output(0).f32()[i], values[i / 2 * 4 + 2 + i % 2], 0.06f) << c.why << " at " << i;
  }
}

}  // namespace
}  // namespace octet
