// What the plan makes u8, what shares a scale, what stays float.
#include <gtest/gtest.h>

#include "converter/quant/plan.h"
#include "quant_graph.h"

namespace octet::convert {
namespace {

// Channels of a tensor that have a group of their own.
size_t groups(const Graph& g, const Plan& p, const std::string& name) {
  std::vector<int> ids = p.group[static_cast<size_t>(find_tensor(g, name))];
  std::sort(ids.begin(), ids.end());
  return static_cast<size_t>(std::unique(ids.begin(), ids.end()) - ids.begin());
}
Plan plan(const Graph& g, const PlanOptions& options = {}) {
  auto p = make_plan(g, options);
  EXPECT_TRUE(p) << p.error().text;
  return *p;
}

TEST(QuantPlan, ConcatPartsKeepScalesOfTheirOwn) {
  GraphBuilder b;
  const TensorId x = b.input({1, 8, 8, 4});
  const TensorId y = b.concat("cat", b.conv("a", x, 4), b.conv("b", x, 6));
  const Graph g = b.finish(b.conv("last", y, 2));
  const Plan p = plan(g);
  EXPECT_EQ(groups(g, p, "a"), 1u);
  EXPECT_EQ(groups(g, p, "cat"), 2u);
  const auto &cat = p.group[static_cast<size_t>(find_tensor(g, "cat"))],
             &second = p.group[static_cast<size_t>(find_tensor(g, "b"))];
  EXPECT_EQ(cat[3], p.group[static_cast<size_t>(find_tensor(g, "a"))][0]);
  EXPECT_EQ(cat[4], second[0]);
  EXPECT_FALSE(p.measured[static_cast<size_t>(find_tensor(g, "cat"))]);
}

// q k' of two layers' results: the keys stand in the place of weights.
TEST(QuantPlan, ProductsOfTwoActivationsHaveASymmetricRightSide) {
  GraphBuilder b;
  const TensorId x = b.input({1, 8, 8, 4}), q = b.conv("q", x, 6), k = b.conv("k", x, 6);
  const TensorId scores = b.node("scores", schema::MatMulT{.transpose_b = true}, {q, k}, {1, 8, 8, 8});
  const TensorId gate = b.node("gate", schema::SoftmaxT{.axis = 3}, {scores}, {1, 8, 8, 8});
  Graph g = b.finish(b.node("values", schema::MatMulT{}, {gate, k}, {1, 8, 8, 6}));
  const Plan p = plan(g, {.granularity = Granularity::kAll});
  EXPECT_TRUE(p.int8[2]);
  EXPECT_FALSE(p.int8[4]);  // nothing makes the left side u8
  EXPECT_EQ(groups(g, p, "q"), 1u);
  EXPECT_EQ(groups(g, p, "k"), 1u);
  EXPECT_FALSE(p.quantised(find_tensor(g, "scores")));
  set_quants(g, p, std::vector<Range>(static_cast<size_t>(p.groups), Range{-1, 2.54f}));
  const Quant &left = tensor(g, q).quant, &right = tensor(g, k).quant;
  EXPECT_NE(left.zero_point[0], 128);
  EXPECT_EQ(right.zero_point[0], 128);
  EXPECT_FLOAT_EQ(right.scale[0], 0.02f);
}

TEST(QuantPlan, DepthwiseInputsHaveAScaleForEachChannel) {
  GraphBuilder b;
  const TensorId x = b.input({1, 8, 8, 4});
  const Graph g = b.finish(b.conv("last", b.depthwise("dw", b.conv("a", x, 6)), 2));
  EXPECT_EQ(groups(g, plan(g), "a"), 6u);
  EXPECT_EQ(groups(g, plan(g), "dw"), 1u);
  EXPECT_EQ(groups(g, plan(g, {.granularity = Granularity::kTensor}), "a"), 1u);
  EXPECT_EQ(groups(g, plan(g, {.granularity = Granularity::kAll}), "dw"), 6u);
}

TEST(QuantPlan, ScalesForEachChannelPassThroughConcatAndSlice) {
  GraphBuilder b;
  const TensorId x = b.input({1, 8, 8, 4});
  const TensorId cat = b.concat("cat", b.conv("a", x, 4), b.conv("b", x, 6));
  const TensorId part =
      b.node("part", schema::SliceT{.starts = {2}, .ends = {7}, .axes = {3}, .steps = {}}, {cat}, {1, 8, 8, 5});
  const Graph g = b.finish(b.conv("last", b.depthwise("dw", part), 2));
  const Plan p = plan(g);
  EXPECT_EQ(groups(g, p, "a"), 4u);
  EXPECT_EQ(groups(g, p, "b"), 6u);
  EXPECT_EQ(p.group[static_cast<size_t>(find_tensor(g, "part"))][0],
            p.group[static_cast<size_t>(find_tensor(g, "a"))][2]);
  EXPECT_EQ(p.group[static_cast<size_t>(find_tensor(g, "part"))][4],
            p.group[static_cast<size_t>(find_tensor(g, "b"))][2]);
}

TEST(QuantPlan, MovingChannelsForcesOneScale) {
  GraphBuilder b;
  const TensorId x = b.input({1, 8, 8, 4});
  const TensorId cat = b.concat("cat", b.conv("a", x, 4), b.conv("b", x, 4));
  const TensorId turned = b.node("turned", schema::TransposeT{.perm = {0, 3, 1, 2}}, {cat}, {1, 8, 8, 8});
  const Graph g = b.finish(b.conv("last", turned, 2));
  const Plan p = plan(g);
  EXPECT_EQ(groups(g, p, "cat"), 1u);
  EXPECT_EQ(p.group[static_cast<size_t>(find_tensor(g, "a"))][0], p.group[static_cast<size_t>(find_tensor(g, "b"))][0]);
}

TEST(QuantPlan, WhatComesAfterTheLastLayerStaysFloat) {
  GraphBuilder b;
  const TensorId x = b.input({1, 8, 8, 4});
  const TensorId last = b.conv("last", b.conv("a", x, 4), 4);
  const Graph g = b.finish(
      b.concat("cat", b.unary("exp", last, schema::UnaryKind::exp), b.unary("neg", last, schema::UnaryKind::neg)));
  const Plan p = plan(g);
  EXPECT_EQ(p.int8, (std::vector<bool>{true, true, false, false, false}));
  EXPECT_TRUE(p.quantised(find_tensor(g, "a")));
  for (const char* name : {"last", "exp", "neg", "cat"}) EXPECT_FALSE(p.quantised(find_tensor(g, name))) << name;
}

TEST(QuantPlan, LayersOverASoftmaxStayFloat) {
  GraphBuilder b;
  const TensorId x = b.input({1, 8, 8, 4});
  const TensorId soft = b.node("soft", schema::SoftmaxT{.axis = 3}, {b.conv("a", x, 4)}, {1, 8, 8, 4});
  const TensorId turned = b.node("turned", schema::TransposeT{.perm = {0, 2, 1, 3}}, {soft}, {1, 8, 8, 4});
  const Graph g = b.finish(b.conv("dfl", turned, 1));
  EXPECT_EQ(plan(g).int8, (std::vector<bool>{true, false, false, false}));
}

// A decoder reads the best scores, and rows that are gathered by their places: layers on either keep their digits.
TEST(QuantPlan, LayersOnWhatTopKPickedStayFloat) {
  GraphBuilder b;
  const TensorId x = b.input({1, 8, 8, 4}), features = b.conv("features", x, 4), scores = b.conv("scores", features, 6);
  const TensorId k = b.g.add(make_constant<int64_t>("k", {1}, std::vector<int64_t>{2}));
  const TensorId best = b.make("best", {1, 8, 8, 2}), places = b.make("places", {1, 8, 8, 2});
  b.g.tensors[static_cast<size_t>(places)].dtype = DType::kS64;
  b.g.nodes.push_back(
      {.name = "top", .op = make_op(schema::TopKT{.axis = 3}), .inputs = {scores, k}, .outputs = {best, places}});
  b.conv("on_values", best, 4);
  const TensorId flat = b.node("flat", schema::ReshapeT{.shape = {64, 4}}, {features}, {64, 4});
  const TensorId rows = b.node("rows", schema::GatherT{.axis = 0}, {flat, places}, {1, 8, 8, 2, 4});
  const TensorId image = b.node("image", schema::ReshapeT{.shape = {1, 8, 16, 4}}, {rows}, {1, 8, 16, 4});
  b.conv("on_rows", b.conv("first_on_rows", image, 4), 4);
  const Graph g = b.finish(b.conv("beside", features, 4));
  const Plan p = plan(g);
  for (size_t n = 0; n < g.nodes.size(); ++n)
    EXPECT_EQ(p.int8[n], g.nodes[n].name == "features" || g.nodes[n].name == "scores" || g.nodes[n].name == "beside")
        << g.nodes[n].name;
}

TEST(QuantPlan, ExcludedFirstAndLastLayersStayFloat) {
  GraphBuilder b;
  const TensorId x = b.input({1, 8, 8, 4});
  const Graph g = b.finish(b.conv("c", b.conv("b", b.conv("a", x, 4), 4), 4));
  EXPECT_EQ(plan(g, {.exclude = {"b"}}).int8, (std::vector<bool>{true, false, true}));
  EXPECT_EQ(plan(g, {.float_first = true, .float_last = true}).int8, (std::vector<bool>{false, true, false}));
  const auto wrong = make_plan(g, {.exclude = {"nobody"}});
  ASSERT_FALSE(wrong);
  EXPECT_NE(wrong.error().text.find("nobody"), std::string::npos);
}

}  // namespace
}  // namespace octet::convert
