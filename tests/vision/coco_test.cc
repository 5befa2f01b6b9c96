// Reading and writing COCO's JSON: what is kept, what is refused and how the refusal reads.
#include "vision/coco.h"

#include <gtest/gtest.h>

#include "tests/vision/scratch.h"
#include "vision/coco_eval.h"

namespace octet::vision {
namespace {

constexpr const char* kSmallFile = R"({"info": {"segmentation": 1},
  "images": [{"id": 9, "file_name": "b.jpg"}, {"id": 3, "file_name": "a.jpg", "width": 4}],
  "categories": [{"id": 44, "name": "bottle"}, {"id": 1, "name": "person"}],
  "annotations": [
    {"id": 5, "image_id": 9, "category_id": 44, "bbox": [1, 2.5, 3, 4], "area": 7.25, "iscrowd": 0,
     "segmentation": [[1, 2, 3, 4, 5, 6]]},
    {"id": 6, "image_id": 9, "category_id": 1, "bbox": [0, 0, 5, 6], "iscrowd": 1, "segmentation": {"counts": [1]}}]})";

TEST(Coco, ReadsImagesAndCategoriesSortedById) {
  const test::Scratch scratch;
  const auto d = read_coco(scratch.write("a.json", kSmallFile));
  ASSERT_TRUE(d) << d.error().text;
  ASSERT_EQ(d->images.size(), 2u) << "a picture without objects stays";
  EXPECT_EQ(d->images[0].file_name, "a.jpg");
  EXPECT_EQ(d->categories[0].name, "person");
  EXPECT_EQ(d->categories[1].id, 44);
  ASSERT_EQ(d->annotations.size(), 2u);
  EXPECT_EQ(d->annotations[0].box, (std::array<double, 4>{1, 2.5, 3, 4}));
  EXPECT_EQ(d->annotations[0].area, 7.25);
  EXPECT_FALSE(d->annotations[0].crowd);
  EXPECT_TRUE(d->annotations[1].crowd);
  EXPECT_EQ(d->annotations[1].area, 30) << "the box's where none is given";
}

TEST(Coco, ErrorsNameFileAndEntry) {
  const test::Scratch scratch;
  struct Case {
    const char* content;
    const char* expected;
  };
  for (const auto& [content, expected] : {
           Case{"", "bad.json"},
           Case{"{\"images\": [", "parse error"},
           Case{"[]", "has no \"images\""},
           Case{R"({"images": []})", "has no \"categories\""},
           Case{R"({"images": 3, "categories": []})", "images is not a list"},
           Case{R"({"images": [{"id": 1}], "categories": []})", "images[0]"},
           Case{R"({"images": [{"id": 1, "file_name": "x"}, {"id": 1, "file_name": "y"}], "categories": []})",
                "images: id 1 stands twice"},
           Case{R"({"images": [], "categories": [],
                    "annotations": [{"image_id": 1, "category_id": 1, "bbox": [1, 2, 3]}]})",
                "annotations[0]: bbox has 3 numbers"},
       }) {
    const auto d = read_coco(scratch.write("bad.json", content));
    ASSERT_FALSE(d) << content;
    EXPECT_NE(d.error().text.find("bad.json"), std::string::npos) << d.error().text;
    EXPECT_NE(d.error().text.find(expected), std::string::npos) << d.error().text;
  }
  const auto missing = read_coco(scratch.path("none.json"));
  ASSERT_FALSE(missing);
  EXPECT_NE(missing.error().text.find("none.json': no such file"), std::string::npos);
}

TEST(Coco, DetectionsReadBackToTheSameNumbers) {
  const test::Scratch scratch;
  const std::vector<CocoDetection> written = {
      {.image_id = 1, .category_id = 90, .box = {1.0 / 3, 1e-9, 123456.789, 4}, .score = .1f},
      {.image_id = 123456789012, .category_id = 1, .box = {0, 0, 0, 0}, .score = 1}};
  const std::string path = scratch.path("results.json");
  ASSERT_TRUE(write_detections(path, written));
  EXPECT_EQ(scratch.files(), 1u) << "nothing is left aside";
  const auto read = read_detections(path);
  ASSERT_TRUE(read) << read.error().text;
  ASSERT_EQ(read->size(), written.size());
  for (size_t i = 0; i < written.size(); ++i) {
    EXPECT_EQ((*read)[i].image_id, written[i].image_id);
    EXPECT_EQ((*read)[i].category_id, written[i].category_id);
    EXPECT_EQ((*read)[i].box, written[i].box);
    EXPECT_EQ((*read)[i].score, written[i].score);
  }
  ASSERT_TRUE(write_detections(path, {}));
  EXPECT_TRUE(read_detections(path)->empty());
}

TEST(Coco, UnwritablePlaceIsAnError) {
  const test::Scratch scratch;
  const auto written = write_detections(scratch.path("no/such/folder.json"), {});
  ASSERT_FALSE(written);
  EXPECT_NE(written.error().text.find("folder.json"), std::string::npos);
}

}  // namespace
}  // namespace octet::vision
