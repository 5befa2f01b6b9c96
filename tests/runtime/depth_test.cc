// How many int8 products one sum may have: as many as always fit 32 bits, and not one more.
#include <gtest/gtest.h>

#include "tests/runtime/build_model.h"

namespace octet {
namespace {

constexpr int64_t kMost = 33000;  // of 255 * 127 each: 1,068,705,000, below 2^30

enum class Kind { kConv, kMatMul, kProduct };

// One sum of `depth` products of the largest numbers there are.
std::vector<std::byte> file_of(Kind kind, int64_t depth) {
  ModelBuilder b;
  const bool conv = kind == Kind::kConv;
  const std::vector<int64_t> one = conv ? std::vector<int64_t>{1, 1, 1, 1} : std::vector<int64_t>{1, 1};
  const int x = b.input("x", conv ? std::vector<int64_t>{1, 1, 1, depth} : std::vector<int64_t>{1, depth});
  b.quantise(x, {1.0f}, {0});
  const int y = b.tensor("y", one);
  if (kind == Kind::kProduct) {
    const int other = b.input("other", {1, depth});
    b.quantise(other, {1.0f}, {128});
    schema::MatMulT product;
    product.transpose_b = true;
    b.node("deep", product, {x, other}, y);
  } else {
    const std::vector<int8_t> largest(static_cast<size_t>(depth), 127);
    const int w = b.conv_weights("w", {1, 1, 1, depth}, largest, {1.0f});
    schema::MatMulT layer;
    layer.transpose_b = true;
    if (conv) {
      b.node("deep", schema::Conv2dT{}, {x, w}, y);
    } else {
      b.at(w).shape = {1, depth};
      b.node("deep", layer, {x, w}, y);
    }
  }
  b.model.outputs = {y};
  b.model.int8_ops = {"conv2d", "matmul"};
  return b.finish();
}

TEST(Depth, TheDeepestSumIsExact) {
  for (Kind kind : {Kind::kConv, Kind::kMatMul, Kind::kProduct}) {
    auto model = Model::from_bytes(file_of(kind, kMost), "deep.octet");
    ASSERT_TRUE(model) << model.error().text;
    auto session = Session::create(*model, {});
    ASSERT_TRUE(session) << session.error().text;
    for (size_t i = 0; i < model->inputs().size(); ++i)
      for (float& v : session->input(static_cast<int>(i)).f32()) v = i == 0 ? 255 : 127;
    ASSERT_TRUE(session->run());
    EXPECT_EQ(session->output(0).f32()[0], static_cast<float>(kMost * 255 * 127)) << static_cast<int>(kind);
    bool int8 = false;
    for (const StepProfile& step : session->profile())
      int8 = int8 || (step.node == "deep" && step.precision == Precision::kInt8);
    EXPECT_TRUE(int8) << static_cast<int>(kind);
  }
}

TEST(Depth, WeightsOfDeeperSumsAreRefused) {
  for (Kind kind : {Kind::kConv, Kind::kMatMul}) {
    const auto model = Model::from_bytes(file_of(kind, kMost + 1), "deep.octet");
    ASSERT_FALSE(model);
    EXPECT_NE(model.error().text.find("33001 products"), std::string::npos) << model.error().text;
  }
}

// A product of two activations is no error of the file: whoever runs it does so in float, or is told to.
TEST(Depth, DeeperProductsOfActivationsAreNotInt8) {
  auto model = Model::from_bytes(file_of(Kind::kProduct, kMost + 1), "deep.octet");
  ASSERT_TRUE(model) << model.error().text;
  auto session = Session::create(*model, {});
  if (!session) {
    EXPECT_NE(session.error().text.find("33001"), std::string::npos) << session.error().text;
    return;
  }
  for (const StepProfile& step : session->profile()) EXPECT_EQ(step.precision, Precision::kF32) << step.node;
}

}  // namespace
}  // namespace octet
