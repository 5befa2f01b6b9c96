// Heads with more than boxes, heads of faces and queries: outputs planted by hand, boxes worked out by hand.
#include <cmath>

#include "tests/vision/decode_rig.h"
#include "vision/draw.h"

namespace octet::vision {
namespace {

std::vector<float> zeros(int n) { return std::vector<float>(static_cast<size_t>(n)); }

Found found_by(Decoder decoder, const Rig& rig, const Geometry& g, const DetectionOptions& o = {}) {
  auto found = decode(decoder, rig.tensors(), 0, g, o);
  EXPECT_TRUE(found) << found.error().text;
  return found ? *found : Found{};
}

void expect_point(const KeyPoint& p, float x, float y, float score = 1) {
  EXPECT_NEAR(p.x, x, 1e-3);
  EXPECT_NEAR(p.y, y, 1e-3);
  EXPECT_FLOAT_EQ(p.score, score);
}

// The first prototype is 1 in the upper half, the second in the lower: their difference changes sign in the middle.
TEST(Masks, SumOfPrototypesInsideTheBox) {
  const std::vector<float> prototypes{1, 1, 0, 0, 0, 0, 1, 1};
  Rig eight, five;
  eight.add({1, 7, 3}, {0, 50, 0, 0, 50, 0, 0, 40, 0, 0, 40, 0, 0, .5f, 0, 0, 1, 0, 0, -1, 0})
      .add({1, 2, 2, 2}, prototypes);
  five.add({1, 1, 8}, {50, 50, 40, 40, 1, .5f, 1, -1}).add({1, 2, 2, 2}, prototypes);
  for (const auto& [decoder, rig] : {std::pair{Decoder::kYolo8, &eight}, {Decoder::kYolo5, &five}}) {
    const Found found = found_by(decoder, *rig, same_size(100, 100));
    ASSERT_EQ(found.detections.size(), 1u);
    expect_box(found.detections[0], {0, .5f, 30, 30, 70, 70});
    EXPECT_EQ(found.classes, 1);
    ASSERT_EQ(found.masks.size(), 1u);
    const Mask& mask = found.masks[0];
    EXPECT_EQ(mask.box, cv::Rect(30, 30, 40, 40));
    EXPECT_EQ(cv::countNonZero(mask.bits), 20 * 40);
    EXPECT_EQ(cv::countNonZero(mask.bits.rowRange(0, 20)), 20 * 40) << "rows 30 to 49 of the picture";
    const cv::Mat drawn = draw_found(cv::Mat(100, 100, CV_8UC3, cv::Scalar::all(200)), found, {}, .4f);
    EXPECT_EQ(drawn.at<cv::Vec3b>(45, 50), cv::Vec3b(100, 100, 164)) << "half the colour of class 0";
    EXPECT_EQ(drawn.at<cv::Vec3b>(55, 50), cv::Vec3b(200, 200, 200));
  }
  // A wide picture in a letterbox: 25 rows above and below.
  const Found wide = found_by(Decoder::kYolo8, eight, fit(50, 100, {.height = 100, .width = 100}));
  ASSERT_EQ(wide.masks.size(), 1u);
  EXPECT_EQ(wide.masks[0].box, cv::Rect(30, 5, 40, 40));
  EXPECT_EQ(cv::countNonZero(wide.masks[0].bits.rowRange(0, 20)), 20 * 40);
  EXPECT_EQ(cv::countNonZero(wide.masks[0].bits), 20 * 40);
}

TEST(Pose, PointsBelongToTheBoxThatIsKept) {
  Rig rig;  // two boxes on each other, the second better; two points each
  rig.add({1, 11, 2}, {50, 50, 50, 50, 40,  40, 40, 40, .5f, .75f,  //
                       1,  10, 2,  20, .1f, 1,  3,  30, 4,   40,   .1f, .25f});
  const Geometry half = fit(200, 200, {.height = 100, .width = 100});
  for (const int points : {0, 2}) {
    const Found found = found_by(Decoder::kPose, rig, half, {.key_points = points});
    ASSERT_EQ(found.detections.size(), 1u);
    expect_box(found.detections[0], {0, .75f, 60, 60, 140, 140});
    ASSERT_EQ(found.key_points.size(), 2u);
    expect_point(found.key_points[0], 20, 40);
    expect_point(found.key_points[1], 60, 80, .25f);
  }
  EXPECT_FALSE(decode(Decoder::kPose, rig.tensors(), 0, half, {.classes = 2})) << "5 numbers are no points";
}

// Crossed, two long boxes share little; by an angle of .05 they are the same.
TEST(Rotated, OverlapByTheirGaussians) {
  Rig rig;
  rig.add({1, 6, 3}, {50, 50, 50, 50, 50, 50, 40, 40, 40, 10, 10, 10, .75f, .5f, .25f, 0, 1.5707964f, .05f});
  const Found found = found_by(Decoder::kRotated, rig, same_size(100, 100), {.nms_iou = .7f, .rotated = true});
  ASSERT_EQ(found.detections.size(), 2u);
  expect_box(found.detections[0], {0, .75f, 30, 45, 70, 55});
  EXPECT_FLOAT_EQ(found.detections[1].angle, 1.5707964f);
  // Of the crossed pair: covariances add up to (141.67, 141.67), each has determinant 1111.1, so the distance is
  // log(20069 / (4 * 1111.1)) / 2 = .7538 and the overlap 1 - sqrt(1 - exp(-.7538)) = .2724.
  for (const auto& [threshold, kept] : {std::pair{.28f, 2u}, {.26f, 1u}})
    EXPECT_EQ(found_by(Decoder::kRotated, rig, same_size(100, 100), {.nms_iou = threshold, .rotated = true})
                  .detections.size(),
              kept);
  const cv::Mat drawn =
      draw_found(cv::Mat(100, 100, CV_8UC3, cv::Scalar::all(0)), Found{.detections = {found.detections[1]}}, {}, 0);
  EXPECT_EQ(drawn.at<cv::Vec3b>(65, 45), class_colour(0)) << "turned by a right angle it reaches from 30 to 70 down";
}

TEST(FastestDet, CellsOfOneGrid) {
  std::vector<float> x = zeros(6 * 4);
  x[1] = .5f, x[5 * 4 + 1] = .5f;  // cell (1, 0): both scores .5
  Rig rig;
  rig.add({1, 6, 2, 2}, x);
  const auto d = boxes_of(Decoder::kFastestDet, rig, same_size(32, 32));
  ASSERT_EQ(d.size(), 1u);
  expect_box(d[0], {0, .5f, 8, -8, 24, 8});
}

// 32 x 32: strides 8 and 16 have 16 cells and 4, twice as many boxes.
TEST(Faces, Scrfd) {
  std::vector<float> scores = zeros(8), boxes = zeros(32), points = zeros(80);
  scores[7] = .5f;  // the second box of cell (1, 1)
  const float sides[] = {.5f, .25f, 1, 1};
  std::copy(sides, sides + 4, boxes.begin() + 28);
  points[71] = .5f;
  Rig rig;
  rig.add({32, 1}, zeros(32)).add({8, 1}, scores).add({32, 4}, zeros(128)).add({8, 4}, boxes);
  EXPECT_TRUE(found_by(Decoder::kScrfd, rig, same_size(32, 32)).key_points.empty());
  rig.add({32, 10}, zeros(320)).add({8, 10}, points);
  const Found found = found_by(Decoder::kScrfd, rig, same_size(32, 32));
  ASSERT_EQ(found.detections.size(), 1u);
  expect_box(found.detections[0], {0, .5f, 8, 12, 32, 32});
  ASSERT_EQ(found.key_points.size(), 5u);
  expect_point(found.key_points[0], 16, 24);
  EXPECT_FALSE(decode(Decoder::kScrfd, rig.tensors(), 0, same_size(40, 40), {}));
}

TEST(Faces, RetinaFace) {
  std::vector<float> boxes = zeros(42 * 4), scores = zeros(42 * 2), points = zeros(42 * 10);
  constexpr size_t kPrior = 32 + 6;  // the first of cell (1, 1) of stride 16: 64 pixels about (24, 24)
  scores[2 * kPrior + 1] = .5f;
  boxes[4 * kPrior] = 1;
  points[10 * kPrior] = 1;
  Rig rig;
  rig.add({1, 42, 4}, boxes).add({1, 42, 2}, scores).add({1, 42, 10}, points);
  const Found found = found_by(Decoder::kRetinaFace, rig, same_size(32, 32));
  ASSERT_EQ(found.detections.size(), 1u);
  expect_box(found.detections[0], {0, .5f, -1.6f, -8, 62.4f, 56});
  expect_point(found.key_points.at(0), 30.4f, 24);
  EXPECT_FALSE(decode(Decoder::kRetinaFace, rig.tensors(), 0, same_size(64, 64), {}));
}

TEST(Faces, YuNet) {
  std::vector<float> first = zeros(4), second = zeros(4), boxes = zeros(16), points = zeros(40);
  first[3] = .25f, second[3] = 1;
  boxes[12] = boxes[13] = .5f;
  points[30] = .5f;
  Rig rig;
  rig.add({1, 16, 1}, zeros(16)).add({1, 4, 1}, first).add({1, 16, 1}, zeros(16)).add({1, 4, 1}, second);
  rig.add({1, 16, 4}, zeros(64)).add({1, 4, 4}, boxes).add({1, 16, 10}, zeros(160)).add({1, 4, 10}, points);
  const Found found = found_by(Decoder::kYuNet, rig, same_size(32, 32));
  ASSERT_EQ(found.detections.size(), 1u);
  expect_box(found.detections[0], {0, .5f, 16, 16, 32, 32});
  expect_point(found.key_points.at(0), 24, 16);
}

TEST(Faces, UltraFaceAndYolo5Face) {
  Rig ultra, five;
  ultra.add({1, 3, 2}, {1, 0, .25f, .75f, 1, 0}).add({1, 3, 4}, {0, 0, 0, 0, .1f, .2f, .3f, .4f, 0, 0, 0, 0});
  expect_box(boxes_of(Decoder::kUltraFace, ultra, same_size(100, 200)).at(0), {0, .75f, 20, 20, 60, 40});
  five.add({1, 1, 16}, {50, 50, 20, 40, .5f, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, .5f});
  const Found found = found_by(Decoder::kYolo5Face, five, same_size(100, 100));
  expect_box(found.detections.at(0), {0, .25f, 40, 30, 60, 70});
  ASSERT_EQ(found.key_points.size(), 5u);
  expect_point(found.key_points[4], 49, 50);
}

// The older export: six outputs, here four; 16 x 16 has 4 cells and 1.
TEST(NanoDet, OutputsOfEachStrideInAnyOrder) {
  std::vector<float> scores = zeros(8), sides = zeros(4 * 32);
  scores[3 * 2 + 1] = .5f;  // cell (1, 1), class 1
  for (size_t side = 0; side < 4; ++side) sides[(3 * 4 + side) * 8 + 1] = 50;
  Rig grouped, paired;
  grouped.add({1, 4, 2}, scores).add({1, 1, 2}, {0, 0}).add({1, 4, 32}, sides).add({1, 1, 32}, zeros(32));
  paired.add({1, 4, 2}, scores).add({1, 4, 32}, sides).add({1, 1, 2}, {0, 0}).add({1, 1, 32}, zeros(32));
  for (const Rig* rig : {&grouped, &paired}) {
    const auto d = boxes_of(Decoder::kNanoDet, *rig, same_size(16, 16));
    ASSERT_EQ(d.size(), 1u);
    expect_box(d[0], {1, .5f, 4, 4, 20, 20});
  }
  Rig raw;
  scores[0] = 150;
  raw.add({1, 4, 2}, scores).add({1, 1, 2}, {0, 0}).add({1, 4, 32}, sides).add({1, 1, 32}, zeros(32));
  EXPECT_FALSE(decode(Decoder::kNanoDet, raw.tensors(), 0, same_size(16, 16), {})) << "no scores";
}

TEST(Detr, LogitsScoresOrBothInOne) {
  const std::vector<float> boxes{.5f, .5f, .2f, .4f, .25f, .25f, .5f, .5f};
  Rig logits, named, joined, ids, softmax;
  logits.add({1, 2, 3}, {-20, 0, -20, -20, -20, -20}, "logits").add({1, 2, 4}, boxes, "pred_boxes");
  named.add({1, 2, 4}, {-20, 0, -20, -20, -20, -20, -20, -20}, "logits").add({1, 2, 4}, boxes, "pred_boxes");
  joined.add({1, 2, 7}, {.5f, .5f, .2f, .4f, 0, .5f, 0, .25f, .25f, .5f, .5f, 0, 0, 0});
  std::vector<float> coco(2 * 91, -20);
  coco[2] = 0;
  ids.add({1, 2, 4}, boxes, "dets").add({1, 2, 91}, coco, "labels");
  std::vector<float> with_none(2 * 92, -90);
  with_none[2] = with_none[91] = with_none[92 + 91] = 5;  // as sure of class id 2 as of nothing
  softmax.add({1, 2, 92}, with_none, "logits").add({1, 2, 4}, boxes, "pred_boxes");
  for (const Rig* rig : {&logits, &named, &joined, &ids, &softmax}) {
    const Found found =
        found_by(Decoder::kDetr, *rig, fit(200, 400, {.height = 50, .width = 50, .resize = Resize::kStretch}),
                 {.score_threshold = .01f});
    ASSERT_EQ(found.detections.size(), 1u);
    expect_box(found.detections[0], {1, .5f, 160, 60, 240, 140});
    EXPECT_EQ(found.classes, rig == &ids || rig == &softmax ? 90
                             : rig == &named                ? 4
                                                            : 3)
        << "COCO's ids where they fit";
  }
}

TEST(Classes, TheBestFive) {
  Rig scores, logits;
  scores.add({1, 6}, {.05f, .5f, .2f, .1f, .1f, .05f});
  const auto best = boxes_of(Decoder::kClasses, scores, same_size(10, 20));
  ASSERT_EQ(best.size(), 5u);
  expect_box(best[0], {1, .5f, 0, 0, 20, 10});
  EXPECT_EQ(best[2].label, 3) << "of equals the first";
  logits.add({1, 2}, {5 + std::log(3.0f), 5});
  EXPECT_NEAR(boxes_of(Decoder::kClasses, logits, same_size(10, 20)).at(0).score, .75f, 1e-5);
}

TEST(Crop, TheMiddleFillsTheInput) {
  cv::Mat picture(2, 6, CV_8UC3, cv::Scalar::all(0));
  for (int y = 0; y < 2; ++y)
    for (int x = 2; x < 4; ++x) picture.at<cv::Vec3b>(y, x) = cv::Vec3b(255, 255, 255);
  std::vector<float> out(3 * 2 * 2);
  const Geometry g = preprocess(picture, {.height = 2, .width = 2, .resize = Resize::kCrop}, out);
  EXPECT_EQ(out, std::vector<float>(12, 1.0f));
  Detection d{.x1 = 0, .y1 = 0, .x2 = 2, .y2 = 2};
  to_picture(d, g);
  expect_box(d, {0, 0, 2, 0, 4, 2});
}

}  // namespace
}  // namespace octet::vision
