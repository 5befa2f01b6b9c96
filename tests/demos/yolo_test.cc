// Boxes from hand-made network outputs.
#include "demos/vision/yolo.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace octet::vision {
namespace {

constexpr size_t kColumns = 7;  // two classes

Geometry same_size(int height, int width) {
  return {.image_height = height,
          .image_width = width,
          .input_height = height,
          .input_width = width,
          .placed_height = height,
          .placed_width = width};
}

Detection box(int label, float score, float x1, float x2) { return {label, score, x1, 0, x2, 10}; }

std::vector<float> scores_of(const std::vector<Detection>& detections) {
  std::vector<float> out;
  for (const Detection& d : detections) out.push_back(d.score);
  return out;
}

TEST(Yolo, BoxIsMappedBackToThePictureAndClipped) {
  // A 200 x 100 picture, enlarged 2 times into 400 x 400 with 100 rows of padding above.
  const Geometry g = fit(100, 200, {.height = 400, .width = 400});
  ASSERT_EQ(g.pad_y, 100);
  const std::vector<float> rows = {200, 200, 100, 60,  1, .9f, 0,     // inside
                                   390, 290, 60,  100, 1, 0,   .8f};  // reaches over the corner
  const auto d = decode_yolo(rows, kColumns, g);
  ASSERT_EQ(d.size(), 2u);
  EXPECT_EQ(d[0].label, 0);
  EXPECT_FLOAT_EQ(d[0].x1, 75);
  EXPECT_FLOAT_EQ(d[0].y1, 35);
  EXPECT_FLOAT_EQ(d[0].x2, 125);
  EXPECT_FLOAT_EQ(d[0].y2, 65);
  EXPECT_EQ(d[1].label, 1);
  EXPECT_FLOAT_EQ(d[1].x1, 180);
  EXPECT_FLOAT_EQ(d[1].x2, 200);
  EXPECT_FLOAT_EQ(d[1].y2, 100);
}

TEST(Yolo, ThresholdsAreExclusiveAndScoreIsTheProduct) {
  const YoloOptions options{.score_threshold = .25f};
  const std::vector<float> rows = {50, 50, 10, 10, .25f, 1,   1,      // objectness only just not above
                                   80, 80, 10, 10, .5f,  .5f, .75f};  // .25: not above; .375
  const auto d = decode_yolo(rows, kColumns, same_size(100, 100), options);
  ASSERT_EQ(d.size(), 1u);
  EXPECT_EQ(d[0].label, 1);
  EXPECT_FLOAT_EQ(d[0].score, .375f);
}

TEST(Yolo, OneRowMayGiveSeveralClasses) {
  const std::vector<float> rows = {50, 50, 10, 10, 1, .6f, .7f};
  EXPECT_EQ(scores_of(decode_yolo(rows, kColumns, same_size(100, 100))), (std::vector<float>{.7f, .6f}));
  EXPECT_EQ(scores_of(decode_yolo(rows, kColumns, same_size(100, 100), {.multi_label = false})),
            (std::vector<float>{.7f}));
}

TEST(Yolo, NumbersThatAreNoneAreDropped) {
  const float nan = std::nanf(""), inf = std::numeric_limits<float>::infinity();
  const std::vector<float> rows = {nan, 50, 10,  10, 1,   .9f, 0,  //
                                   50,  50, inf, 10, 1,   .9f, 0,  //
                                   50,  50, 10,  10, nan, .9f, 0,  //
                                   50,  50, 10,  10, 1,   nan, nan};
  EXPECT_TRUE(decode_yolo(rows, kColumns, same_size(100, 100)).empty());
  EXPECT_TRUE(decode_yolo({}, kColumns, same_size(100, 100)).empty());
}

TEST(Suppress, WeakerOverlapOfOneClassGoes) {
  // Overlaps of 10 x 10 boxes shifted by 2: 8 / 12 = .667; by 3: 7 / 13 = .538.
  const auto kept = suppress({box(0, .5f, 2, 12), box(0, .9f, 0, 10), box(0, .4f, -3, 7), box(1, .3f, 0, 10)}, {});
  EXPECT_EQ(scores_of(kept), (std::vector<float>{.9f, .4f, .3f}));
}

TEST(Suppress, OverlapAtTheThresholdStays) {
  EXPECT_EQ(suppress({box(0, .9f, 0, 10), box(0, .8f, 0, 5)}, {.nms_iou = .5f}).size(), 2u);
  EXPECT_EQ(suppress({box(0, .9f, 0, 10), box(0, .8f, 0, 6)}, {.nms_iou = .5f}).size(), 1u);
}

TEST(Suppress, ASuppressedBoxSuppressesNothing) {
  const auto kept = suppress({box(0, .9f, 0, 10), box(0, .8f, 2, 12), box(0, .7f, 4, 14)}, {});
  EXPECT_EQ(scores_of(kept), (std::vector<float>{.9f, .7f}));
}

TEST(Suppress, EqualScoresKeepTheirOrder) {
  std::vector<Detection> candidates;
  for (int i = 0; i < 50; ++i) candidates.push_back(box(i, .5f, 0, 10));
  const auto kept = suppress(candidates, {});
  ASSERT_EQ(kept.size(), 50u);
  for (int i = 0; i < 50; ++i) EXPECT_EQ(kept[static_cast<size_t>(i)].label, i);
}

TEST(Suppress, Limits) {
  std::vector<Detection> candidates;
  for (int i = 0; i < 500; ++i)
    candidates.push_back(
        box(0, static_cast<float>(i) / 500, static_cast<float>(i) * 20, static_cast<float>(i) * 20 + 10));
  EXPECT_EQ(suppress(candidates, {}).size(), 300u);
  const auto best = suppress(candidates, {.max_candidates = 2});
  EXPECT_EQ(scores_of(best), (std::vector<float>{499.0f / 500, 498.0f / 500}));
}

TEST(Suppress, ZeroAndNegativeScoresAreOrderedToo) {
  const auto kept = suppress({box(0, -1, 0, 1), box(0, 0, 20, 21), box(0, -2, 40, 41), box(0, 1, 60, 61)}, {});
  EXPECT_EQ(scores_of(kept), (std::vector<float>{1, 0, -1, -2}));
}

}  // namespace
}  // namespace octet::vision
