// Pascal VOC files and metric on hand-made scenes.
#include "vision/voc.h"

#include <gtest/gtest.h>

#include "tests/vision/scratch.h"

namespace octet::vision {
namespace {

std::string object(const std::string& name, int x1, int y1, int x2, int y2, int difficult = 0) {
  const auto tag = [](const char* key, int v) {
    return std::string("<") + key + ">" + std::to_string(v) + "</" + key + ">";
  };
  return "<object><name>" + name + "</name>" + tag("difficult", difficult) + "<bndbox>" + tag("xmin", x1) +
         tag("ymin", y1) + tag("xmax", x2) + tag("ymax", y2) + "</bndbox></object>";
}

std::string file(const std::string& image, const std::string& objects) {
  return "<annotation><filename>" + image + "</filename>" + objects + "</annotation>";
}

TEST(ReadVoc, AFolderOrAList) {
  const test::Scratch scratch;
  std::filesystem::create_directories(scratch.path("xml"));
  scratch.write("xml/a.xml", file("a.jpg", object("dog", 1, 2, 11, 22) + object("cat", 0, 0, 5, 5, 1)));
  scratch.write("xml/b.xml", file("b.jpg", ""));
  scratch.write("list.txt", "pictures/a.jpg xml/a.xml\r\npictures/b.jpg xml/b.xml\n\n");
  scratch.write("names.txt", "dog\nbird\ncat\n");
  const auto folder = read_voc({scratch.path("xml"), "", ""});
  ASSERT_TRUE(folder) << folder.error().text;
  ASSERT_EQ(folder->images.size(), 2u) << "pictures without objects are kept";
  EXPECT_EQ(folder->images[0].file_name, "a.jpg");
  ASSERT_EQ(folder->categories.size(), 2u);
  EXPECT_EQ(folder->categories[0].name, "cat") << "by name, where no list says otherwise";
  ASSERT_EQ(folder->annotations.size(), 2u);
  EXPECT_EQ(folder->annotations[0].category_id, 2);
  EXPECT_EQ(folder->annotations[0].box, (std::array<double, 4>{1, 2, 10, 20}));
  EXPECT_FALSE(folder->annotations[0].difficult);
  EXPECT_TRUE(folder->annotations[1].difficult);
  const auto list = read_voc({scratch.path("list.txt"), scratch.path(""), scratch.path("names.txt")});
  ASSERT_TRUE(list) << list.error().text;
  EXPECT_EQ(list->images[1].file_name, "pictures/b.jpg");
  EXPECT_EQ(list->categories.size(), 3u);
  EXPECT_EQ(list->annotations[1].category_id, 3);
}

TEST(ReadVoc, MistakesAreNamed) {
  const test::Scratch scratch;
  const auto message = [&](const VocSource& source) {
    const auto read = read_voc(source);
    return read ? std::string() : read.error().text;
  };
  EXPECT_NE(message({scratch.path("none"), "", ""}).find("none': cannot be read"), std::string::npos);
  scratch.write("bad.xml", "<annotation><object><name>a</name></object></annotation>");
  EXPECT_NE(message({scratch.path(""), "", ""}).find("bad.xml': "), std::string::npos);
  scratch.write("bad.xml", "<annotation><obj");
  EXPECT_NE(message({scratch.path(""), "", ""}).find("bad.xml' of '"), std::string::npos);
  scratch.write("bad.xml", file("a.jpg", object("dog", 9, 0, 1, 1)));
  EXPECT_NE(message({scratch.path(""), "", ""}).find("ends before it begins"), std::string::npos);
  scratch.write("bad.xml", file("a.jpg", object("dog", 0, 0, 1, 1)));
  scratch.write("names.txt", "cat\n");
  EXPECT_NE(message({scratch.path(""), "", scratch.path("names.txt")}).find("lacks 'dog'"), std::string::npos);
  scratch.write("list.txt", "onlyone\n");
  EXPECT_NE(message({scratch.path("list.txt"), "", ""}).find("onlyone"), std::string::npos);
}

CocoDataset scene(std::vector<CocoAnnotation> objects) {
  return {.images = {{.id = 0, .file_name = ""}, {.id = 1, .file_name = ""}},
          .categories = {{.id = 1, .name = "a"}, {.id = 2, .name = "b"}},
          .annotations = std::move(objects)};
}

CocoAnnotation at(int64_t image, double x, bool difficult = false) {
  return {.image_id = image, .category_id = 1, .box = {x, 0, 9, 9}, .difficult = difficult};
}

CocoDetection seen(int64_t image, double x, double score) {
  return {.image_id = image, .category_id = 1, .box = {x, 0, 9, 9}, .score = score};
}

TEST(EvaluateVoc, ByHand) {
  // Hits at .9 and .7 of two objects, a miss at .8: precision 1, 1/2, 2/3 at recall 1/2, 1/2, 1.
  const auto dataset = scene({at(0, 0), at(1, 0)});
  const std::vector<CocoDetection> d{seen(0, 0, .9), seen(0, 50, .8), seen(1, 1, .7)};
  const auto eleven = evaluate_voc(dataset, d, true);
  EXPECT_NEAR(eleven.map, (6 * 1.0 + 5 * 2 / 3.0) / 11, 1e-12);
  EXPECT_EQ(eleven.category_ap[1], -1) << "a class without objects does not count";
  EXPECT_NEAR(evaluate_voc(dataset, d, false).map, .5 * 1 + .5 * 2 / 3, 1e-12);
  EXPECT_EQ(evaluate_voc(dataset, {}, true).map, 0);
  EXPECT_EQ(evaluate_voc(scene({}), d, true).map, -1);
}

TEST(EvaluateVoc, DifficultObjectsAndSecondHits) {
  EXPECT_NEAR(evaluate_voc(scene({at(0, 0), at(0, 50, true)}), {seen(0, 50, .9), seen(0, 0, .8)}, false).map, 1, 1e-12);
  // The second box on one object is a miss; it lies above the hit of the other object.
  EXPECT_NEAR(evaluate_voc(scene({at(0, 0), at(1, 0)}), {seen(0, 0, .9), seen(0, 1, .8), seen(1, 0, .7)}, false).map,
              .5 + .5 * 2 / 3, 1e-12);
}

TEST(EvaluateVoc, OverlapOfHalfIsNoHit) {
  // Sides count one pixel more: 10 x 10 boxes of which 20 columns in all, 10 common would be half.
  const CocoAnnotation wide{.image_id = 0, .category_id = 1, .box = {0, 0, 19, 9}};
  EXPECT_EQ(evaluate_voc(scene({wide}), {seen(0, 0, .9)}, false).map, 0);
  const CocoDetection wider{.image_id = 0, .category_id = 1, .box = {0, 0, 10, 9}, .score = .9};
  EXPECT_EQ(evaluate_voc(scene({wide}), {wider}, false).map, 1);
}

}  // namespace
}  // namespace octet::vision
