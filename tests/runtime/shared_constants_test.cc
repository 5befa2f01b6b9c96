// Constants that layers and sessions share: only those that would be the same.
#include <gtest/gtest.h>

#include "tests/runtime/build_model.h"

namespace octet {
namespace {

std::vector<float> run(Session& session) {
  for (int i = 0; i < 2; ++i) {
    const auto values = session.input(i).f32();
    for (size_t k = 0; k < values.size(); ++k) values[k] = static_cast<float>(k * 7919 % 251) / 100 - 1.25f;
  }
  EXPECT_TRUE(session.run());
  const auto y = session.output(0).f32();
  return {y.begin(), y.end()};
}

Session make(const Model& model, const SessionOptions& options) {
  auto session = Session::create(model, options);
  EXPECT_TRUE(session) << session.error().text;
  return std::move(*session);
}

constexpr int64_t kChannels = 5;

int conv(ModelBuilder& b, const std::string& name, int x, int weights) {
  const int y = b.tensor(name, {1, 4, 4, kChannels});
  b.node(name, schema::Conv2dT{}, {x, weights}, y);
  return y;
}

int weights(ModelBuilder& b) {
  std::vector<int8_t> w(kChannels * kChannels);
  for (size_t i = 0; i < w.size(); ++i) w[i] = static_cast<int8_t>(static_cast<int>(i * 53 % 255) - 127);
  return b.conv_weights("w", {kChannels, 1, 1, kChannels}, w, std::vector<float>(kChannels, 0.004f));
}

// y = b(a(x)) + other: `a` gives bytes where `b` runs in int8, floats where it does not.
Model two_layers() {
  ModelBuilder b;
  const int x = b.input("x", {1, 4, 4, kChannels}), other = b.input("other", {1, 4, 4, kChannels});
  b.quantise(x, {0.01f}, {125});
  const int w = weights(b), a = conv(b, "a", x, w);
  b.quantise(a, {0.02f}, {120});
  const int sum = b.tensor("sum", {1, 4, 4, kChannels});
  b.node("sum", schema::BinaryT{}, {conv(b, "b", a, w), other}, sum);
  b.model.outputs = {sum};
  b.model.int8_ops = {"conv2d"};
  return b.loaded();
}

TEST(SharedConstants, ALayerMayGiveBytesInOneSessionAndFloatsInAnother) {
  const SessionOptions bytes, floats{.int8_exclude = {"b"}};
  Session one = make(two_layers(), bytes), other = make(two_layers(), floats);
  const auto expected_bytes = run(one), expected_floats = run(other);
  EXPECT_NE(expected_bytes, expected_floats);
  const Model shared = two_layers();
  Session first = make(shared, bytes), second = make(shared, floats), third = make(shared, bytes);
  EXPECT_EQ(run(first), expected_bytes);
  EXPECT_EQ(run(second), expected_floats);
  EXPECT_EQ(run(third), expected_bytes);
}

// Int8 weights hold the scales of the input's channels; in float those are taken out again, for each input its own.
TEST(SharedConstants, LayersOverInputsOfOtherScalesHaveFloatWeightsOfTheirOwn) {
  const auto scales = [](int i) {
    std::vector<float> s;
    for (int64_t c = 0; c < kChannels; ++c) s.push_back(0.01f * static_cast<float>(1 + (c + i) % 3));
    return s;
  };
  const auto build = [&](const std::vector<int>& layers) {
    ModelBuilder b;
    const int w = weights(b);
    int sum = -1;
    const int inputs[] = {b.input("x", {1, 4, 4, kChannels}), b.input("other", {1, 4, 4, kChannels})};
    for (int i : {0, 1}) b.quantise(inputs[i], scales(i), std::vector<uint8_t>(kChannels, 128));
    for (int i : layers) {
      const int y = conv(b, "conv" + std::to_string(i), inputs[i], w);
      if (sum >= 0) {
        const int both = b.tensor("both", {1, 4, 4, kChannels});
        b.node("both", schema::BinaryT{}, {sum, y}, both);
        sum = both;
      } else {
        sum = y;
      }
    }
    b.model.outputs = {sum};
    return b.loaded();
  };
  for (bool onednn : {false, true}) {
    const SessionOptions options{.precision = Precision::kF32, .use_onednn = onednn};
    Session first = make(build({0}), options), second = make(build({1}), options), both = make(build({0, 1}), options);
    const auto a = run(first), b = run(second), sum = run(both);
    EXPECT_NE(a, b);
    for (size_t i = 0; i < sum.size(); ++i) ASSERT_FLOAT_EQ(sum[i], a[i] + b[i]) << i;
  }
}

}  // namespace
}  // namespace octet
