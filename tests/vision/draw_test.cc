// Drawing stays inside the picture and uses the palette.
#include "vision/draw.h"

#include <gtest/gtest.h>

#include <opencv2/core.hpp>

namespace octet::vision {
namespace {

TEST(Palette, FirstColours) {
  EXPECT_EQ(class_colour(0), cv::Vec3b(0, 0, 128));
  EXPECT_EQ(class_colour(1), cv::Vec3b(0, 128, 0));
  EXPECT_EQ(class_colour(2), cv::Vec3b(0, 128, 128));
  EXPECT_EQ(class_colour(3), cv::Vec3b(128, 0, 0));
  EXPECT_EQ(class_colour(7), cv::Vec3b(0, 0, 64));
}

TEST(Draw, OnlyBoxesAboveTheThreshold) {
  const cv::Mat image(60, 80, CV_8UC3, cv::Scalar::all(0));
  const std::vector<Detection> detections = {{.label = 0, .score = .9f, .x1 = 10, .y1 = 30, .x2 = 50, .y2 = 50},
                                             {.label = 1, .score = .1f, .x1 = 60, .y1 = 30, .x2 = 75, .y2 = 55}};
  const cv::Mat drawn = draw_detections(image, detections, {"thing"}, .5f);
  EXPECT_EQ(drawn.at<cv::Vec3b>(50, 30), class_colour(0));
  EXPECT_EQ(drawn.at<cv::Vec3b>(55, 70), cv::Vec3b(0, 0, 0));
  EXPECT_EQ(cv::norm(image), 0) << "the original is left alone";
}

TEST(Draw, BoxesAtTheEdgesAndOnTinyPictures) {
  for (const int side : {1, 2, 40, 3000}) {
    const cv::Mat image(side, side, CV_8UC3, cv::Scalar::all(9));
    const float end = static_cast<float>(side);
    const std::vector<Detection> whole = {{.label = 300, .score = 1, .x1 = 0, .y1 = 0, .x2 = end, .y2 = end}};
    EXPECT_EQ(draw_detections(image, whole, {}, 0).size(), image.size());
  }
}

// Of the two names of one box each can be read.
TEST(Draw, NamesDoNotLieOnEachOther) {
  const cv::Mat image(200, 200, CV_8UC3, cv::Scalar::all(255));
  const auto plate = [&](const std::vector<Detection>& found, int label) {
    const cv::Vec3b c = class_colour(label);
    cv::Mat same;
    cv::inRange(draw_detections(image, found, {"first", "other"}, 0), c, c, same);
    return cv::countNonZero(same);
  };
  const Detection a{.label = 0, .score = .9f, .x1 = 50, .y1 = 60, .x2 = 150, .y2 = 150},
      b{.label = 1, .score = .8f, .x1 = 50, .y1 = 60, .x2 = 150, .y2 = 150};
  const int frame = 400;  // of the box
  EXPECT_GT(plate({a, b}, 0) + frame, plate({a}, 0));
  EXPECT_GT(plate({a, b}, 1) + frame, plate({b}, 1));
}

TEST(Draw, WhatPeopleDrewHasNoScore) {
  const cv::Mat image(100, 200, CV_8UC3, cv::Scalar::all(0));
  const auto drawn = [&](float score) {
    return draw_detections(image,
                           std::vector<Detection>{{.label = 0, .score = score, .x1 = 9, .y1 = 50, .x2 = 90, .y2 = 90}},
                           {"thing"}, .5f);
  };
  const auto inked = [](const cv::Mat& m) { return cv::countNonZero(m.reshape(1)); };
  EXPECT_LT(inked(drawn(kGiven)), inked(drawn(1)));
}

TEST(Draw, LabelsStandBesideThePhoto) {
  const cv::Mat image(2, 3, CV_8UC3, cv::Scalar::all(100)), labels = cv::Mat::zeros(2, 3, CV_32S);
  EXPECT_EQ(cv::norm(tint_labels(image, labels, 0), image), 0) << "the background stays as it is";
  const cv::Mat drawn = draw_labels(image, labels, -1);
  EXPECT_EQ(drawn.cols, 6);
  EXPECT_EQ(drawn.at<cv::Vec3b>(0, 0), cv::Vec3b(100, 100, 100));
  EXPECT_EQ(drawn.at<cv::Vec3b>(0, 3), cv::Vec3b(40, 40, 117));
}

TEST(Names, CocoOrNumbers) {
  EXPECT_EQ(default_names(80)[0], "person");
  EXPECT_EQ(default_names(80)[79], "toothbrush");
  EXPECT_EQ(default_names(2), (std::vector<std::string>{"class 0", "class 1"}));
}

}  // namespace
}  // namespace octet::vision
