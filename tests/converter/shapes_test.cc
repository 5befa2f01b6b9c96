// Rules asked with sizes that are not known yet.
#include "converter/graph/shapes.h"

#include <gtest/gtest.h>

#include "runtime/core/op.h"

namespace octet::convert {
namespace {

struct Case {
  const char* why;
  std::vector<Shape> inputs;  // f32; those behind `values` are s64 constants
  std::vector<std::vector<int64_t>> values;
  schema::OpUnion op;
  Shape expected;
};

Shape inferred(const Case& c) {
  Graph g;
  Node node{.name = "n", .op = c.op};
  for (const Shape& s : c.inputs) node.inputs.push_back(g.add({.name = "x", .shape = s}));
  for (const auto& v : c.values)
    node.inputs.push_back(g.add(make_constant<int64_t>("v", {static_cast<int64_t>(v.size())}, v)));
  node.outputs = {g.add({.name = "y"})};
  const auto done = infer(g, node);
  EXPECT_TRUE(done) << c.why << ": " << (done ? "" : done.error().text);
  return tensor(g, node.outputs[0]).shape;
}

TEST(Shapes, UnknownSizesPassThroughRules) {
  using namespace schema;
  const Case cases[] = {
      {"pool",
       {{-1, -1, 9, 4}},
       {},
       make_op(Pool2dT{.kernel_h = 3, .kernel_w = 3, .stride_h = 2, .stride_w = 2}),
       {-1, -1, 4, 4}},
      {"broadcast: an unknown size and 1", {{-1, 4}, {1, 4}}, {}, make_op(BinaryT{}), {-1, 4}},
      {"broadcast: an unknown size and another", {{-1, 4}, {7, 1}}, {}, make_op(BinaryT{}), {7, 4}},
      {"concat takes the known sizes", {{-1, 3, 5}, {2, 4, -1}}, {}, make_op(ConcatT{.axis = 1}), {2, 7, 5}},
      {"concat along an unknown size", {{2, -1}, {2, 4}}, {}, make_op(ConcatT{.axis = 1}), {2, -1}},
      {"matmul", {{-1, 2, 6, 8}, {8, 5}}, {}, make_op(MatMulT{}), {-1, 2, 6, 5}},
      {"reshape: what is copied cancels", {{-1, 3, 8, 8}}, {}, make_op(ReshapeT{.shape = {-2, -1}}), {-1, 192}},
      {"reshape: what is not copied does not", {{-1, 3, 8, 8}}, {}, make_op(ReshapeT{.shape = {-1, 192}}), {-1, 192}},
      {"reshape: one unknown value is the rest", {{2, 3, 8}}, {{kUnknown, 8}}, make_op(ReshapeT{}), {6, 8}},
      {"reshape: two unknown values", {{2, 3, 8}}, {{kUnknown, kUnknown, 4}}, make_op(ReshapeT{}), {-1, -1, 4}},
      {"expand", {{3, 1}}, {{kUnknown, 3, 5}}, make_op(ExpandT{}), {-1, 3, 5}},
      {"slice of an unknown size",
       {{-1, 6}},
       {},
       make_op(SliceT{.starts = {0, 1}, .ends = {4, 4}, .axes = {0, 1}, .steps = {1, 1}}),
       {-1, 3}},
      {"slice to an unknown end", {{9, 6}}, {{0}, {kUnknown}, {0}}, make_op(SliceT{}), {-1, 6}},
      {"pad by unknown sizes", {{9, 6}}, {{0, kUnknown, 0, 2}}, make_op(PadT{}), {9, -1}},
      {"resize by a factor", {{1, -1, 6, 2}}, {}, make_op(ResizeT{.scale = {2, 2}}), {1, -1, 12, 2}},
      {"reduce", {{-1, 6, -1}}, {}, make_op(ReduceT{.axes = {2}, .keep_dims = false}), {-1, 6}},
  };
  for (const Case& c : cases) EXPECT_EQ(inferred(c).text(), c.expected.text()) << c.why;
}

// y = x reshaped to {size of x, 3, -1}: what is unknown moves through the arithmetic, what is known is folded.
TEST(Shapes, ValuesThatArePartlyKnown) {
  Graph g;
  const TensorId x = g.add({.name = "x", .shape = {-1, 6, 4}});
  auto add = [&](schema::OpUnion op, std::vector<TensorId> inputs) {
    Node node{.name = "n", .op = std::move(op), .inputs = std::move(inputs), .outputs = {g.add({.name = "t"})}};
    const auto done = infer(g, node);
    EXPECT_TRUE(done) << (done ? "" : done.error().text);
    g.nodes.push_back(node);
    return node.outputs[0];
  };
  const auto ints = [&](std::vector<int64_t> v) {
    return g.add(make_constant<int64_t>("c", {static_cast<int64_t>(v.size())}, v));
  };
  const TensorId sizes = add(make_op(schema::ShapeOfT{.end = 3}), {x});
  EXPECT_EQ(known_values(g, sizes), (std::vector<int64_t>{kUnknown, 6, 4}));
  const TensorId batch = add(make_op(schema::GatherT{}), {sizes, ints({0})});
  const TensorId target = add(make_op(schema::ConcatT{}), {batch, ints({3, -1})});
  EXPECT_EQ(known_values(g, target), (std::vector<int64_t>{kUnknown, 3, -1}));
  EXPECT_EQ(tensor(g, add(make_op(schema::ReshapeT{}), {x, target})).shape, (Shape{-1, 3, -1}));
  const TensorId twice = add(make_op(schema::BinaryT{}), {sizes, sizes});
  EXPECT_EQ(known_values(g, twice), (std::vector<int64_t>{kUnknown, 12, 8}));
  EXPECT_EQ(known_values(g, add(make_op(schema::BinaryT{}), {ints({1}), twice})),
            (std::vector<int64_t>{kUnknown, 13, 9}));
  const TensorId narrow = add(make_op(schema::CastT{.to = schema::DType::s32}), {sizes});
  EXPECT_EQ(known_values(g, add(make_op(schema::CastT{.to = schema::DType::s64}), {narrow})),
            (std::vector<int64_t>{kUnknown, 6, 4}));
  const TensorId last = add(make_op(schema::GatherT{}), {sizes, ints({2})});
  EXPECT_EQ(known_values(g, add(make_op(schema::BinaryT{}), {last, last})), std::vector<int64_t>{8});
}

}  // namespace
}  // namespace octet::convert
