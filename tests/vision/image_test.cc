// Pictures on disk: what comes back, and errors that name the file.
#include "vision/image.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <opencv2/core.hpp>
#include <opencv2/imgcodecs.hpp>

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

TEST(Image, FourChannelsOnlyWhereTheFileHasThem) {
  const test::Scratch scratch;
  ASSERT_TRUE(write_image(scratch.path("four.png"), cv::Mat(2, 2, CV_8UC4, cv::Scalar(1, 2, 3, 4))));
  ASSERT_TRUE(write_image(scratch.path("three.png"), cv::Mat(2, 2, CV_8UC3, cv::Scalar(1, 2, 3))));
  const auto four = read_image_for(scratch.path("four.png"), 4);
  ASSERT_TRUE(four) << four.error().text;
  EXPECT_EQ(four->at<cv::Vec4b>(1, 1), cv::Vec4b(1, 2, 3, 4));
  EXPECT_EQ(read_image_for(scratch.path("four.png"), 3)->type(), CV_8UC3);
  EXPECT_FALSE(read_image_for(scratch.path("three.png"), 4));
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

std::string encoded(const char* ending, const cv::Mat& image) {
  std::vector<uint8_t> bytes;
  EXPECT_TRUE(cv::imencode(ending, image, bytes)) << ending;
  return {bytes.begin(), bytes.end()};
}

TEST(Image, HeadersSaySizesOfEveryFormat) {
  const test::Scratch scratch;
  const cv::Mat image(5, 300, CV_8UC3, cv::Scalar(10, 20, 30));
  for (const char* ending : {".jpg", ".png", ".bmp", ".webp", ".tiff", ".ppm"}) {
    const std::string path = scratch.write(std::string("a") + ending, encoded(ending, image));
    const auto exact = read_image(path, 1500), small = read_image(path, 1499);
    ASSERT_TRUE(exact) << exact.error().text;
    EXPECT_EQ(exact->size(), image.size()) << ending;
    ASSERT_FALSE(small) << ending;
    EXPECT_NE(small.error().text.find("300 x 5 pixels"), std::string::npos) << small.error().text;
    EXPECT_FALSE(read_labels(path, 1499)) << ending;
  }
}

TEST(Image, ProgressiveJpegIsRead) {
  const test::Scratch scratch;
  cv::Mat image(40, 60, CV_8UC3);
  cv::randu(image, 0, 256);
  std::vector<uint8_t> bytes;
  ASSERT_TRUE(cv::imencode(".jpg", image, bytes, {cv::IMWRITE_JPEG_PROGRESSIVE, 1}));
  const std::string whole(bytes.begin(), bytes.end());
  ASSERT_NE(whole.find("\xff\xc2"), std::string::npos) << "progressive";
  const auto read = read_image(scratch.write("p.jpg", whole));
  ASSERT_TRUE(read) << read.error().text;
  EXPECT_EQ(read->size(), image.size());
  EXPECT_TRUE(read_image(scratch.write("cut.jpg", whole.substr(0, whole.size() - 30)))) << "cut within the last scan";
  // Scans of a few bytes that draw all pixels anew.
  const size_t scan = whole.rfind("\xff\xda");
  const std::string last = whole.substr(scan, whole.size() - 2 - scan);
  std::string many = whole.substr(0, scan);
  for (int i = 0; i < 200; ++i) many += last;
  EXPECT_FALSE(read_image(scratch.write("many.jpg", many + whole.substr(whole.size() - 2))));
}

std::string put(std::string bytes, size_t at, std::string_view value) { return bytes.replace(at, value.size(), value); }

TEST(Image, SizeBombsAreRefusedByTheirHeaders) {
  const test::Scratch scratch;
  using std::string_view;
  const cv::Mat image(2, 2, CV_8UC3, cv::Scalar(10, 20, 30));
  const std::string jpg = encoded(".jpg", image), png = encoded(".png", image), bmp = encoded(".bmp", image);
  const std::string palette(reinterpret_cast<const char*>(kPalettePng), sizeof kPalettePng);
  struct Case {
    std::string bytes;
    const char* why;
  };
  const auto canvas = std::string("RIFF\x16\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0\xff\xff\xff\xff\xff\xff", 30);
  const auto tiled = std::string("II*\0\x08\0\0\0\x04\0", 10) + std::string("\0\1\3\0\1\0\0\0\2\0\0\0", 12) +
                     std::string("\1\1\3\0\1\0\0\0\2\0\0\0", 12) + std::string("\x42\1\4\0\1\0\0\0\0\0\1\0", 12) +
                     std::string("\x43\1\4\0\1\0\0\0\0\0\1\0", 12);
  for (const auto& [bytes, why] :
       {Case{put(jpg, jpg.find("\xff\xc0") + 5, "\xff\xfe\xff\xfe"), "jpeg"},
        {put(png, 16, string_view("\x7f\xff\xff\xff\x7f\xff\xff\xff", 8)), "png"},
        {put(palette, 16, string_view("\0\0\x40\1\0\0\x40\0", 8)), "a palette, one column beyond the limit"},
        {put(bmp, 18, string_view("\0\0\1\0\0\0\1\0", 8)), "bmp"},
        {put(bmp, 18, string_view("\0\0\1\0\0\0\xff\xff", 8)), "bmp, the first row first"},
        {canvas, "webp"},
        {tiled, "tiff of large tiles"},
        {"P6\n# comment\n70000 70000\n255\n", "ppm"}}) {
    const std::string path = scratch.write("bomb", bytes);
    for (const auto& read : {read_image(path), read_labels(path)}) {
      ASSERT_FALSE(read) << why;
      EXPECT_NE(read.error().text.find("more than the 268435456"), std::string::npos) << why << read.error().text;
    }
  }
}

TEST(Image, OtherFormatsAreRefusedWithTheirNames) {
  const test::Scratch scratch;
  const std::string dicom = std::string(128, '\0') + "DICM" + std::string(200, '\1');
  std::string webp = "RIFF" + std::string(4, '\0') + "WEBPVP8 " + std::string(200, '\0');
  webp.replace(128, 4, "DICM");
  const std::string tall = encoded(".hdr", cv::Mat(2, 2, CV_32FC3, cv::Scalar(1, 2, 3)));
  const auto big = std::string("II\x2b\0\x08\0\0\0", 8) + std::string(40, '\1');
  for (const std::string& bytes : {dicom, webp, tall, big, std::string("GIF89a......")}) {
    const auto read = read_image(scratch.write("a.png", bytes));
    ASSERT_FALSE(read);
    EXPECT_NE(read.error().text.find("JPEG, PNG, BMP, WebP, TIFF, PBM, PGM, PPM"), std::string::npos)
        << read.error().text;
  }
}

TEST(Image, ReadsNoPipe) {
  const test::Scratch scratch;
  ASSERT_EQ(mkfifo(scratch.path("pipe.png").c_str(), 0600), 0);
  const auto read = read_image(scratch.path("pipe.png"));
  ASSERT_FALSE(read);
  EXPECT_NE(read.error().text.find("pipe"), std::string::npos) << read.error().text;
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
