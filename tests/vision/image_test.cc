// Pictures on disk: what comes back, and errors that name the file.
#include "vision/image.h"

#include <gtest/gtest.h>

#include <opencv2/core.hpp>

#include "tests/vision/scratch.h"

namespace octet::vision {
namespace {

// 3 x 2 pixels, palette of 4 colours at 2 bits, indices 0 1 2 / 3 2 1.
constexpr unsigned char kPalettePng[] = {
    0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0x00, 0x00, 0x00, 0x0d, 0x49, 0x48, 0x44, 0x52, 0x00, 0x00, 0x00,
    0x03, 0x00, 0x00, 0x00, 0x02, 0x02, 0x03, 0x00, 0x00, 0x00, 0xe0, 0x1a, 0x8e, 0x89, 0x00, 0x00, 0x00, 0x0c, 0x50,
    0x4c, 0x54, 0x45, 0x00, 0x00, 0x00, 0xc8, 0x00, 0x00, 0x00, 0xc8, 0x00, 0x00, 0x00, 0xc8, 0x7a, 0x2c, 0x7f, 0x5e,
    0x00, 0x00, 0x00, 0x0c, 0x49, 0x44, 0x41, 0x54, 0x78, 0x9c, 0x63, 0x90, 0x60, 0x78, 0x02, 0x00, 0x01, 0x30, 0x00,
    0xfd, 0x56, 0xcd, 0x1c, 0x73, 0x00, 0x00, 0x00, 0x00, 0x49, 0x45, 0x4e, 0x44, 0xae, 0x42, 0x60, 0x82};

TEST(Image, WritesAndReadsBack) {
  const test::Scratch scratch;
  cv::Mat image(5, 7, CV_8UC3);
  cv::randu(image, 0, 256);
  const std::string path = scratch.path("a.png");
  ASSERT_TRUE(write_image(path, image));
  EXPECT_EQ(scratch.files(), 1u) << "nothing is left aside";
  const auto read = read_image(path);
  ASSERT_TRUE(read) << read.error().text;
  EXPECT_EQ(cv::norm(*read, image, cv::NORM_INF), 0);
}

TEST(Image, GreyPictureReadsAsThreeChannels) {
  const test::Scratch scratch;
  ASSERT_TRUE(write_image(scratch.path("a.png"), cv::Mat(4, 4, CV_8UC1, cv::Scalar(9))));
  EXPECT_EQ(read_image(scratch.path("a.png"))->type(), CV_8UC3);
}

TEST(Image, ErrorsNameTheFile) {
  const test::Scratch scratch;
  scratch.write("empty.jpg", "");
  scratch.write("text.jpg", "not a picture");
  struct Case {
    std::string path;
    const char* expected;
  };
  for (const auto& [path, expected] : {Case{scratch.path("none.jpg"), "no such file"},
                                       {scratch.path("empty.jpg"), "is empty"},
                                       {scratch.path("text.jpg"), "not a picture"},
                                       {scratch.path("."), "is a folder"}}) {
    const auto image = read_image(path);
    ASSERT_FALSE(image) << path;
    EXPECT_NE(image.error().text.find(path), std::string::npos) << image.error().text;
    EXPECT_NE(image.error().text.find(expected), std::string::npos) << image.error().text;
    EXPECT_FALSE(read_labels(path));
  }
}

TEST(Image, CannotBeWritten) {
  const test::Scratch scratch;
  const cv::Mat image(4, 4, CV_8UC3, cv::Scalar::all(0));
  EXPECT_FALSE(write_image(scratch.path("no/such/folder/a.png"), image));
  const auto unknown = write_image(scratch.path("a.unknown"), image);
  ASSERT_FALSE(unknown);
  EXPECT_NE(unknown.error().text.find("a.unknown"), std::string::npos);
  EXPECT_EQ(scratch.files(), 0u);
}

TEST(Labels, GreyValuesAreClassIds) {
  const test::Scratch scratch;
  const cv::Mat labels = (cv::Mat_<uint8_t>(2, 2) << 0, 11, 254, 255);
  ASSERT_TRUE(write_image(scratch.path("l.png"), labels));
  const auto read = read_labels(scratch.path("l.png"));
  ASSERT_TRUE(read) << read.error().text;
  EXPECT_EQ(cv::norm(*read, labels, cv::NORM_INF), 0);
}

TEST(Labels, PaletteIndicesAreClassIds) {
  const test::Scratch scratch;
  const std::string bytes(reinterpret_cast<const char*>(kPalettePng), sizeof kPalettePng);
  const auto read = read_labels(scratch.write("p.png", bytes));
  ASSERT_TRUE(read) << read.error().text;
  const cv::Mat expected = (cv::Mat_<uint8_t>(2, 3) << 0, 1, 2, 3, 2, 1);
  ASSERT_EQ(read->size(), expected.size());
  EXPECT_EQ(cv::norm(*read, expected, cv::NORM_INF), 0);
  for (const size_t kept : {size_t{20}, sizeof kPalettePng / 2, sizeof kPalettePng - 20})
    EXPECT_FALSE(read_labels(scratch.write("cut.png", bytes.substr(0, kept)))) << kept;
}

TEST(Labels, ColouredPictureIsRefused) {
  const test::Scratch scratch;
  ASSERT_TRUE(write_image(scratch.path("c.png"), cv::Mat(2, 2, CV_8UC3, cv::Scalar(1, 2, 3))));
  const auto read = read_labels(scratch.path("c.png"));
  ASSERT_FALSE(read);
  EXPECT_NE(read.error().text.find("c.png"), std::string::npos);
}

}  // namespace
}  // namespace octet::vision
