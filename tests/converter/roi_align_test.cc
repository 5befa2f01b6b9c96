// RoiAlign through importer, passes and runtime. On a plane, the mean of a bin is the plane at its middle.
#include "tests/converter/rig.h"

namespace octet::convert {
namespace {

constexpr int64_t kSize = 16;

// Two images: 10 * row + column, and 1000 more, in both channels.
std::string planes(TestModel& m) {
  std::vector<float> v;
  for (int64_t i = 0; i < 2 * 2 * kSize * kSize; ++i)
    v.push_back(static_cast<float>(10 * (i / kSize % kSize) + i % kSize + (i >= 2 * kSize * kSize ? 1000 : 0)));
  const std::string x = m.input("x", {2, 2, kSize, kSize});
  return m.op("Add", {m.op("Mul", {x, m.floats({1}, {0})}), m.floats({2, 2, kSize, kSize}, v)});
}

struct Case {
  int64_t opset;
  std::vector<Attr> attributes;
  float scale, shift;
  const char* why;
};

TEST(RoiAlign, BinsOfPlanes) {
  for (const Case& c : {Case{10, {}, 1, 0, "before 16 boxes stay"}, Case{16, {}, 1, -.5f, "from 16 on they move"},
                        Case{16,
                             {attr("coordinate_transformation_mode", "output_half_pixel"), attr("spatial_scale", .5f)},
                             .5f,
                             0,
                             "asked to stay"},
                        Case{22, {attr("sampling_ratio", 3)}, 1, -.5f, "a number of samples"}}) {
    TestModel m(c.opset);
    std::vector<Attr> attributes = c.attributes;
    attributes.push_back(attr("output_height", 2));
    attributes.push_back(attr("output_width", 3));
    const std::string boxes = m.floats({2, 4}, {2, 4, 14, 12, 1, 1, 13, 15});
    m.output(m.op("RoiAlign", {planes(m), boxes, m.ints({1, 0})}, attributes));
    const std::vector<float> y = run(converted(m));
    ASSERT_EQ(y.size(), 2u * 2 * 2 * 3) << c.why;
    const float edges[2][4] = {{2, 4, 14, 12}, {1, 1, 13, 15}};
    for (size_t i = 0; i < y.size(); ++i) {
      const float* e = edges[i / 12];
      const float row = e[1] * c.scale + c.shift + (static_cast<float>(i / 3 % 2) + .5f) * (e[3] - e[1]) * c.scale / 2;
      const float column = e[0] * c.scale + c.shift + (static_cast<float>(i % 3) + .5f) * (e[2] - e[0]) * c.scale / 3;
      ASSERT_NEAR(y[i], 10 * row + column + (i < 12 ? 1000 : 0), 1e-3f) << c.why << " at " << i;
    }
  }
}

TEST(RoiAlign, TheLargestOfABin) {
  TestModel m(16);
  const std::vector<Attr> attributes = {attr("mode", "max"), attr("sampling_ratio", 1), attr("output_height", 1),
                                        attr("output_width", 1)};
  const std::string x = planes(m);
  // The sample lies on pixel (5, 7), so that one corner has all the weight.
  m.output(m.op("RoiAlign", {x, m.floats({1, 4}, {5.5f, 3.5f, 9.5f, 7.5f}), m.ints({0})}, attributes));
  const std::vector<float> y = run(converted(m));
  ASSERT_EQ(y.size(), 2u);
  EXPECT_NEAR(y[0], 57, 1e-3);
}

TEST(RoiAlign, TheNumberOfBoxesMayDependOnTheRun) {
  for (const auto& [threshold, boxes] : {std::pair(-100.0f, 3u), std::pair(100.0f, 0u)}) {
    TestModel m(16);
    const std::string x = planes(m), score = m.input("score", {3});
    const std::string found = m.op("NonZero", {m.op("Greater", {score, m.floats({1}, {threshold})})});
    const std::string kept = m.op("Squeeze", {found, m.ints({0})});
    const std::string all = m.floats({3, 4}, {0, 0, 4, 4, 1, 1, 9, 7, 2, 3, 4, 5});
    m.output(m.op("RoiAlign", {x, m.op("Gather", {all, kept}), m.op("Gather", {m.ints({1, 0, 1}), kept})},
                  {attr("output_height", 2), attr("output_width", 2)}));
    const Graph g = converted(m);
    EXPECT_EQ(count(g, schema::Op::RoiAlign), 1) << dump(g);
    EXPECT_EQ(run(g).size(), boxes * 2 * 2 * 2);
  }
}

TEST(RoiAlign, WhatItCannotDoIsSaid) {
  const auto error = [](const std::vector<Attr>& attributes) {
    TestModel m(16);
    m.output(m.op("RoiAlign", {planes(m), m.floats({1, 4}, {0, 0, 1, 1}), m.ints({0})}, attributes));
    return error_of(m);
  };
  EXPECT_NE(error({attr("mode", "median")}).find("median"), std::string::npos);
  EXPECT_NE(error({attr("output_height", 0)}).find("output_height"), std::string::npos);
  EXPECT_NE(error({attr("sampling_ratio", 100000)}).find("sampling_ratio"), std::string::npos);
  EXPECT_NE(error({attr("coordinate_transformation_mode", "pixel")}).find("pixel"), std::string::npos);
}

}  // namespace
}  // namespace octet::convert
