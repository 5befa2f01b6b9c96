// Attributes that are easily passed over, each in a node whose result depends on it.
#include "tests/converter/rig.h"

namespace octet::convert {
namespace {

// The node's result for the input {1, 1, height, width}, whose values are `values`.
std::vector<float> computed(const std::string& op, const std::vector<int64_t>& dims, const std::vector<float>& values,
                            const std::vector<std::vector<float>>& operands, const std::vector<Attr>& attrs) {
  TestModel m;
  std::vector<std::string> inputs = {
      m.op("Add", {m.op("Mul", {m.input("x", dims), m.floats({}, {0})}), m.floats(dims, values)})};
  for (const auto& o : operands) inputs.push_back(m.floats({static_cast<int64_t>(o.size())}, o));
  if (op == "Conv") inputs.back() = m.floats({1, 1, 3, 3}, operands.back());
  m.output(m.op(op, inputs, attrs));
  return run(converted(m));
}

void expect_near(const std::vector<float>& got, const std::vector<float>& expected) {
  ASSERT_EQ(got.size(), expected.size());
  for (size_t i = 0; i < got.size(); ++i) EXPECT_NEAR(got[i], expected[i], 1e-5) << i;
}

TEST(Attributes, AutoPadKnowsOfDilations) {
  const std::vector<float> ones(25, 1), taps(9, 1);
  const std::vector<int64_t> dilations = {2, 2};
  expect_near(
      computed("Conv", {1, 1, 5, 5}, ones, {taps}, {attr("dilations", dilations), attr("auto_pad", "SAME_UPPER")}),
      {4, 4, 6, 4, 4, 4, 4, 6, 4, 4, 6, 6, 9, 6, 6, 4, 4, 6, 4, 4, 4, 4, 6, 4, 4});
}

TEST(Attributes, AveragesCountPaddingWhereTheyAreTold) {
  const std::vector<int64_t> kernel = {2, 2}, pads = {1, 1, 1, 1};
  for (const int include : {0, 1})
    expect_near(computed("AveragePool", {1, 1, 2, 2}, {1, 1, 1, 1}, {},
                         {attr("kernel_shape", kernel), attr("pads", pads), attr("count_include_pad", include)}),
                include ? std::vector<float>{.25, .5, .25, .5, 1, .5, .25, .5, .25} : std::vector<float>(9, 1));
}

TEST(Attributes, NearestModes) {
  struct Case {
    const char* mode;
    std::vector<float> expected;
  };
  for (const Case& c : {Case{"floor", {1, 1, 1, 1, 2, 2, 2, 2}},
                        {"ceil", {1, 2, 2, 2, 2, 2, 2, 2}},
                        {"round_prefer_floor", {1, 1, 1, 2, 2, 2, 2, 2}},
                        {"round_prefer_ceil", {1, 1, 2, 2, 2, 2, 2, 2}}}) {
    SCOPED_TRACE(c.mode);
    expect_near(computed("Resize", {1, 1, 1, 2}, {1, 2}, {{}, {1, 1, 1, 4}},
                         {attr("nearest_mode", c.mode), attr("coordinate_transformation_mode", "asymmetric")}),
                c.expected);
  }
}

TEST(Attributes, EpsilonIsPartOfTheVariance) {
  expect_near(computed("BatchNormalization", {1, 1, 1, 2}, {1, -2}, {{1}, {0}, {0}, {.01f}}, {attr("epsilon", .03f)}),
              {5, -10});
}

}  // namespace
}  // namespace octet::convert
