// Paddle's roi_align: boxes image by image. On a plane, the mean of a bin is the plane at its middle.
#include "tests/converter/paddle/rig.h"

namespace octet::convert {
namespace {

constexpr int64_t kSize = 12;

// 10 * row + column; 1000 more in each further image.
std::string planes(TestProgram& p, int64_t images) {
  std::vector<float> v;
  for (int64_t i = 0; i < images * kSize * kSize; ++i)
    v.push_back(static_cast<float>(10 * (i / kSize % kSize) + i % kSize + 1000 * (i / kSize / kSize)));
  const std::string x = p.input("x", {images, 1, kSize, kSize});
  const std::string none = p.op("elementwise_mul", {{"X", {x}}, {"Y", {p.floats({1}, {0})}}});
  return p.op("elementwise_add", {{"X", {none}}, {"Y", {p.floats({images, 1, kSize, kSize}, v)}}});
}

TEST(PaddleRoiAlign, CountsSayWhichImage) {
  for (bool aligned : {false, true}) {
    TestProgram p;
    const std::string boxes = p.floats({3, 4}, {2, 2, 8, 6, 1, 3, 5, 9, 4, 4, 8, 8});
    // None in the first image, one in the second, two in the third.
    p.output(p.op("roi_align", {{"X", {planes(p, 3)}}, {"ROIs", {boxes}}, {"RoisNum", {p.longs({0, 1, 2})}}},
                  {attr("pooled_height", 1), attr("pooled_width", 2), attr("spatial_scale", 1.0f),
                   attr("sampling_ratio", 2), flag("aligned", aligned)}));
    const std::vector<float> y = results(p);
    const float shift = aligned ? -5.5f : 0;
    const float want[] = {40 + 3.5f + 1000, 40 + 6.5f + 1000, 60 + 2 + 2000,
                          60 + 4 + 2000,    60 + 5 + 2000,    60 + 7 + 2000};
    ASSERT_EQ(y.size(), std::size(want));
    for (size_t i = 0; i < y.size(); ++i) EXPECT_NEAR(y[i], want[i] + shift, 1e-3f) << i;
  }
}

TEST(PaddleRoiAlign, OneImageNeedsNoCounts) {
  TestProgram p;
  p.output(p.op("roi_align", {{"X", {planes(p, 1)}}, {"ROIs", {p.floats({2, 4}, {2, 2, 8, 6, 4, 4, 8, 8})}}},
                {attr("pooled_height", 1), attr("pooled_width", 1), attr("sampling_ratio", -1)}));
  const std::vector<float> y = results(p);
  ASSERT_EQ(y.size(), 2u);
  EXPECT_NEAR(y[0], 45, 1e-3f);
  EXPECT_NEAR(y[1], 66, 1e-3f);
  TestProgram two;
  two.output(two.op("roi_align", {{"X", {planes(two, 2)}}, {"ROIs", {two.floats({1, 4}, {0, 0, 1, 1})}}}));
  auto g = import(two);
  ASSERT_FALSE(g);
  EXPECT_NE(g.error().text.find("RoisNum"), std::string::npos) << g.error().text;
}

}  // namespace
}  // namespace octet::convert
