// Segmentation metrics worked out by hand.
#include "vision/miou.h"

#include <gtest/gtest.h>

namespace octet::vision {
namespace {

cv::Mat predicted(std::initializer_list<int> values) { return cv::Mat(std::vector<int>(values), true).reshape(1, 1); }
cv::Mat labels(std::initializer_list<uint8_t> values) {
  return cv::Mat(std::vector<uint8_t>(values), true).reshape(1, 1);
}

TEST(Miou, WorkedExample) {
  Confusion c(3, 255);
  ASSERT_TRUE(c.add(predicted({0, 0, 1, 1, 2, 0}), labels({0, 0, 0, 1, 2, 255})));
  const SegmentationMetrics m = c.metrics();
  EXPECT_NEAR(m.class_iou[0], 2.0 / 3, 1e-12);
  EXPECT_NEAR(m.class_iou[1], 1.0 / 2, 1e-12);
  EXPECT_NEAR(m.class_iou[2], 1, 1e-12);
  EXPECT_NEAR(m.miou, (2.0 / 3 + .5 + 1) / 3, 1e-12);
  EXPECT_NEAR(m.accuracy, 4.0 / 5, 1e-12);
  EXPECT_NEAR(m.dice, (4.0 / 5 + 2.0 / 3 + 1) / 3, 1e-12);
  const double chance = (3 * 2 + 1 * 2 + 1 * 1) / 25.0;
  EXPECT_NEAR(m.kappa, (.8 - chance) / (1 - chance), 1e-12);
}

TEST(Miou, PicturesAddUp) {
  Confusion c(2, 255);
  ASSERT_TRUE(c.add(predicted({0, 0}), labels({0, 0})));
  ASSERT_TRUE(c.add(predicted({0, 0}), labels({1, 1})));
  EXPECT_NEAR(c.metrics().miou, (2.0 / 4 + 0) / 2, 1e-12);
}

TEST(Miou, AbsentClassCountsAsOne) {
  Confusion c(2, 255);
  ASSERT_TRUE(c.add(predicted({0}), labels({0})));
  EXPECT_EQ(c.metrics().class_iou[1], 1);
  EXPECT_EQ(c.metrics().miou, 1);
}

TEST(Miou, PredictionThatIsNoClassIsAMiss) {
  Confusion c(2, 255);
  ASSERT_TRUE(c.add(predicted({0, 7, -1, 1}), labels({0, 0, 1, 1})));
  EXPECT_NEAR(c.metrics().miou, .5, 1e-12);
  EXPECT_NEAR(c.metrics().accuracy, .5, 1e-12);
}

TEST(Miou, LabelThatIsNoClassIsAnError) {
  Confusion c(11, 11);
  ASSERT_TRUE(c.add(predicted({0}), labels({11})));
  const auto bad = c.add(predicted({0, 0}), labels({0, 12}));
  ASSERT_FALSE(bad);
  EXPECT_NE(bad.error().text.find("label 12 at (1, 0)"), std::string::npos) << bad.error().text;
}

TEST(Miou, NothingCounted) { EXPECT_EQ(Confusion(2, 255).metrics().accuracy, 0); }

}  // namespace
}  // namespace octet::vision
