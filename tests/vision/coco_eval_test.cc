// COCO's average precision on data sets so small that every number can be worked out by hand.
#include "vision/coco_eval.h"

#include <gtest/gtest.h>

#include <cmath>

namespace octet::vision {
namespace {

using Box = std::array<double, 4>;

constexpr Box kSmall{10, 10, 20, 20};       // 400 pixels
constexpr Box kMedium{100, 100, 50, 50};    // 2500
constexpr Box kLarge{200, 200, 100, 100};   // 10000
constexpr Box kElsewhere{400, 10, 50, 50};  // overlaps none of these

CocoDataset dataset(int images, int categories) {
  CocoDataset d;
  for (int i = 1; i <= images; ++i) d.images.push_back({.id = i, .file_name = std::to_string(i) + ".jpg"});
  for (int i = 1; i <= categories; ++i) d.categories.push_back({.id = 10 * i, .name = std::to_string(i)});
  return d;
}

CocoAnnotation object(int64_t image, int64_t category, Box box, bool crowd = false) {
  return {.image_id = image, .category_id = category, .box = box, .area = box[2] * box[3], .crowd = crowd};
}

CocoDetection found(int64_t image, int64_t category, Box box, double score) {
  return {.image_id = image, .category_id = category, .box = box, .score = score};
}

// Precision is 1 up to recall 1/2 and 0 beyond: 51 of the 101 recall points.
constexpr double kHalfFound = 51.0 / 101;

TEST(CocoEval, PerfectDetectionsGiveOneEverywhere) {
  CocoDataset d = dataset(2, 2);
  d.annotations = {object(1, 10, kSmall), object(1, 10, kMedium), object(2, 20, kLarge)};
  const CocoMetrics m =
      evaluate_coco(d, {found(1, 10, kSmall, .9), found(1, 10, kMedium, .8), found(2, 20, kLarge, .7)});
  for (const size_t i : {0, 1, 2, 3, 4, 5, 8, 9, 10, 11}) EXPECT_NEAR(m.stats[i], 1, 1e-12) << i;
  EXPECT_NEAR(m.stats[6], .75, 1e-12);  // one detection a picture finds half of c1, all of c2
  EXPECT_NEAR(m.category_ap[0], 1, 1e-12);
  EXPECT_NEAR(m.category_ap[1], 1, 1e-12);
}

// One picture of two decides: the difference is 0, 1/2 or 1, as it is drawn never, once or twice.
TEST(CocoEval, DifferencesAreResampledByPictures) {
  CocoDataset d = dataset(2, 1);
  d.annotations = {object(1, 10, kMedium), object(2, 10, kMedium)};
  const std::vector<CocoDetection> both = {found(1, 10, kMedium, .9), found(2, 10, kMedium, .9)}, one = {both[0]};
  const ApDifference gain = ap_difference(d, one, both), none = ap_difference(d, both, both);
  EXPECT_NEAR(gain.difference, 1 - kHalfFound, 1e-12);
  EXPECT_NEAR(gain.low, 0, 1e-12);
  EXPECT_NEAR(gain.high, 1, 1e-12);
  for (const double v : {none.difference, none.low, none.high}) EXPECT_EQ(v, 0);
  const ApDifference loss = ap_difference(d, both, one);
  EXPECT_EQ(loss.low, -gain.high);
}

TEST(CocoEval, MissedObject) {
  CocoDataset d = dataset(1, 1);
  d.annotations = {object(1, 10, kSmall), object(1, 10, kLarge)};
  const CocoMetrics m = evaluate_coco(d, {found(1, 10, kLarge, .9)});
  EXPECT_NEAR(m.ap(), kHalfFound, 1e-12);
  EXPECT_NEAR(m.stats[3], 0, 1e-12) << "small";
  EXPECT_EQ(m.stats[4], -1) << "no medium objects";
  EXPECT_NEAR(m.stats[5], 1, 1e-12) << "large";
  EXPECT_NEAR(m.stats[8], .5, 1e-12) << "recall";
}

TEST(CocoEval, FalseDetectionCostsOnlyAboveTheTrueOne) {
  CocoDataset d = dataset(1, 1);
  d.annotations = {object(1, 10, kMedium)};
  EXPECT_NEAR(evaluate_coco(d, {found(1, 10, kMedium, .9), found(1, 10, kElsewhere, .5)}).ap(), 1, 1e-12);
  EXPECT_NEAR(evaluate_coco(d, {found(1, 10, kMedium, .5), found(1, 10, kElsewhere, .9)}).ap(), .5, 1e-12);
}

TEST(CocoEval, SecondDetectionOfOneObjectIsFalse) {
  CocoDataset d = dataset(2, 1);
  d.annotations = {object(1, 10, kMedium), object(2, 10, kMedium)};
  // True .9, false .8, true .7: precision 1 up to recall 1/2, 2/3 beyond.
  const CocoMetrics m =
      evaluate_coco(d, {found(1, 10, kMedium, .9), found(1, 10, kMedium, .8), found(2, 10, kMedium, .7)});
  EXPECT_NEAR(m.ap(), (51 + 50 * 2.0 / 3) / 101, 1e-12);
}

TEST(CocoEval, OverlapDecidesUnderWhichThresholdsADetectionIsTrue) {
  CocoDataset d = dataset(1, 1);
  d.annotations = {object(1, 10, {0, 0, 100, 100})};
  // 72 of 100: true at .50, .55, .60, .65, .70.
  const CocoMetrics m = evaluate_coco(d, {found(1, 10, {0, 0, 72, 100}, .9)});
  EXPECT_NEAR(m.ap(), .5, 1e-12);
  EXPECT_NEAR(m.ap50(), 1, 1e-12);
  EXPECT_NEAR(m.ap75(), 0, 1e-12);
  // Exactly at a threshold counts.
  EXPECT_NEAR(evaluate_coco(d, {found(1, 10, {0, 0, 75, 100}, .9)}).ap75(), 1, 1e-12);
}

TEST(CocoEval, CrowdIsNeitherDemandedNorPunished) {
  CocoDataset d = dataset(1, 1);
  d.annotations = {object(1, 10, kMedium), object(1, 10, {300, 0, 200, 200}, true)};
  // Three detections within the crowd region: ignored, though they stand first.
  const CocoMetrics m = evaluate_coco(d, {found(1, 10, {310, 10, 30, 30}, .99), found(1, 10, {310, 10, 30, 30}, .98),
                                          found(1, 10, {400, 100, 50, 50}, .97), found(1, 10, kMedium, .5)});
  EXPECT_NEAR(m.ap(), 1, 1e-12);
  EXPECT_NEAR(m.stats[8], 1, 1e-12);
}

TEST(CocoEval, RealObjectIsPreferredToACrowdThatOverlapsMore) {
  CocoDataset d = dataset(1, 1);
  d.annotations = {object(1, 10, {0, 0, 200, 200}, true), object(1, 10, {0, 0, 100, 90})};
  // Overlap with the crowd is 1, with the object .9: it is the object's up to threshold .9.
  const CocoMetrics m = evaluate_coco(d, {found(1, 10, {0, 0, 100, 100}, .9)});
  EXPECT_NEAR(m.ap(), .9, 1e-12);
}

TEST(CocoEval, AreaRangesFollowTheObjectsAreaNotItsBox) {
  CocoDataset d = dataset(1, 1);
  d.annotations = {object(1, 10, kLarge)};
  d.annotations[0].area = 1000;  // a thin thing in a large box
  const CocoMetrics m = evaluate_coco(d, {found(1, 10, kLarge, .9)});
  EXPECT_NEAR(m.stats[3], 1, 1e-12) << "small";
  EXPECT_EQ(m.stats[4], -1) << "medium";
  EXPECT_EQ(m.stats[5], -1) << "large";
}

TEST(CocoEval, DetectionsOutsideTheRangeDoNotCountAsFalse) {
  CocoDataset d = dataset(1, 1);
  d.annotations = {object(1, 10, kSmall), object(1, 10, kLarge)};
  // The false medium detection ranks first: it costs AP over all areas, not among small or large.
  const CocoMetrics m =
      evaluate_coco(d, {found(1, 10, kElsewhere, .9), found(1, 10, kSmall, .8), found(1, 10, kLarge, .7)});
  EXPECT_NEAR(m.ap(), 2.0 / 3, 1e-12);
  EXPECT_NEAR(m.stats[3], 1, 1e-12);
  EXPECT_NEAR(m.stats[5], 1, 1e-12);
}

TEST(CocoEval, OnlyTheBestHundredOfAPictureCount) {
  CocoDataset d = dataset(1, 1);
  d.annotations = {object(1, 10, kMedium)};
  std::vector<CocoDetection> detections(100, found(1, 10, kElsewhere, .9));
  detections.push_back(found(1, 10, kMedium, .1));
  EXPECT_NEAR(evaluate_coco(d, detections).ap(), 0, 1e-12);
  detections.erase(detections.begin());
  EXPECT_NEAR(evaluate_coco(d, detections).ap(), .01, 1e-12);
}

TEST(CocoEval, RecallAtOneAndTenDetections) {
  CocoDataset d = dataset(1, 1);
  std::vector<CocoDetection> detections;
  for (int i = 0; i < 20; ++i) {
    const Box box{40.0 * i, 0, 30, 30};
    d.annotations.push_back(object(1, 10, box));
    detections.push_back(found(1, 10, box, .9 - .01 * i));
  }
  const CocoMetrics m = evaluate_coco(d, detections);
  EXPECT_NEAR(m.stats[6], 1 / 20.0, 1e-12);
  EXPECT_NEAR(m.stats[7], 10 / 20.0, 1e-12);
  EXPECT_NEAR(m.stats[8], 1, 1e-12);
}

TEST(CocoEval, EqualScoresKeepTheirOrder) {
  CocoDataset d = dataset(2, 1);
  d.annotations = {object(2, 10, kMedium)};
  // Pictures in order of id, whatever the order of the results: the false one comes first.
  EXPECT_NEAR(evaluate_coco(d, {found(2, 10, kMedium, .5), found(1, 10, kMedium, .5)}).ap(), .5, 1e-12);
  // Within a picture, the order of the results.
  EXPECT_NEAR(evaluate_coco(d, {found(2, 10, kMedium, .5), found(2, 10, kElsewhere, .5)}).ap(), 1, 1e-12);
  EXPECT_NEAR(evaluate_coco(d, {found(2, 10, kElsewhere, .5), found(2, 10, kMedium, .5)}).ap(), .5, 1e-12);
}

TEST(CocoEval, CategoriesWithoutObjectsAreLeftOutOfTheMean) {
  CocoDataset d = dataset(1, 3);
  d.annotations = {object(1, 10, kMedium), object(1, 20, kLarge)};
  const CocoMetrics m = evaluate_coco(d, {found(1, 10, kMedium, .9), found(1, 30, kMedium, .9)});
  EXPECT_NEAR(m.ap(), .5, 1e-12);
  EXPECT_NEAR(m.category_ap[0], 1, 1e-12);
  EXPECT_NEAR(m.category_ap[1], 0, 1e-12) << "objects but no detections";
  EXPECT_EQ(m.category_ap[2], -1) << "detections but no objects";
}

TEST(CocoEval, DetectionsInPicturesWithoutObjectsAreFalse) {
  CocoDataset d = dataset(2, 1);
  d.annotations = {object(1, 10, kMedium)};
  EXPECT_NEAR(evaluate_coco(d, {found(1, 10, kMedium, .5), found(2, 10, kMedium, .9)}).ap(), .5, 1e-12);
}

TEST(CocoEval, EntriesOfUnknownPicturesAndCategoriesAreLeftOut) {
  CocoDataset d = dataset(1, 1);
  d.annotations = {object(1, 10, kMedium), object(7, 10, kMedium), object(1, 11, kMedium)};
  const CocoMetrics m =
      evaluate_coco(d, {found(1, 10, kMedium, .5), found(7, 10, kElsewhere, .9), found(1, 11, kElsewhere, .9)});
  EXPECT_NEAR(m.ap(), 1, 1e-12);
}

TEST(CocoEval, NothingAtAll) {
  for (const double stat : evaluate_coco(dataset(1, 1), {}).stats) EXPECT_EQ(stat, -1);
  CocoDataset d = dataset(1, 1);
  d.annotations = {object(1, 10, kMedium)};
  EXPECT_EQ(evaluate_coco(d, {}).ap(), 0);
}

TEST(CocoEval, SummaryIsPrintedAsPycocotoolsDoes) {
  CocoMetrics m;
  for (size_t i = 0; i < m.stats.size(); ++i) m.stats[i] = static_cast<double>(i) / 100;
  m.stats[3] = -1;
  EXPECT_EQ(summary_text(m),
            " Average Precision  (AP) @[ IoU=0.50:0.95 | area=   all | maxDets=100 ] = 0.000\n"
            " Average Precision  (AP) @[ IoU=0.50      | area=   all | maxDets=100 ] = 0.010\n"
            " Average Precision  (AP) @[ IoU=0.75      | area=   all | maxDets=100 ] = 0.020\n"
            " Average Precision  (AP) @[ IoU=0.50:0.95 | area= small | maxDets=100 ] = -1.000\n"
            " Average Precision  (AP) @[ IoU=0.50:0.95 | area=medium | maxDets=100 ] = 0.040\n"
            " Average Precision  (AP) @[ IoU=0.50:0.95 | area= large | maxDets=100 ] = 0.050\n"
            " Average Recall     (AR) @[ IoU=0.50:0.95 | area=   all | maxDets=  1 ] = 0.060\n"
            " Average Recall     (AR) @[ IoU=0.50:0.95 | area=   all | maxDets= 10 ] = 0.070\n"
            " Average Recall     (AR) @[ IoU=0.50:0.95 | area=   all | maxDets=100 ] = 0.080\n"
            " Average Recall     (AR) @[ IoU=0.50:0.95 | area= small | maxDets=100 ] = 0.090\n"
            " Average Recall     (AR) @[ IoU=0.50:0.95 | area=medium | maxDets=100 ] = 0.100\n"
            " Average Recall     (AR) @[ IoU=0.50:0.95 | area= large | maxDets=100 ] = 0.110\n");
}

}  // namespace
}  // namespace octet::vision
