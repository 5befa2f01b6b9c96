// Suppression on hand-made boxes.
#include "vision/detections.h"

#include <gtest/gtest.h>

namespace octet::vision {
namespace {

Detection box(int label, float score, float x1, float x2) { return {label, score, x1, 0, x2, 10}; }

std::vector<float> scores_of(const std::vector<Detection>& detections) {
  std::vector<float> out;
  for (const Detection& d : detections) out.push_back(d.score);
  return out;
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

TEST(Suppress, BoxesApartInBothDirectionsStay) {
  EXPECT_EQ(suppress({{0, .9f, 0, 0, 10, 10}, {0, .8f, 20, 20, 30, 30}}, {.nms_iou = .4f}).size(), 2u);
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
  EXPECT_EQ(suppress(candidates, {}).size(), 100u);
  const auto best = suppress(candidates, {.max_candidates = 2});
  EXPECT_EQ(scores_of(best), (std::vector<float>{499.0f / 500, 498.0f / 500}));
}

TEST(Suppress, ZeroAndNegativeScoresAreOrderedToo) {
  const auto kept = suppress({box(0, -1, 0, 1), box(0, 0, 20, 21), box(0, -2, 40, 41), box(0, 1, 60, 61)}, {});
  EXPECT_EQ(scores_of(kept), (std::vector<float>{1, 0, -1, -2}));
}

TEST(Suppress, OnlyTheBestOfAClassEnter) {
  std::vector<Detection> candidates;
  for (int i = 0; i < 6; ++i)
    candidates.push_back(
        box(i % 2, static_cast<float>(6 - i) / 10, static_cast<float>(i) * 20, static_cast<float>(i) * 20 + 10));
  EXPECT_EQ(scores_of(suppress(candidates, {.class_candidates = 2})), (std::vector<float>{.6f, .5f, .4f, .3f}));
}

TEST(Suppress, EpsilonWidensTheUnion) {
  // Overlap exactly at the threshold, and just above it without the epsilon.
  const std::vector<Detection> two{box(0, .9f, 0, 1), box(0, .8f, 0, .5000001f)};
  EXPECT_EQ(suppress(two, {.nms_iou = .5f}).size(), 1u);
  EXPECT_EQ(suppress(two, {.nms_iou = .5f, .iou_epsilon = 1e-4f}).size(), 2u);
}

TEST(ToPicture, UndoesTheLetterbox) {
  // A 200 x 100 picture, enlarged 2 times into 400 x 400 with 100 rows of padding above.
  const Geometry g = fit(100, 200, {.height = 400, .width = 400});
  ASSERT_EQ(g.pad_y, 100);
  Detection d{.x1 = 150, .y1 = 170, .x2 = 420, .y2 = 230};
  to_picture(d, g);
  EXPECT_FLOAT_EQ(d.x1, 75);
  EXPECT_FLOAT_EQ(d.y1, 35);
  EXPECT_FLOAT_EQ(d.x2, 210) << "boxes are not clipped";
  EXPECT_FLOAT_EQ(d.y2, 65);
}

}  // namespace
}  // namespace octet::vision
