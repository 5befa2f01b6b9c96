// What a network saw, drawn for people.
#pragma once
#include <limits>
#include <opencv2/core/mat.hpp>
#include <opencv2/core/types.hpp>
#include <span>
#include <string>
#include <vector>

#include "vision/decode.h"

namespace octet::vision {

// BGR of a picture of 4 channels, others as they are.
cv::Mat drawable(const cv::Mat& picture);

// Colour (BGR) of class k in the palette of the common segmentation data sets; black is left out.
cv::Vec3b class_colour(int k);

// The score of boxes that people drew: none is shown.
inline constexpr float kGiven = std::numeric_limits<float>::infinity();

// The picture with boxes, names and scores of the detections whose score is at least `threshold`. Names of those that come first stand
// best; no name lies on another while there is room.
cv::Mat draw_detections(const cv::Mat& bgr, std::span<const Detection> detections,
                        const std::vector<std::string>& names, float threshold);

// The same over tinted masks and under key points, where there are any.
cv::Mat draw_found(const cv::Mat& bgr, const Found& found, const std::vector<std::string>& names, float threshold);

// The photo tinted by class, but for the class `background` (-1: none). `labels` is CV_32S of the photo's size.
cv::Mat tint_labels(const cv::Mat& bgr, const cv::Mat& labels, int background);
// The photo, and the tinted one beside it.
cv::Mat draw_labels(const cv::Mat& bgr, const cv::Mat& labels, int background);

// The picture with a strip below it: colour and name of each class that `labels` holds.
cv::Mat with_legend(const cv::Mat& bgr, const cv::Mat& labels, const std::vector<std::string>& names);

// COCO's names for 80 classes, and for 90, which count by category id; otherwise "class 0", "class 1", ...
std::vector<std::string> default_names(size_t classes);
std::string name_of(const std::vector<std::string>& names, int label);  // "class 7" where the list is too short

}  // namespace octet::vision
