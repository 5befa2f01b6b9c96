// What a program computes of constants or of fixed sizes is a constant for the op that reads it.
#include <functional>

#include "tests/converter/paddle_rig.h"

namespace octet::convert {
namespace {

// Weights as a parameter, or as ops of a program make them.
std::vector<float> conv_with(const std::function<std::string(TestProgram&)>& weights) {
  TestProgram p;
  p.output(p.conv(p.input("x", {1, 2, 4, 4}), weights(p)));
  return results(p);
}

TEST(PaddleConstants, WeightsMayBeComputed) {
  const std::vector<float> values = {1, 2, 3, 4, -1, -2, -3, -4};
  const auto expected = conv_with([&](TestProgram& p) { return p.floats({4, 2, 1, 1}, values); });
  const auto reshaped = [](TestProgram& p, const std::string& x) {
    return p.op("reshape2", {{"X", {x}}}, {attr("shape", {4, 2, 1, 1})});
  };
  EXPECT_EQ(conv_with([&](TestProgram& p) { return reshaped(p, p.floats({8}, values)); }), expected);
  EXPECT_EQ(
      conv_with([&](TestProgram& p) {
        Attr list{.name = "fp32_values", .floats = values};
        return reshaped(p, p.op("assign_value", {}, {attr("shape", std::vector<int64_t>{8}), attr("dtype", 5), list}));
      }),
      expected);
  EXPECT_EQ(conv_with([&](TestProgram& p) {
              const std::string halves = p.floats({4, 2, 1, 1}, {.5f, 1, 1.5f, 2, -.5f, -1, -1.5f, -2});
              const std::string two = p.op(
                  "fill_constant", {}, {attr("shape", std::vector<int64_t>{1}), attr("value", 2.0f), attr("dtype", 5)});
              return p.op("elementwise_mul", {{"X", {halves}}, {"Y", {two}}});
            }),
            expected);
  EXPECT_EQ(
      conv_with([&](TestProgram& p) {
        const std::string front = p.floats({2, 2, 1, 1}, {1, 2, 3, 4}), back = p.floats({2, 2, 1, 1}, {-1, -2, -3, -4});
        return p.op("concat", {{"X", {front, back}}}, {attr("axis", 0)});
      }),
      expected);
}

TEST(PaddleConstants, RepeatsFromTheSizeOfAFixedInput) {
  TestProgram p;
  const std::string x = p.input("x", {1, 3});
  const std::string sizes = p.op("shape", {{"Input", {x}}});
  p.output(p.op("tile", {{"X", {x}}, {"RepeatTimes", {sizes}}}));
  EXPECT_EQ(results(p).size(), 9u);
}

TEST(PaddleConstants, RangesOfFloatsUpToASize) {
  TestProgram p;
  const std::string x = p.input("x", {1, -1});
  const std::string size = p.op("slice", {{"Input", {p.op("shape", {{"Input", {x}}})}}},
                                {attr("axes", std::vector<int64_t>{0}), attr("starts", std::vector<int64_t>{1}),
                                 attr("ends", std::vector<int64_t>{2})});
  const std::string real = p.op("cast", {{"X", {size}}}, {attr("out_dtype", 5), attr("in_dtype", 3)});
  p.output(p.op("range", {{"Start", {p.floats({1}, {0.5f})}}, {"End", {real}}, {"Step", {p.floats({1}, {1})}}}));
  EXPECT_EQ(results(p, {{1, 3}}), (std::vector<float>{0.5f, 1.5f, 2.5f}));
}

TEST(PaddleConstants, CastsToBytes) {
  constexpr int kUint8 = 20, kFloat = 5;
  TestProgram p;
  const std::string x = p.op("elementwise_mul", {{"X", {p.input("x", {2})}}, {"Y", {p.floats({1}, {0})}}});
  const std::string sum = p.op("elementwise_add", {{"X", {x}}, {"Y", {p.floats({2}, {7.5f, 300})}}});
  const std::string bytes = p.op("cast", {{"X", {sum}}}, {attr("out_dtype", kUint8), attr("in_dtype", kFloat)});
  p.output(bytes);
  p.output(p.op("scale", {{"X", {bytes}}}, {attr("scale", 2.0f), attr("bias", 0.0f)}));
  EXPECT_EQ(results(p), (std::vector<float>{7, 255, 14, 510}));
}

}  // namespace
}  // namespace octet::convert
