// Boxes, label texts and colours.
#include "vision/draw.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstdio>
#include <opencv2/imgproc.hpp>
#include <set>

namespace octet::vision {
namespace {

constexpr const char* kCocoNames[] = {
    "person",         "bicycle",    "car",           "motorcycle",    "airplane",     "bus",           "train",
    "truck",          "boat",       "traffic light", "fire hydrant",  "stop sign",    "parking meter", "bench",
    "bird",           "cat",        "dog",           "horse",         "sheep",        "cow",           "elephant",
    "bear",           "zebra",      "giraffe",       "backpack",      "umbrella",     "handbag",       "tie",
    "suitcase",       "frisbee",    "skis",          "snowboard",     "sports ball",  "kite",          "baseball bat",
    "baseball glove", "skateboard", "surfboard",     "tennis racket", "bottle",       "wine glass",    "cup",
    "fork",           "knife",      "spoon",         "bowl",          "banana",       "apple",         "sandwich",
    "orange",         "broccoli",   "carrot",        "hot dog",       "pizza",        "donut",         "cake",
    "chair",          "couch",      "potted plant",  "bed",           "dining table", "toilet",        "tv",
    "laptop",         "mouse",      "remote",        "keyboard",      "cell phone",   "microwave",     "oven",
    "toaster",        "sink",       "refrigerator",  "book",          "clock",        "vase",          "scissors",
    "teddy bear",     "hair drier", "toothbrush"};
static_assert(std::size(kCocoNames) == 80);

constexpr size_t kCocoIds = 90;
constexpr int kCocoUnusedIds[] = {12, 26, 29, 30, 45, 66, 68, 69, 71, 83};  // rising

struct Pen {
  int line;     // pixels
  double text;  // OpenCV's font scale
  int margin;
};

Pen pen_for(const cv::Mat& image) {
  const int side = std::max(image.rows, image.cols);
  return {
      .line = std::max(1, side / 300), .text = std::clamp(side / 1500.0, .4, 2.0), .margin = std::max(2, side / 320)};
}

// Names on plates that do not lie on each other while there is room: the first come stand best.
class Labels {
 public:
  explicit Labels(cv::Mat& image) : image_(image), pen_(pen_for(image)) {}

  void draw(const std::string& text, const cv::Rect& box, const cv::Scalar& colour) {
    const int thickness = std::max(1, pen_.line / 2);
    int below = 0;
    const cv::Size size = cv::getTextSize(text, cv::FONT_HERSHEY_SIMPLEX, pen_.text, thickness, &below);
    const cv::Rect plate = place(box, {size.width + 2 * pen_.margin, size.height + below + 2 * pen_.margin});
    cv::rectangle(image_, plate, colour, cv::FILLED);
    const double brightness = .114 * colour[0] + .587 * colour[1] + .299 * colour[2];
    const cv::Scalar ink = brightness > 140 ? cv::Scalar(0, 0, 0) : cv::Scalar(255, 255, 255);
    cv::putText(image_, text, {plate.x + pen_.margin, plate.y + pen_.margin + size.height}, cv::FONT_HERSHEY_SIMPLEX,
                pen_.text, ink, thickness, cv::LINE_AA);
    taken_.push_back(plate);
  }

 private:
  // Above the box, else at its top inside, below it, at its bottom inside; else further down along its left side.
  cv::Rect place(const cv::Rect& box, cv::Size plate) const {
    const int bottom = box.y + box.height, lowest = std::max(0, image_.rows - plate.height);
    const int x = std::clamp(box.x, 0, std::max(0, image_.cols - plate.width));
    std::vector<int> tops{box.y - plate.height, box.y, bottom, bottom - plate.height};
    for (int y = box.y + plate.height; y < bottom; y += plate.height) tops.push_back(y);
    for (const int y : tops) {
      const cv::Rect at({x, y}, plate);
      const auto hit = [&](const cv::Rect& other) { return (at & other).area() > 0; };
      if (y >= 0 && y <= lowest && std::none_of(taken_.begin(), taken_.end(), hit)) return at;
    }
    return {{x, std::clamp(tops[0], 0, lowest)}, plate};
  }

  cv::Mat& image_;
  const Pen pen_;
  std::vector<cv::Rect> taken_;
};

}  // namespace

cv::Mat drawable(const cv::Mat& picture) {
  if (picture.channels() != 4) return picture;
  cv::Mat bgr;
  cv::cvtColor(picture, bgr, cv::COLOR_BGRA2BGR);
  return bgr;
}

cv::Vec3b class_colour(int k) {
  // Three bits of the number at a time go to the top free bit of red, green and blue.
  unsigned id = static_cast<unsigned>(k) + 1, rgb[3] = {0, 0, 0};
  for (int bit = 7; bit >= 0 && id; --bit, id >>= 3)
    for (unsigned c = 0; c < 3; ++c) rgb[c] |= ((id >> c) & 1u) << bit;
  return {static_cast<uint8_t>(rgb[2]), static_cast<uint8_t>(rgb[1]), static_cast<uint8_t>(rgb[0])};
}

namespace {

cv::Scalar colour_of(const Detection& d) {
  const cv::Vec3b c = class_colour(d.label);
  return {static_cast<double>(c[0]), static_cast<double>(c[1]), static_cast<double>(c[2])};
}

void tint(cv::Mat& image, const Mask& mask, const cv::Vec3b& colour) {
  for (int y = 0; y < mask.bits.rows; ++y)
    for (int x = 0; x < mask.bits.cols; ++x)
      if (mask.bits.at<uint8_t>(y, x)) {
        cv::Vec3b& pixel = image.at<cv::Vec3b>(mask.box.y + y, mask.box.x + x);
        for (int c = 0; c < 3; ++c) pixel[c] = static_cast<uint8_t>((pixel[c] + colour[c]) / 2);
      }
}

// Corners of a box that is turned about its centre.
std::vector<cv::Point> corners_of(const Detection& d) {
  const float x = (d.x1 + d.x2) / 2, y = (d.y1 + d.y2) / 2, c = std::cos(d.angle), s = std::sin(d.angle);
  std::vector<cv::Point> out;
  for (const auto& [cx, cy] : {std::pair{d.x1, d.y1}, {d.x2, d.y1}, {d.x2, d.y2}, {d.x1, d.y2}}) {
    constexpr float kFar = 1 << 20;
    const float px = x + (cx - x) * c - (cy - y) * s, py = y + (cx - x) * s + (cy - y) * c;
    out.emplace_back(cvRound(std::clamp(px, -kFar, kFar)), cvRound(std::clamp(py, -kFar, kFar)));
  }
  return out;
}

}  // namespace

cv::Mat draw_found(const cv::Mat& bgr, const Found& found, const std::vector<std::string>& names, float threshold) {
  cv::Mat tinted = bgr.clone();
  const auto& all = found.detections;
  for (size_t i = 0; i < std::min(all.size(), found.masks.size()); ++i)
    if (all[i].score >= threshold) tint(tinted, found.masks[i], class_colour(all[i].label));
  cv::Mat out = draw_detections(tinted, all, names, threshold);
  const size_t points = all.empty() ? 0 : found.key_points.size() / all.size();
  for (size_t i = 0; i < points * all.size(); ++i) {
    const KeyPoint& p = found.key_points[i];
    const bool inside =
        p.x >= 0 && p.y >= 0 && p.x < static_cast<float>(out.cols) && p.y < static_cast<float>(out.rows);
    if (all[i / points].score < threshold || p.score < .5f || !inside) continue;
    cv::circle(out, {cvRound(p.x), cvRound(p.y)}, pen_for(out).line + 1, class_colour(static_cast<int>(i % points)),
               cv::FILLED);
  }
  return out;
}

cv::Mat draw_detections(const cv::Mat& bgr, std::span<const Detection> detections,
                        const std::vector<std::string>& names, float threshold) {
  cv::Mat out = bgr.clone();
  const auto point = [&](float x, float y) {
    return cv::Point(cvRound(std::clamp(x, 0.0f, static_cast<float>(bgr.cols))),
                     cvRound(std::clamp(y, 0.0f, static_cast<float>(bgr.rows))));
  };
  // Names over all boxes.
  for (auto d = detections.rbegin(); d != detections.rend(); ++d)
    if (d->score >= threshold && d->angle != 0)
      cv::polylines(out, corners_of(*d), true, colour_of(*d), pen_for(out).line);
    else if (d->score >= threshold)
      cv::rectangle(out, point(d->x1, d->y1), point(d->x2, d->y2), colour_of(*d), pen_for(out).line);
  Labels labels(out);
  for (const Detection& d : detections) {
    if (d.score < threshold) continue;
    char score[16] = "";
    if (d.score != kGiven) std::snprintf(score, sizeof score, " %.1f%%", static_cast<double>(d.score) * 100);
    labels.draw(name_of(names, d.label) + score, {point(d.x1, d.y1), point(d.x2, d.y2)}, colour_of(d));
  }
  return out;
}

cv::Mat tint_labels(const cv::Mat& bgr, const cv::Mat& labels, int background) {
  assert(bgr.size() == labels.size() && labels.type() == CV_32S);
  cv::Mat colours = bgr.clone();
  for (int y = 0; y < bgr.rows; ++y)
    for (int x = 0; x < bgr.cols; ++x)
      if (const int k = labels.at<int>(y, x); k != background) colours.at<cv::Vec3b>(y, x) = class_colour(k);
  cv::Mat out;
  cv::addWeighted(bgr, .4, colours, .6, 0, out);
  return out;
}

cv::Mat draw_labels(const cv::Mat& bgr, const cv::Mat& labels, int background) {
  cv::Mat out;
  cv::hconcat(bgr, tint_labels(bgr, labels, background), out);
  return out;
}

cv::Mat with_legend(const cv::Mat& bgr, const cv::Mat& labels, const std::vector<std::string>& names) {
  const std::set<int> present(labels.begin<int>(), labels.end<int>());
  const double scale = std::clamp(bgr.cols / 1500.0, .4, 1.0);
  const int row = cvRound(40 * scale), column = std::max(1, std::min(bgr.cols, cvRound(320 * scale)));
  const int columns = std::max(1, bgr.cols / column);
  const int rows = (static_cast<int>(present.size()) + columns - 1) / columns;
  cv::Mat out(bgr.rows + rows * row, bgr.cols, CV_8UC3, cv::Scalar::all(255));
  bgr.copyTo(out.rowRange(0, bgr.rows));
  int i = 0;
  for (const int k : present) {
    const cv::Point at(i % columns * column + row / 4, bgr.rows + i / columns * row + row / 4);
    const cv::Vec3b c = class_colour(k);
    cv::rectangle(out, cv::Rect(at, cv::Size(row, row / 2)), cv::Scalar(c[0], c[1], c[2]), cv::FILLED);
    cv::putText(out, name_of(names, k), {at.x + row + row / 4, at.y + row / 2}, cv::FONT_HERSHEY_SIMPLEX, scale,
                cv::Scalar::all(0), 1, cv::LINE_AA);
    ++i;
  }
  return out;
}

std::string name_of(const std::vector<std::string>& names, int label) {
  const size_t at = static_cast<size_t>(label);
  return at < names.size() ? names[at] : "class " + std::to_string(label);
}

std::vector<std::string> default_names(size_t classes) {
  std::vector<std::string> names;
  if (classes == std::size(kCocoNames) || classes == kCocoIds)
    names.assign(std::begin(kCocoNames), std::end(kCocoNames));
  if (classes == kCocoIds)
    for (const int id : kCocoUnusedIds) names.insert(names.begin() + id - 1, "class " + std::to_string(id));
  for (size_t k = names.size(); k < classes; ++k) names.push_back("class " + std::to_string(k));
  return names;
}

}  // namespace octet::vision
