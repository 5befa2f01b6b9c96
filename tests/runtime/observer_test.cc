// An observer sees every float tensor of a run once, those too that are known before anything runs.
#include <gtest/gtest.h>

#include <map>

#include "runtime/core/observe.h"
#include "tests/runtime/build_model.h"

namespace octet {
namespace {

using Seen = std::map<std::string, std::vector<std::vector<float>>>;

// y = relu(x) * rows, where rows is x's second size as a float: known from the shape, computed by no step.
Model scaled_by_rows() {
  ModelBuilder b;
  const int x = b.input("x", {1, -1, 2});
  const int sizes = b.tensor("sizes", {1}, schema::DType::s64), rows = b.tensor("rows", {1});
  const int positive = b.tensor("positive", {1, -1, 2}), y = b.tensor("y", {1, -1, 2});
  schema::ShapeOfT shape;
  shape.start = 1, shape.end = 2;
  b.node("shape", shape, {x}, sizes);
  schema::CastT cast;
  cast.to = schema::DType::f32;
  b.node("cast", cast, {sizes}, rows);
  schema::UnaryT relu;
  relu.act = schema::Activation(schema::ActKind::relu, 0, 0);
  b.node("relu", relu, {x}, positive);
  schema::BinaryT mul;
  mul.kind = schema::BinaryKind::mul;
  b.node("mul", mul, {positive, rows}, y);
  b.model.outputs = {y};
  auto model = Model::from_bytes(b.finish(), "scaled.octet");
  EXPECT_TRUE(model) << model.error().text;
  return *model;
}

void run(Session& session, int64_t rows) {
  ASSERT_TRUE(session.resize_input(0, {1, rows, 2}));
  ASSERT_TRUE(session.prepare());
  for (float& v : session.input(0).f32()) v = -1;
  session.input(0).f32()[0] = 3;
  ASSERT_TRUE(session.run());
}

TEST(Observer, SeesWhatStepsMakeAndWhatFollowsFromShapes) {
  const Model model = scaled_by_rows();
  auto session = Session::create(model, {.precision = Precision::kF32});
  ASSERT_TRUE(session) << session.error().text;
  Seen seen;
  observe(*session, [&](int, const Tensor& value) {
    seen[std::string(value.name)].emplace_back(value.f32().begin(), value.f32().end());
  });
  for (int64_t rows : {1, 2}) run(*session, rows);
  const Seen expected = {{"x", {{3, -1}, {3, -1, -1, -1}}},
                         {"rows", {{1}, {2}}},
                         {"positive", {{3, 0}, {3, 0, 0, 0}}},
                         {"y", {{3, 0}, {6, 0, 0, 0}}}};
  EXPECT_EQ(seen, expected);
}

TEST(Observer, NamesTensorsByTheirPlaceInTheFile) {
  const Model model = scaled_by_rows();
  auto session = Session::create(model, {.precision = Precision::kF32});
  ASSERT_TRUE(session) << session.error().text;
  std::vector<int> seen;
  observe(*session, [&](int tensor, const Tensor&) { seen.push_back(tensor); });
  run(*session, 3);
  EXPECT_EQ(seen, (std::vector<int>{0, 2, 3, 4}));
}

TEST(Observer, MayComeAndGoBetweenRuns) {
  const Model model = scaled_by_rows();
  auto session = Session::create(model, {.precision = Precision::kF32});
  ASSERT_TRUE(session) << session.error().text;
  int calls = 0;
  run(*session, 2);
  observe(*session, [&](int, const Tensor&) { ++calls; });
  run(*session, 2);
  EXPECT_EQ(calls, 4);
  observe(*session, {});
  run(*session, 2);
  EXPECT_EQ(calls, 4);
  EXPECT_EQ(session->output(0).f32()[0], 6);
}

}  // namespace
}  // namespace octet
