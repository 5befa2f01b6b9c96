// Every form in which a segmenter answers gives the same label picture.
#include "vision/segment.h"

#include <gtest/gtest.h>

#include <opencv2/core.hpp>

namespace octet::vision {
namespace {

Geometry stretched(int height, int width, int input_height, int input_width) {
  return fit(height, width, {.height = input_height, .width = input_width, .resize = Resize::kStretch});
}

std::vector<int> values(const Result<cv::Mat>& labels) {
  return labels ? std::vector<int>(labels->begin<int>(), labels->end<int>()) : std::vector<int>{-100};
}

const std::vector<int> kExpected = {2, 0, 1, 2};

TEST(Segment, ScoresAsPlanes) {
  std::vector<float> x = {0, 5, 1, 0, /**/ 1, 4, 3, 1, /**/ 2, 3, 2, 9};
  EXPECT_EQ(values(segment({.name = "y", .shape = {1, 3, 2, 2}, .data = x.data()}, 3, stretched(2, 2, 2, 2), false)),
            kExpected);
}

TEST(Segment, ScoresChannelsLast) {
  std::vector<float> x = {0, 1, 2, /**/ 5, 4, 3, /**/ 1, 3, 2, /**/ 0, 1, 9};
  EXPECT_EQ(values(segment({.name = "y", .shape = {1, 2, 2, 3}, .data = x.data()}, 3, stretched(2, 2, 2, 2), false)),
            kExpected);
}

TEST(Segment, LabelsOfSeveralTypes) {
  std::vector<int64_t> s64 = {2, 0, 1, 2};
  std::vector<int32_t> s32 = {2, 0, 1, 2};
  std::vector<uint8_t> u8 = {2, 0, 1, 2};
  std::vector<float> f32 = {2, 0, 1, 2};
  const Geometry g = stretched(2, 2, 2, 2);
  EXPECT_EQ(values(segment({.name = "y", .dtype = DType::kS64, .shape = {1, 2, 2}, .data = s64.data()}, 3, g, false)),
            kExpected);
  EXPECT_EQ(
      values(segment({.name = "y", .dtype = DType::kS32, .shape = {1, 1, 2, 2}, .data = s32.data()}, 3, g, false)),
      kExpected);
  EXPECT_EQ(values(segment({.name = "y", .dtype = DType::kU8, .shape = {1, 2, 2}, .data = u8.data()}, 3, g, false)),
            kExpected);
  EXPECT_EQ(values(segment({.name = "y", .dtype = DType::kF32, .shape = {1, 2, 2}, .data = f32.data()}, 3, g, false)),
            kExpected);
}

TEST(Segment, OneProbability) {
  std::vector<float> x = {.2f, .8f, .5f, .51f};
  EXPECT_EQ(values(segment({.name = "y", .shape = {1, 1, 2, 2}, .data = x.data()}, 2, stretched(2, 2, 2, 2), false)),
            (std::vector<int>{0, 1, 0, 1}));
}

TEST(Segment, RowsOfADetectorAreNoPicture) {
  std::vector<float> x(252 * 7);
  EXPECT_FALSE(segment({.name = "y", .shape = {1, 252, 7}, .data = x.data()}, 0, stretched(64, 64, 64, 64), false));
}

TEST(Segment, LabelsAreEnlargedByNearest) {
  std::vector<int32_t> x = {7, 3};
  EXPECT_EQ(values(segment({.name = "y", .dtype = DType::kS32, .shape = {1, 1, 2}, .data = x.data()}, 9,
                           stretched(1, 4, 1, 2), false)),
            (std::vector<int>{7, 7, 3, 3}));
}

TEST(Segment, ScoresMayBeEnlargedBeforeTheBestIsTaken) {
  // Linear between (1, 0) and (0, 3) at 1/4 and 3/4: class 1 wins from the second quarter on.
  std::vector<float> x = {1, 0, /**/ 0, 3};
  const Tensor y{.name = "y", .shape = {1, 2, 1, 2}, .data = x.data()};
  EXPECT_EQ(values(segment(y, 2, stretched(1, 4, 1, 2), true)), (std::vector<int>{0, 0, 1, 1}));
  x = {1, 0, 0, 9};
  EXPECT_EQ(values(segment(y, 2, stretched(1, 4, 1, 2), true)), (std::vector<int>{0, 1, 1, 1}));
}

TEST(Segment, PaddingIsCutAway) {
  std::vector<int32_t> x = {9, 9, 9, 9, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 9};
  const Geometry g = fit(2, 4, {.height = 4, .width = 4});
  EXPECT_EQ(values(segment({.name = "y", .dtype = DType::kS32, .shape = {1, 4, 4}, .data = x.data()}, 10, g, false)),
            (std::vector<int>{1, 2, 3, 4, 5, 6, 7, 8}));
}

TEST(Segment, ANetworkMayKnowMoreClasses) {
  std::vector<float> x = {0, 0, 1, 0, 0, 0, 0, 9, .5f, .5f, .5f, .5f};
  const Tensor y{.name = "y", .shape = {1, 3, 1, 4}, .data = x.data()};
  EXPECT_EQ(values(segment(y, 2, stretched(1, 4, 1, 4), false)), (std::vector<int>{2, 2, 0, 1}));
  EXPECT_EQ(classes_of(y, 0), 3) << "the shorter axis where nothing is known";
  EXPECT_EQ(classes_of({.name = "y", .shape = {1, 9, 9, 4}, .data = x.data()}, 0), 4);
  EXPECT_EQ(classes_of({.name = "y", .shape = {1, 1, 9, 9}, .data = x.data()}, 0), 2);
  EXPECT_EQ(classes_of({.name = "y", .dtype = DType::kS32, .shape = {1, 9, 9}, .data = x.data()}, 0), 0);
}

TEST(Segment, OtherFormsAreRefused) {
  std::vector<float> x(16);
  const auto bad = segment({.name = "y", .shape = {1, 4, 2, 2}, .data = x.data()}, 5, stretched(2, 2, 2, 2), false);
  ASSERT_FALSE(bad);
  EXPECT_NE(bad.error().text.find("'y'"), std::string::npos);
}

}  // namespace
}  // namespace octet::vision
