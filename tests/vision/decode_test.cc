// Boxes from hand-made outputs of every form.
#include <cmath>
#include <limits>

#include "tests/vision/decode_rig.h"
#include "vision/arch.h"
#include "vision/evaluate.h"

namespace octet::vision {
namespace {

TEST(DecodeYolo5, ThresholdsAreExclusiveAndScoreIsTheProduct) {
  Rig rig;
  rig.add({1, 2, 7}, {50, 50, 10, 10, .25f, 1, 1,        // objectness only just not above
                      80, 80, 10, 20, .5f, .5f, .75f});  // .25: not above; .375
  const auto d = boxes_of(Decoder::kYolo5, rig, same_size(100, 100), {.score_threshold = .25f});
  ASSERT_EQ(d.size(), 1u);
  expect_box(d[0], {1, .375f, 75, 70, 85, 90});
}

TEST(DecodeYolo5, OneRowMayGiveSeveralClasses) {
  Rig rig;
  rig.add({1, 1, 7}, {50, 50, 10, 10, 1, .6f, .7f});
  EXPECT_EQ(boxes_of(Decoder::kYolo5, rig, same_size(100, 100)).size(), 2u);
  const auto best = boxes_of(Decoder::kYolo5, rig, same_size(100, 100), {.multi_label = false});
  ASSERT_EQ(best.size(), 1u);
  EXPECT_EQ(best[0].label, 1);
}

TEST(DecodeYolo5, NumbersThatAreNoneAreDropped) {
  const float nan = std::nanf(""), inf = std::numeric_limits<float>::infinity();
  Rig rig;
  rig.add({1, 4, 7}, {nan, 50, 10,  10, 1,   .9f, 0,  //
                      50,  50, inf, 10, 1,   .9f, 0,  //
                      50,  50, 10,  10, nan, .9f, 0,  //
                      50,  50, 10,  10, 1,   nan, nan});
  EXPECT_TRUE(boxes_of(Decoder::kYolo5, rig, same_size(100, 100)).empty());
}

TEST(DecodeYolo5, EachPictureOfABatchHasItsOwn) {
  Rig rig;
  rig.add({2, 1, 6}, {50, 50, 10, 10, 1, .6f, 20, 20, 10, 10, 1, .7f});
  expect_box(boxes_of(Decoder::kYolo5, rig, same_size(100, 100), {}, 1).at(0), {0, .7f, 15, 15, 25, 25});
}

TEST(DecodeYoloX, CellsAndLogarithms) {
  std::vector<float> rows((16 + 4 + 1) * 6);
  const auto put = [&](size_t cell, std::vector<float> row) {
    std::copy(row.begin(), row.end(), rows.begin() + 6 * static_cast<int>(cell));
  };
  put(5, {.5f, .25f, std::log(2.0f), 0, .5f, .5f});  // stride 8, cell (1, 1)
  put(16 + 3, {0, 0, 0, 0, 1, .5f});                 // stride 16, cell (1, 1)
  Rig rig;
  rig.add({1, 21, 6}, rows);
  const auto d = boxes_of(Decoder::kYoloX, rig, same_size(32, 32));
  ASSERT_EQ(d.size(), 2u);
  expect_box(d[0], {0, .5f, 8, 8, 24, 24});
  expect_box(d[1], {0, .25f, 4, 6, 20, 14});
  EXPECT_FALSE(decode(Decoder::kYoloX, rig.tensors(), 0, same_size(64, 32), {}));
}

TEST(DecodeYolo8, PlanesOfScores) {
  Rig rig;
  rig.add({1, 6, 3}, {10, 50, 80, 10, 50, 80, 4, 20, 6, 4, 40, 6,  // cx, cy, w, h
                      .0f, .4f, .0f, 0, .6f, .0005f});
  const auto d = boxes_of(Decoder::kYolo8, rig, same_size(100, 100));
  ASSERT_EQ(d.size(), 2u);
  expect_box(d[0], {1, .6f, 40, 30, 60, 70});
  expect_box(d[1], {0, .4f, 40, 30, 60, 70});
}

TEST(DecodeCorners, OneOutputOrTwo) {
  Rig one, two, other;
  one.add({1, 2, 6}, {10, 20, 30, 40, 0, .5f, 1, 2, 3, 4, .001f, 0});
  two.add({1, 2, 4}, {10, 20, 30, 40, 1, 2, 3, 4}).add({1, 2, 2}, {0, .001f, .5f, 0});
  other.add({1, 2, 2}, {0, .001f, .5f, 0}).add({1, 2, 4}, {10, 20, 30, 40, 1, 2, 3, 4});
  for (const Rig* rig : {&one, &two, &other}) {
    const auto d = boxes_of(Decoder::kCorners, *rig, same_size(100, 100), {.score_threshold = .01f});
    ASSERT_EQ(d.size(), 1u);
    expect_box(d[0], {1, .5f, 10, 20, 30, 40});
  }
  EXPECT_EQ(boxes_of(Decoder::kGfl, two, same_size(100, 100)).size(), 1u) << "decoded in the graph";
}

// 16 x 16: strides 8 and 16 have 4 cells and 1.
TEST(DecodeGfl, MeanOfTheBinsFromTheCentre) {
  std::vector<float> scores(4 * 2), distances(4 * 4 * 3);
  scores[3 * 2 + 1] = .5f;  // cell (1, 1), class 1
  const float far = 50;     // softmax: all of one bin
  for (size_t side = 0; side < 4; ++side) distances[(3 * 4 + side) * 3 + (side == 3 ? 2 : 1)] = far;
  Rig rig;
  rig.add({1, 4, 2}, scores)
      .add({1, 1, 2}, {.25f, 0})
      .add({1, 4, 12}, distances)
      .add({1, 1, 12}, std::vector<float>(12));
  const auto d = boxes_of(Decoder::kGfl, rig, same_size(16, 16));
  ASSERT_EQ(d.size(), 2u);
  expect_box(d[0], {1, .5f, 4, 4, 20, 28});
  expect_box(d[1], {0, .25f, -8, -8, 24, 24});  // all bins equal: their mean is 1
  Rig odd;
  odd.add({1, 3, 2}, std::vector<float>(6)).add({1, 3, 12}, std::vector<float>(36));
  EXPECT_FALSE(decode(Decoder::kGfl, odd.tensors(), 0, same_size(16, 16), {}));
}

TEST(DecodeNanoDet, OnePieceFromTheCorner) {
  std::vector<float> rows(5 * 33);
  rows[3 * 33] = .5f;
  for (size_t side = 0; side < 4; ++side) rows[3 * 33 + 1 + side * 8 + 1] = 50;
  Rig rig;
  rig.add({1, 5, 33}, rows);
  const auto d = boxes_of(Decoder::kNanoDet, rig, same_size(16, 16));
  ASSERT_EQ(d.size(), 1u);
  expect_box(d[0], {0, .5f, 0, 0, 16, 16});
  EXPECT_FALSE(decode(Decoder::kNanoDet, rig.tensors(), 0, same_size(16, 32), {}));
}

TEST(DecodeSsd, BackgroundFirstOrLeftOut) {
  Rig rows, planes, chosen;
  const std::vector<float> boxes{.1f, .2f, .3f, .4f, .5f, .5f, .75f, .75f};
  rows.add({1, 2, 4}, boxes).add({1, 2, 3}, {.9f, 0, .5f, .9f, .001f, 0});
  planes.add({1, 2, 4}, boxes).add({1, 3, 2}, {0, .001f, .5f, 0, 0, 0});
  chosen.add({1, 2, 4}, boxes).add({1, 3, 2}, {0, .2f, .5f, 0, 0, 0}).integers({1, 3}, {0, 1, 0});
  for (const Rig* rig : {&rows, &planes, &chosen}) {
    const auto d = boxes_of(Decoder::kSsd, *rig, same_size(100, 200), {.score_threshold = .01f});
    ASSERT_EQ(d.size(), 1u);
    expect_box(d[0], {1, .5f, 40, 10, 80, 30});
    const auto x_first = boxes_of(Decoder::kSsdCorners, *rig, same_size(100, 200), {.score_threshold = .01f});
    ASSERT_EQ(x_first.size(), 1u);
    expect_box(x_first[0], {1, .5f, 20, 20, 60, 40});
  }
  EXPECT_EQ(decode(Decoder::kSsd, rows.tensors(), 0, same_size(9, 9), {})->classes, 2);
  EXPECT_TRUE(has_nms(Decoder::kSsd, chosen.tensors(), same_size(9, 9)));
  EXPECT_FALSE(has_nms(Decoder::kSsd, planes.tensors(), same_size(9, 9)));
  Rig wild;
  wild.add({1, 2, 4}, boxes).add({1, 3, 2}, std::vector<float>(6)).integers({1, 3}, {0, 3, 0});
  EXPECT_FALSE(decode(Decoder::kSsd, wild.tensors(), 0, same_size(9, 9), {}));
}

TEST(DecodeDetr, BoxesAsTheyCome) {
  Rig rig;
  rig.integers({1, 2}, {7, 3}).add({1, 2, 4}, {1, 2, 3, 4, 5, 6, 7, 8}).add({1, 2}, {.25f, .5f});
  const auto d = boxes_of(Decoder::kDetr, rig, fit(100, 200, {.height = 50, .width = 50}));
  ASSERT_EQ(d.size(), 2u);
  expect_box(d[0], {3, .5f, 5, 6, 7, 8});
  expect_box(d[1], {7, .25f, 1, 2, 3, 4});
}

TEST(DecodeRows, CountsSayWhichPicture) {
  const std::vector<float> rows{0, .9f, 1, 2, 3, 4, -1, .8f, 0, 0, 0, 0, 5, .7f, 5, 6, 7, 8};
  Rig rig;
  rig.add({3, 6}, rows).integers({3}, {2, 0, 1});
  for (const Decoder decoder : {Decoder::kRows, Decoder::kCorners, Decoder::kGfl}) {
    EXPECT_TRUE(has_nms(decoder, rig.tensors(), same_size(9, 9)));
    expect_box(boxes_of(decoder, rig, same_size(9, 9)).at(0), {0, .9f, 1, 2, 3, 4});
    EXPECT_EQ(boxes_of(decoder, rig, same_size(9, 9)).size(), 1u) << "label -1 stands for nothing found";
    EXPECT_TRUE(boxes_of(decoder, rig, same_size(9, 9), {}, 1).empty());
    expect_box(boxes_of(decoder, rig, same_size(9, 9), {}, 2).at(0), {5, .7f, 5, 6, 7, 8});
  }
  for (const std::vector<int64_t>& counts : {std::vector<int64_t>{4}, {-1}, {std::numeric_limits<int64_t>::max()}}) {
    Rig wrong;
    wrong.add({3, 6}, rows).integers({1}, counts);
    EXPECT_FALSE(decode(Decoder::kRows, wrong.tensors(), 0, same_size(9, 9), {}));
  }
}

TEST(DecodeRows, PartsOfThePicture) {
  Rig rig;
  rig.add({1, 6}, {1, .5f, .25f, .5f, .75f, 1});
  expect_box(boxes_of(Decoder::kRelativeRows, rig, same_size(8, 40)).at(0), {1, .5f, 10, 4, 30, 8});
}

// YOLOv10 and later, and ultralytics' nms=True: corners in pixels of the input.
TEST(DecodeRows, EndToEndWhateverTheFamily) {
  Rig rig;
  rig.add({2, 3, 6}, {0,  0,  1,  1,  .25f, 0, 0, 0, 0, 0, 0, 0, 0, 0,    0, 0, 0, 0,  //
                      20, 30, 40, 50, .9f,  3, 2, 4, 6, 8, 1, 0, 1, 2.5f, 3, 4, 0, 7});
  const Geometry g = fit(200, 100, {.height = 100, .width = 100});  // letterbox: half the size, 25 pixels at each side
  for (const Decoder decoder : {Decoder::kYolo5, Decoder::kYolo8, Decoder::kCorners, Decoder::kRows}) {
    EXPECT_TRUE(has_nms(decoder, rig.tensors(), g));
    const auto d = boxes_of(decoder, rig, g, {}, 1);
    ASSERT_EQ(d.size(), 2u);
    expect_box(d[0], {0, 1, -46, 8, -38, 16});
    expect_box(d[1], {3, .9f, -10, 60, 30, 100});
  }
  Rig grid;  // one class: as many rows as there are cells of strides 8, 16, 32
  grid.add({1, 84, 6}, std::vector<float>(84 * 6, .5f));
  EXPECT_FALSE(has_nms(Decoder::kYolo5, grid.tensors(), same_size(64, 64)));
  Rig scores;
  scores.add({1, 1, 6}, {50, 50, 9, 9, .5f, .5f});
  EXPECT_FALSE(has_nms(Decoder::kYolo5, scores.tensors(), g)) << "no number of a class";
  EXPECT_EQ(boxes_of(Decoder::kYolo5, scores, g).size(), 1u);
}

TEST(DecodeRows, BatchedRowsOfSeven) {
  Rig rig;
  Rig half;
  half.add({1, 7}, {0, 0, 0, 9, 9, 2.5f, .5f});
  EXPECT_NE(decode(Decoder::kYolo5, half.tensors(), 0, same_size(9, 9), {}).error().text.find("not 2.5"),
            std::string::npos);
  rig.add({3, 7}, {0, 10, 20, 30, 40, 2, .5f, 1, 5, 6, 7, 8, 1, .75f, 1, 0, 0, 1, 1, 0, .0001f});
  expect_box(boxes_of(Decoder::kYolo5, rig, same_size(100, 100)).at(0), {2, .5f, 10, 20, 30, 40});
  const auto second = boxes_of(Decoder::kYolo5, rig, same_size(100, 100), {}, 1);
  ASSERT_EQ(second.size(), 1u);
  expect_box(second[0], {1, .75f, 5, 6, 7, 8});
}

TEST(DecodeRows, EfficientNms) {
  Rig rig;
  rig.integers({1, 1}, {2})
      .add({1, 3, 4}, {10, 20, 30, 40, 1, 2, 3, 4, 9, 9, 9, 9})
      .add({1, 3}, {.5f, .75f, .9f})
      .integers({1, 3}, {4, 0, 0});
  const auto d = boxes_of(Decoder::kYolo8, rig, same_size(100, 100));
  ASSERT_EQ(d.size(), 2u);
  expect_box(d[0], {0, .75f, 1, 2, 3, 4});
  expect_box(d[1], {4, .5f, 10, 20, 30, 40});
  Rig wrong;
  wrong.integers({1, 1}, {4}).add({1, 3, 4}, std::vector<float>(12)).add({1, 3}, {0, 0, 0}).integers({1, 3}, {0, 0, 0});
  EXPECT_FALSE(decode(Decoder::kYolo8, wrong.tensors(), 0, same_size(9, 9), {}));
}

// What no detector of the family says: the outputs are another's.
TEST(Decode, ScoresEndAtOneAndClassesWithTheList) {
  const Geometry g = same_size(100, 100);
  const auto text = [&](Decoder decoder, const Rig& rig, int classes) {
    const auto found = decode(decoder, rig.tensors(), 0, g, {.classes = classes});
    return found ? "" : found.error().text;
  };
  Rig two, high, rows, triple;
  two.add({1, 6, 3}, {10, 50, 80, 10, 50, 80, 4, 20, 6, 4, 40, 6, .0f, .4f, .0f, 0, 1.005f, 0});
  EXPECT_EQ(text(Decoder::kYolo8, two, 0), "");
  EXPECT_EQ(text(Decoder::kYolo8, two, 2), "") << "int8 rounds 1 a little up";
  EXPECT_NE(text(Decoder::kYolo8, two, 3).find("tells 2 classes apart; the model has names of 3"), std::string::npos);
  high.add({1, 6, 3}, {10, 50, 80, 10, 50, 80, 4, 20, 6, 4, 40, 6, .0f, .4f, .0f, 0, 464.f, 0});
  EXPECT_NE(text(Decoder::kYolo8, high, 0).find("class 1 the score 464"), std::string::npos);
  rows.add({1, 1, 6}, {0, 0, 9, 9, .5f, 7});
  EXPECT_EQ(text(Decoder::kYolo8, rows, 8), "");
  EXPECT_NE(text(Decoder::kYolo8, rows, 7).find("class 7; the model has names of 7"), std::string::npos);
  triple.integers({1, 1}, {7}).add({1, 1, 4}, {1, 2, 3, 4}).add({1, 1}, {1.5f});
  EXPECT_NE(text(Decoder::kDetr, triple, 0).find("the score 1.5"), std::string::npos);
}

TEST(Decode, OtherFormsAreRefused) {
  Rig rig;
  rig.add({1, 3, 4, 4}, std::vector<float>(48));
  for (int i = 0; i <= static_cast<int>(Decoder::kNoBoxes); ++i) {
    if (static_cast<Decoder>(i) == Decoder::kFastestDet) continue;  // that is how its outputs look
    const auto found = decode(static_cast<Decoder>(i), rig.tensors(), 0, same_size(64, 64), {});
    ASSERT_FALSE(found) << i;
    EXPECT_NE(found.error().text.find("{1, 3, 4, 4}"), std::string::npos) << i << found.error().text;
  }
}

TEST(Decode, OutputsOfAnotherFamilyAreRefused) {
  const Geometry g = same_size(64, 64);
  Rig five, eight;
  five.add({1, 252, 7}, std::vector<float>(252 * 7, .9f));
  eight.add({1, 6, 84}, std::vector<float>(84 * 6, .9f));
  EXPECT_TRUE(decode(Decoder::kYolo5, five.tensors(), 0, g, {}));
  EXPECT_TRUE(decode(Decoder::kYolo8, eight.tensors(), 0, g, {}));
  for (const auto& found :
       {decode(Decoder::kYolo8, five.tensors(), 0, g, {}), decode(Decoder::kYolo5, eight.tensors(), 0, g, {})}) {
    ASSERT_FALSE(found);
    EXPECT_NE(found.error().text.find("more boxes than classes"), std::string::npos) << found.error().text;
  }
}

TEST(Arch, NamesAsPeopleWriteThem) {
  for (const char* name : {"YOLOv5", "yolov5", "PP-YOLOE", "ppyoloe", "PPYOLOE+", "PicoDet", "NanoDet", "YOLOX", "SSD",
                           "DETR", "YOLOv8", "YOLO11", "seg"})
    EXPECT_TRUE(arch_of(name)) << name;
  const auto unknown = arch_of("YOLO9000");
  ASSERT_FALSE(unknown);
  EXPECT_NE(unknown.error().text.find("YOLO9000"), std::string::npos);
  EXPECT_NE(unknown.error().text.find("PicoDet"), std::string::npos);
}

TEST(PositionsOf, ByPositionOrByCategoryId) {
  const std::vector<CocoCategory> two{{.id = 1, .name = "a"}, {.id = 3, .name = "b"}};
  for (const int classes : {0, 2}) EXPECT_EQ(*positions_of(classes, two), (std::vector<size_t>{0, 1}));
  EXPECT_EQ(*positions_of(3, two), (std::vector<size_t>{0, SIZE_MAX, 1}));
  EXPECT_FALSE(positions_of(1, two));
  EXPECT_FALSE(positions_of(3, {{.id = 1, .name = "a"}, {.id = 2, .name = "b"}})) << "no gaps: another data set";
  EXPECT_FALSE(positions_of(4, {{.id = 9, .name = "a"}}));
}

}  // namespace
}  // namespace octet::vision
