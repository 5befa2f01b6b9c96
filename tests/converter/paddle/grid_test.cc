// Grids, masks, rolls, running sums and what is spelt out of simpler ops, against numbers worked out here.
#include <cmath>

#include "tests/converter/paddle/rig.h"

namespace octet::convert {
namespace {

using Values = std::vector<float>;

void expect_near(const Values& got, const Values& want, const std::string& what) {
  ASSERT_EQ(got.size(), want.size()) << what;
  for (size_t i = 0; i < got.size(); ++i) ASSERT_NEAR(got[i], want[i], 1e-5) << what << " at " << i;
}

TEST(PaddleGrid, Meshgrid) {
  for (int64_t columns : {int64_t{3}, int64_t{-1}}) {
    TestProgram p;
    const std::string x = p.input("x", {columns});
    const Names both = p.ops("meshgrid", {{"X", {p.floats({2}, {5, 7}), x}}}, "Out", 2);
    p.output(p.op("elementwise_add", {{"X", {both[0]}}, {"Y", {both[1]}}}));
    const Values v = input_values(3);
    expect_near(results(p, {Shape{3}}), {5 + v[0], 5 + v[1], 5 + v[2], 7 + v[0], 7 + v[1], 7 + v[2]}, "meshgrid");
  }
}

TEST(PaddleGrid, LinspaceReachesItsEnds) {
  TestProgram p;
  const std::string x = p.input("x", {5});
  const std::string line =
      p.op("linspace", {{"Start", {p.floats({1}, {-1})}}, {"Stop", {p.floats({1}, {2})}}, {"Num", {p.longs({5})}}},
           {attr("dtype", 5)});
  p.output(p.op("elementwise_add", {{"X", {line}}, {"Y", {x}}}));
  Values want = input_values(5);
  for (size_t i = 0; i < 5; ++i) want[i] += -1 + 0.75f * static_cast<float>(i);
  expect_near(results(p), want, "linspace");
}

TEST(PaddleGrid, OneHot) {
  TestProgram p;
  const std::string x = p.input("x", {3});
  const std::string hot = p.op("one_hot_v2", {{"X", {p.longs({2, 0, 7})}}}, {attr("depth", 3), attr("dtype", 5)});
  p.output(p.op("elementwise_mul", {{"X", {hot}}, {"Y", {x}}}));
  const Values v = input_values(3);
  expect_near(results(p), {0, 0, v[2], v[0], 0, 0, 0, 0, 0}, "one_hot_v2");
}

TEST(PaddleGrid, Triangles) {
  for (bool lower : {false, true})
    for (int diagonal : {-1, 0, 2}) {
      TestProgram p;
      p.output(
          p.op("tril_triu", {{"X", {p.input("x", {2, 3, 4})}}}, {flag("lower", lower), attr("diagonal", diagonal)}));
      Values want = input_values(24);
      for (int i = 0; i < 24; ++i) {
        const int r = i / 4 % 3, c = i % 4;
        if (lower ? c > r + diagonal : c < r + diagonal) want[static_cast<size_t>(i)] = 0;
      }
      expect_near(results(p), want, "tril_triu");
    }
}

TEST(PaddleGrid, RollsInBothDirections) {
  for (int shift : {1, -1, 5, 0}) {
    TestProgram p;
    p.output(p.op("roll", {{"X", {p.input("x", {3, 4})}}}, {attr("shifts", {shift, 1}), attr("axis", {1, 0})}));
    const Values v = input_values(12);
    Values want(12);
    for (int r = 0; r < 3; ++r)
      for (int c = 0; c < 4; ++c)
        want[static_cast<size_t>((r + 1) % 3 * 4 + (c + shift + 8) % 4)] = v[static_cast<size_t>(r * 4 + c)];
    expect_near(results(p), want, "roll");
  }
}

TEST(PaddleGrid, RowsOfATable) {
  TestProgram p;
  p.output(p.op("lookup_table_v2", {{"W", {p.input("x", {3, 2})}}, {"Ids", {p.longs({2, 0})}}}));
  const Values v = input_values(6);
  expect_near(results(p), {v[4], v[5], v[0], v[1]}, "lookup_table_v2");
}

TEST(PaddleGrid, LogicalReductions) {
  for (bool all : {false, true}) {
    TestProgram p;
    const std::string x = p.input("x", {4, 3});
    const std::string above = p.op("greater_than", {{"X", {x}}, {"Y", {p.floats({1}, {0})}}});
    const std::string reduced =
        p.op(all ? "reduce_all" : "reduce_any", {{"X", {above}}}, {attr("dim", std::vector<int64_t>{1})});
    p.output(p.op("cast", {{"X", {reduced}}}, {attr("out_dtype", 5)}));
    const Values v = input_values(12);
    Values want;
    for (size_t r = 0; r < 4; ++r) {
      const int count = (v[r * 3] > 0) + (v[r * 3 + 1] > 0) + (v[r * 3 + 2] > 0);
      want.push_back(all ? count == 3 : count > 0);
    }
    expect_near(results(p), want, "logical");
  }
}

TEST(PaddleGrid, LogarithmsAndChannelAffine) {
  for (const auto& [type, f] :
       {std::pair<const char*, double (*)(double)>{"log2", [](double x) { return std::log2(x); }},
        {"log10", [](double x) { return std::log10(x); }},
        {"log1p", [](double x) { return std::log1p(x); }}}) {
    TestProgram p;
    p.output(p.op(type, {{"X", {p.op("exp", {{"X", {p.input("x", {8})}}})}}}));
    Values want = input_values(8);
    for (float& v : want) v = static_cast<float>(f(std::exp(static_cast<double>(v))));
    expect_near(results(p), want, type);
  }
  TestProgram p;
  p.output(p.op(
      "affine_channel",
      {{"X", {p.input("x", {1, 2, 3, 1})}}, {"Scale", {p.floats({2}, {2, 3})}}, {"Bias", {p.floats({2}, {1, -1})}}}));
  Values want = input_values(6);
  for (size_t i = 0; i < 6; ++i) want[i] = i < 3 ? 2 * want[i] + 1 : 3 * want[i] - 1;
  expect_near(results(p), want, "affine_channel");
}

// Paddle's division rounds towards 0, so that a window larger than the image has one place.
TEST(PaddleGrid, PoolsLargerThanTheImageSeeAllOfIt) {
  for (const char* kind : {"max", "avg"}) {
    TestProgram p;
    p.output(p.op("pool2d", {{"X", {p.input("x", {1, 1, 1, 4})}}},
                  {attr("ksize", {2, 2}), attr("strides", {2, 2}), attr("pooling_type", kind)}));
    const Values v = input_values(4);
    const bool max = *kind == 'm';
    expect_near(results(p),
                {max ? std::max(v[0], v[1]) : (v[0] + v[1]) / 2, max ? std::max(v[2], v[3]) : (v[2] + v[3]) / 2}, kind);
  }
}

TEST(PaddleGrid, SineAndCosine) {
  for (const auto& [type, f] : {std::pair<const char*, double (*)(double)>{"sin", [](double x) { return std::sin(x); }},
                                {"cos", [](double x) { return std::cos(x); }}}) {
    TestProgram p;
    p.output(p.op(type, {{"X", {p.input("x", {9})}}}));
    Values want = input_values(9);
    for (float& v : want) v = static_cast<float>(f(static_cast<double>(v)));
    expect_near(results(p), want, type);
  }
}

TEST(PaddleGrid, CumulativeSums) {
  for (bool exclusive : {false, true})
    for (bool reverse : {false, true})
      for (int axis : {0, -1, 7}) {  // 7: of all elements, flat
        TestProgram p;
        std::vector<Attr> attrs = {flag("exclusive", exclusive), flag("reverse", reverse), flag("flatten", axis == 7)};
        if (axis == 0) attrs.push_back(attr("axis", 0));
        p.output(p.op("cumsum", {{"X", {p.input("x", {-1, 3})}}}, attrs));
        const Values v = input_values(12);
        Values want(12);
        for (int i = 0; i < 12; ++i)
          for (int k = 0; k < 12; ++k) {
            const bool along = axis == 7 || (axis == 0 ? i % 3 == k % 3 : i / 3 == k / 3);
            const int before = reverse ? k - i : i - k;
            if (along && (before > 0 || (before == 0 && !exclusive)))
              want[static_cast<size_t>(i)] += v[static_cast<size_t>(k)];
          }
        expect_near(results(p, {Shape{4, 3}}), want, "cumsum " + std::to_string(axis));
      }
}

TEST(PaddleGrid, Unbind) {
  TestProgram p;
  for (const std::string& part : p.ops("unbind", {{"X", {p.input("x", {2, 3, 2})}}}, "Out", 3, {attr("axis", 1)}))
    p.output(part);
  const Values v = input_values(12);
  expect_near(results(p), {v[0], v[1], v[6], v[7], v[2], v[3], v[8], v[9], v[4], v[5], v[10], v[11]}, "unbind");
}

TEST(PaddleGrid, ActivationsWithBounds) {
  const std::tuple<const char*, std::vector<Attr>, float (*)(float)> cases[] = {
      {"thresholded_relu", {}, [](float x) { return x > 1 ? x : 0; }},
      {"thresholded_relu", {attr("threshold", -0.5f), attr("value", 3.0f)}, [](float x) { return x > -0.5f ? x : 3; }},
      {"brelu", {}, [](float x) { return std::min(std::max(x, 0.0f), 24.0f); }},
      {"brelu",
       {attr("t_min", -0.5f), attr("t_max", 0.25f)},
       [](float x) { return std::min(std::max(x, -0.5f), 0.25f); }},
      {"hard_tanh", {}, [](float x) { return std::min(std::max(x, -1.0f), 1.0f); }}};
  for (const auto& [type, attrs, f] : cases) {
    TestProgram p;
    p.output(p.op(type, {{"X", {p.input("x", {20})}}}, attrs));
    Values want = input_values(20);
    for (float& v : want) v = f(v);
    expect_near(results(p), want, type);
  }
}

}  // namespace
}  // namespace octet::convert
