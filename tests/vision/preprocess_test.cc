// Where pictures land in a network's input, and with which values.
#include "vision/preprocess.h"

#include <gtest/gtest.h>

namespace octet::vision {
namespace {

TEST(Fit, Letterbox) {
  struct Case {
    int h, w, placed_h, placed_w, pad_y, pad_x;
    const char* why;
  };
  for (const auto& c : {Case{640, 640, 640, 640, 0, 0, "fits"},
                        {480, 640, 480, 640, 80, 0, "wide"},
                        {640, 427, 640, 427, 0, 106, "odd rest: the smaller half first"},
                        {320, 320, 640, 640, 0, 0, "enlarged"},
                        {426, 640, 426, 640, 107, 0, "even rest"},
                        {1, 5000, 1, 640, 319, 0, "never less than a pixel"}}) {
    const Geometry g = fit(c.h, c.w, {});
    EXPECT_EQ(g.placed_height, c.placed_h) << c.why;
    EXPECT_EQ(g.placed_width, c.placed_w) << c.why;
    EXPECT_EQ(g.pad_y, c.pad_y) << c.why;
    EXPECT_EQ(g.pad_x, c.pad_x) << c.why;
    EXPECT_DOUBLE_EQ(g.scale_x, static_cast<double>(c.placed_w) / c.w) << c.why;
  }
  const Geometry corner = fit(480, 640, {.resize = Resize::kLetterboxTopLeft});
  EXPECT_EQ(corner.pad_x, 0);
  EXPECT_EQ(corner.pad_y, 0);
  EXPECT_EQ(corner.placed_height, 480);
  const Geometry stretched = fit(300, 500, {.height = 320, .width = 256, .resize = Resize::kStretch});
  EXPECT_EQ(stretched.placed_height, 320);
  EXPECT_DOUBLE_EQ(stretched.scale_x, 256.0 / 500);
  EXPECT_DOUBLE_EQ(stretched.scale_y, 320.0 / 300);
  const Geometry own = fit(33, 65, {.height = 0, .width = 0, .resize = Resize::kStretch});
  EXPECT_EQ(own.input_height, 33);
  EXPECT_EQ(own.input_width, 65);
  EXPECT_DOUBLE_EQ(own.scale_x, 1);
}

TEST(Preprocess, ChannelOrderScaleMeanAndStd) {
  const cv::Mat bgr(2, 2, CV_8UC3, cv::Scalar(10, 20, 30));
  Preprocess p{.height = 2, .width = 2, .resize = Resize::kStretch, .scale = 1, .mean = {1, 2, 3}, .std = {2, 4, 8}};
  std::vector<float> out(12);
  preprocess(bgr, p, out);
  EXPECT_EQ(out, (std::vector<float>{14.5, 14.5, 14.5, 14.5, 4.5, 4.5, 4.5, 4.5, .875, .875, .875, .875})) << "rgb";
  p.channels = Channels::kBgr;
  preprocess(bgr, p, out);
  EXPECT_EQ(out, (std::vector<float>{4.5, 4.5, 4.5, 4.5, 4.5, 4.5, 4.5, 4.5, 3.375, 3.375, 3.375, 3.375})) << "bgr";
}

TEST(Preprocess, OneChannelAndFour) {
  const Preprocess p{
      .height = 1, .width = 2, .resize = Resize::kStretch, .scale = 1, .mean = {1, 2, 3}, .std = {2, 4, 8}};
  std::vector<float> grey(2), four(8);
  preprocess(cv::Mat(1, 2, CV_8UC1, cv::Scalar(11)), p, grey);
  EXPECT_EQ(grey, (std::vector<float>{5, 5}));
  preprocess(cv::Mat(1, 2, CV_8UC4, cv::Scalar(10, 20, 30, 40)), p, four);
  EXPECT_EQ(four, (std::vector<float>{14.5, 14.5, 4.5, 4.5, .875, .875, 40, 40})) << "rgb, and the fourth as it is";
}

TEST(Preprocess, PaddingSurroundsThePicture) {
  const cv::Mat bgr(1, 4, CV_8UC3, cv::Scalar(255, 255, 255));
  std::vector<float> out(48, -1);
  const Preprocess p{.height = 4, .width = 4, .pad = 51};
  preprocess(bgr, p, out);
  const float pad = 51 * p.scale, one = 255 * p.scale;
  for (size_t c = 0; c < 3; ++c)
    for (size_t i = 0; i < 16; ++i) EXPECT_EQ(out[c * 16 + i], i / 4 == 1 ? one : pad) << c << " " << i;
}

TEST(Flags, EmptyTextsChangeNothing) {
  const auto p = apply({}, segmentation_preset());
  ASSERT_TRUE(p);
  EXPECT_EQ(p->resize, Resize::kStretch);
  EXPECT_EQ(p->mean, (std::array<float, 3>{.5f, .5f, .5f}));
}

TEST(Flags, TargetSizeKeepsALetterbox) {
  for (const Resize resize : {Resize::kLetterbox, Resize::kStretch, Resize::kSides}) {
    const auto p = apply({.target_size = {192, 48}}, {.resize = resize});
    ASSERT_TRUE(p);
    EXPECT_EQ(p->width, 192);
    EXPECT_EQ(p->height, 48);
    EXPECT_EQ(p->resize, resize == Resize::kLetterbox ? Resize::kLetterbox : Resize::kStretch);
  }
}

TEST(Flags, AllAreRead) {
  const PreprocessFlags flags{.resize = "letterbox-topleft",
                              .interpolation = "cubic",
                              .channel_order = "BGR",
                              .scale = "1",
                              .mean = "103.5,116.25,123.75",
                              .std = "2",
                              .pad = "0"};
  const auto p = apply(flags, {});
  ASSERT_TRUE(p) << p.error().text;
  EXPECT_EQ(p->resize, Resize::kLetterboxTopLeft);
  EXPECT_EQ(p->interpolation, 2);
  EXPECT_EQ(p->channels, Channels::kBgr);
  EXPECT_EQ(p->scale, 1);
  EXPECT_EQ(p->mean, (std::array<float, 3>{103.5f, 116.25f, 123.75f}));
  EXPECT_EQ(p->std, (std::array<float, 3>{2, 2, 2}));
  EXPECT_EQ(p->pad, 0);
}

TEST(Flags, BadTextsAreNamed) {
  struct Case {
    std::string PreprocessFlags::*flag;
    const char* text;
    const char* name;
  };
  for (const auto& [flag, text, name] : {Case{&PreprocessFlags::resize, "fill", "--resize"},
                                         {&PreprocessFlags::mean, "1,2", "--mean"},
                                         {&PreprocessFlags::mean, "1,2,3,4", "--mean"},
                                         {&PreprocessFlags::mean, "1,2,x", "--mean"},
                                         {&PreprocessFlags::mean, "1,2,", "--mean"},
                                         {&PreprocessFlags::mean, "nan", "--mean"},
                                         {&PreprocessFlags::std, "1,0,1", "--std"},
                                         {&PreprocessFlags::scale, "0", "--scale"},
                                         {&PreprocessFlags::scale, "255x", "--scale"},
                                         {&PreprocessFlags::pad, "256", "--pad"},
                                         {&PreprocessFlags::channel_order, "grb", "--channel_order"},
                                         {&PreprocessFlags::interpolation, "best", "--interpolation"}}) {
    PreprocessFlags flags;
    (flags.*flag).append(text);
    const auto p = apply(flags, {});
    ASSERT_FALSE(p) << name << " " << text;
    EXPECT_NE(p.error().text.find(name), std::string::npos) << p.error().text;
    EXPECT_NE(p.error().text.find(text), std::string::npos) << p.error().text;
  }
}

}  // namespace
}  // namespace octet::vision
