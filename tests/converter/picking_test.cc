// Ops that compare, choose and pick, imported from ONNX and run; sizes that the data decide included.
#include <cmath>

#include "tests/converter/rig.h"

namespace octet::convert {
namespace {

TEST(Picking, BoxesThatNonMaxSuppressionKeeps) {
  TestModel m;
  const std::string boxes = m.input("boxes", {1, -1, 4}), scores = m.input("scores", {1, 2, -1});
  const std::string most = m.ints({100}), iou = m.floats({1}, {0.3f}), score = m.floats({1}, {-3});
  const std::string kept = m.op("NonMaxSuppression", {boxes, scores, most, iou, score}, {attr("center_point_box", 0)});
  const std::string column = m.op("Slice", {kept, m.ints({2}), m.ints({3}), m.ints({1})});
  const std::string index = m.op("Squeeze", {column, m.ints({1})});
  const std::string picked = m.op("Gather", {boxes, index}, {attr("axis", 1)});
  m.output(m.op("Add", {picked, m.floats({1}, {1})}));
  m.output(kept);
  const std::vector<Shape> sizes = {{1, 12, 4}, {1, 2, 12}};
  const Graph g = converted(m, sizes);
  EXPECT_EQ(tensor(g, g.outputs[0]).shape, Shape({1, -1, 4}));
  EXPECT_EQ(tensor(g, g.outputs[1]).shape, Shape({-1, 3}));
  const size_t numbers = run(g, sizes).size();  // 7 for each box that is kept
  EXPECT_EQ(numbers % 7, 0u);
  EXPECT_GT(numbers, 7u);
  EXPECT_LT(numbers, 7u * 24);
}

TEST(Picking, TopKOfEveryOpset) {
  for (int64_t opset : {9, 10, 13}) {
    TestModel m(opset);
    const std::string x = m.input("x", {3, -1});
    const auto best = opset < 10 ? m.ops("TopK", {x}, 2, {attr("k", 2)})
                                 : m.ops("TopK", {x, m.ints({2})}, 2,
                                         opset < 11 ? std::vector<Attr>{} : std::vector{attr("largest", 0)});
    m.output(best[0]);
    m.output(best[1]);
    const Graph g = converted(m, {{3, 5}});
    EXPECT_EQ(tensor(g, g.outputs[0]).shape, Shape({3, 2}));
    const auto all = run(g, {{3, 5}});
    ASSERT_EQ(all.size(), 12u);
    for (size_t row = 0; row < 3; ++row) {
      EXPECT_TRUE(opset < 11 ? all[2 * row] >= all[2 * row + 1] : all[2 * row] <= all[2 * row + 1]) << opset;
      EXPECT_LT(all[6 + 2 * row], 5);
    }
  }
}

TEST(Picking, ComparisonsLogicAndWhere) {
  TestModel m;
  const std::string x = m.input("x", {4, 5}), y = m.input("y", {5});
  const std::string less = m.op("Less", {x, y}), big = m.op("Greater", {x, m.floats({}, {1})});
  const std::string either = m.op("Or", {less, m.op("Not", {big})}), both = m.op("And", {less, big});
  m.output(m.op("Where", {either, x, m.floats({1}, {10})}));
  m.output(m.op("Where", {m.op("Xor", {less, both}), y, x}));
  const auto all = run(converted(m));
  ASSERT_EQ(all.size(), 40u);
  for (float v : all) EXPECT_TRUE(v == 10 || std::fabs(v) <= 2);
  for (size_t i = 0; i < 20; ++i) EXPECT_TRUE(all[i] == 10 || all[i] <= 2);
}

TEST(Picking, IndicesOfWhatIsNotZero) {
  TestModel m;
  const std::string x = m.input("x", {3, 4});
  const std::string where = m.op("NonZero", {m.op("Relu", {x})});
  const std::string tuples = m.op("Transpose", {where}, {attr("perm", {1, 0})});
  m.output(m.op("GatherND", {x, tuples}));
  const Graph g = converted(m);
  EXPECT_EQ(tensor(g, g.outputs[0]).shape, Shape({-1}));
  for (float v : run(g)) EXPECT_GT(v, 0);
  EXPECT_GT(run(g).size(), 2u);
}

TEST(Picking, RangesOverASize) {
  TestModel m;
  const std::string x = m.input("x", {1, -1});
  const std::string size = m.op("Gather", {m.op("Shape", {x}), m.ints({1})}, {attr("axis", 0)});
  const std::string range =
      m.op("Range", {m.op("Squeeze", {m.ints({0})}), m.op("Squeeze", {size}), m.op("Squeeze", {m.ints({2})})});
  m.output(m.op("Cast", {range}, {attr("to", 1)}));
  const Graph g = converted(m, {{1, 7}});
  EXPECT_EQ(run(g, {{1, 7}}), (std::vector<float>{0, 2, 4, 6}));
  EXPECT_EQ(run(g, {{1, 4}}), (std::vector<float>{0, 2}));
}

}  // namespace
}  // namespace octet::convert
