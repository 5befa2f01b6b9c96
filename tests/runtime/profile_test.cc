// profile(): the sum over all runs, whatever became of the plans that ran.
#include <gtest/gtest.h>

#include <map>

#include "tests/runtime/build_model.h"

namespace octet {
namespace {

Session make(const Model& model, SessionOptions options) {
  auto session = Session::create(model, std::move(options));
  EXPECT_TRUE(session) << session.error().text;
  return std::move(*session);
}

// Runs of each node, over all rows.
std::map<std::string, int64_t> runs_of(const Session& session) {
  std::map<std::string, int64_t> runs;
  for (const StepProfile& p : session.profile()) {
    runs[p.node] += p.runs;
    EXPECT_TRUE((p.total_ns > 0) == (p.runs > 0)) << p.node;
  }
  return runs;
}

TEST(Profile, CountsRunsOfPlansThatWereDropped) {
  for (int kept : {1, 2, 9}) {
    Session session =
        make(*Model::from_bytes(small_model(true).finish(), "m.octet"), {.plans_kept = kept, .profile = true});
    auto run = [&](int64_t h, int times) {
      ASSERT_TRUE(session.resize_input(0, {1, h, 5, 4}));
      for (int i = 0; i < times; ++i) ASSERT_TRUE(session.run());
    };
    run(3, 2), run(4, 3), run(5, 1), run(3, 4);
    EXPECT_EQ(runs_of(session)["a"], 10) << kept;
    EXPECT_EQ(runs_of(session)["d"], 10) << kept;
    std::map<int64_t, int64_t> by_height;
    for (const StepProfile& p : session.profile())
      if (p.node == "a" && p.op == "conv2d") by_height[p.input[1]] += p.runs;
    EXPECT_EQ(by_height, (std::map<int64_t, int64_t>{{3, 6}, {4, 3}, {5, 1}})) << kept;
    EXPECT_EQ(session.profile()[0].input[1], 3) << "the present shape comes first";
    session.reset_profile();
    EXPECT_EQ(runs_of(session)["a"], 0) << kept;
    run(4, 1);
    EXPECT_EQ(runs_of(session)["a"], 1) << kept;
  }
}

TEST(Profile, RowsOfOneNameStayApart) {
  ModelBuilder b;
  const int x = b.input("x", {1, 8}), y = b.tensor("y", {1, 8}), z = b.tensor("z", {1, 8});
  schema::UnaryT a;
  a.kind = schema::UnaryKind::exp;
  b.node("same", a, {x}, y);
  b.node("same", a, {y}, z);
  b.model.outputs = {z};
  Session session = make(*Model::from_bytes(b.finish(), "m.octet"), {.precision = Precision::kF32});
  EXPECT_EQ(session.profile().size(), 2u);
}

TEST(Profile, CountsRunsBehindSizesFromData) {
  ModelBuilder b;
  const int x = b.input("x", {1, 9}), at = b.tensor("at", {2, -1}, schema::DType::s64), y = b.tensor("y", {2, -1});
  b.node("at", schema::NonZeroT{}, {x}, at);
  schema::CastT cast;
  cast.to = schema::DType::f32;
  b.node("y", cast, {at}, y);
  b.model.outputs = {y};
  for (int kept : {1, 4}) {
    Session session = make(*Model::from_bytes(b.finish(), "m.octet"),
                           {.precision = Precision::kF32, .plans_kept = kept, .profile = true});
    for (size_t nonzeros : {3, 7, 3, 5, 3}) {
      const auto v = session.input(0).f32();
      for (size_t i = 0; i < v.size(); ++i) v[i] = i < nonzeros;
      ASSERT_TRUE(session.run());
    }
    EXPECT_EQ(runs_of(session)["at"], 5) << kept;
    EXPECT_EQ(runs_of(session)["y"], 5) << kept;
    session.reset_profile();
    EXPECT_EQ(runs_of(session)["y"], 0) << kept;
  }
}

}  // namespace
}  // namespace octet
