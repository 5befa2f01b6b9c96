// Resizing as the networks' own training code does it, and one pass from bytes to float planes.
#include "vision/preprocess.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstring>
#include <opencv2/imgproc.hpp>

#include "vision/image.h"

namespace octet::vision {
namespace {

constexpr int kLongestSide = 1 << 14;  // in pixels

template <class T>
void normalise(const T* __restrict x, float* __restrict y, size_t n, float scale, float mean, float std) {
  for (size_t i = 0; i < n; ++i) y[i] = (static_cast<float>(x[i]) * scale - mean) / std;
}

// One channel of the placed picture into its padded plane.
void write_plane(const cv::Mat& plane, const Preprocess& p, const Geometry& g, size_t c, float* out) {
  const float mean = c < 3 ? p.mean[c] : 0, std = c < 3 ? p.std[c] : 1;
  const size_t height = static_cast<size_t>(g.input_height), width = static_cast<size_t>(g.input_width);
  if (g.placed_height != g.input_height || g.placed_width != g.input_width) {
    float value = 0;
    if (!p.pad_zero) normalise(&p.pad, &value, 1, p.scale, mean, std);
    std::fill(out, out + height * width, value);
  }
  const size_t n = static_cast<size_t>(g.placed_width);
  // Below 0 are pads of what was cut away.
  float* row = out + static_cast<size_t>(std::max(g.pad_y, 0)) * width + static_cast<size_t>(std::max(g.pad_x, 0));
  for (int y = 0; y < g.placed_height; ++y, row += width) {
    if (plane.depth() == CV_8U)
      normalise(plane.ptr<uint8_t>(y), row, n, p.scale, mean, std);
    else
      normalise(plane.ptr<float>(y), row, n, p.scale, mean, std);
  }
}

int rounded(double x, Rounding rounding) {
  return static_cast<int>(rounding == Rounding::kEven ? std::nearbyint(x) : std::floor(x + .5));
}

int multiple_of(int side, int step) { return step > 0 ? (side + step - 1) / step * step : side; }

// The factor by which `p` enlarges a picture whose proportions it keeps.
double ratio(int height, int width, const Preprocess& p) {
  const double fit_height = p.height ? p.height / static_cast<double>(height) : HUGE_VAL;
  const double fit_width = p.width ? p.width / static_cast<double>(width) : HUGE_VAL;
  const double most = std::min(fit_height, fit_width);
  if (p.resize != Resize::kSides) return most;
  const double longer = std::max(height, width), shorter = std::min(height, width);
  const Sides& s = p.sides;
  double r = 1;
  if (s.short_side)
    r = std::min(s.short_side / shorter, s.long_max ? s.long_max / longer : HUGE_VAL);
  else if (s.long_max && longer > s.long_max)
    r = s.long_max / longer;
  else if (s.long_min && longer < s.long_min)
    r = s.long_min / longer;
  return std::min(r, most);
}

}  // namespace

Geometry fit(int image_height, int image_width, const Preprocess& p) {
  Geometry g{.image_height = image_height,
             .image_width = image_width,
             .padded_height = image_height,
             .padded_width = image_width};
  if (p.aspect_ratio > 0) {
    const float width = std::max(static_cast<float>(image_width), static_cast<float>(image_height) * p.aspect_ratio);
    const float height = std::max(static_cast<float>(image_height), static_cast<float>(image_width) / p.aspect_ratio);
    if (width * height <= static_cast<float>(kMostPixels)) {
      g.padded_width = static_cast<int>(width);
      g.padded_height = static_cast<int>(height);
    }
  }
  if (p.resize == Resize::kCrop && p.height && p.width) {
    const double r =
        std::max(static_cast<double>(p.height) / g.padded_height, static_cast<double>(p.width) / g.padded_width);
    g.input_height = g.placed_height = p.height, g.input_width = g.placed_width = p.width;
    g.scale_x = g.scale_y = r;
    g.pad_x = -static_cast<int>(std::lround((g.padded_width * r - p.width) / 2));
    g.pad_y = -static_cast<int>(std::lround((g.padded_height * r - p.height) / 2));
    return g;
  }
  // A letterbox needs a side that is open no less than one that is given.
  const bool stretch = p.resize == Resize::kStretch || (p.resize != Resize::kSides && (!p.height || !p.width));
  if (stretch) {
    g.placed_height = p.height ? p.height : g.padded_height;
    g.placed_width = p.width ? p.width : g.padded_width;
  } else {
    const double r = ratio(g.padded_height, g.padded_width, p);
    const int height_limit = p.height ? p.height : kLongestSide, width_limit = p.width ? p.width : kLongestSide;
    g.placed_height = std::clamp(rounded(g.padded_height * r, p.rounding), 1, height_limit);
    g.placed_width = std::clamp(rounded(g.padded_width * r, p.rounding), 1, width_limit);
  }
  if (!p.height) g.placed_height = multiple_of(g.placed_height, p.divisor);
  if (!p.width) g.placed_width = multiple_of(g.placed_width, p.divisor);
  g.input_height = p.height ? p.height : multiple_of(g.placed_height, p.stride);
  g.input_width = p.width ? p.width : multiple_of(g.placed_width, p.stride);
  if (p.resize == Resize::kLetterbox) {  // an odd rest: the smaller half first
    g.pad_y = rounded((g.input_height - g.placed_height) / 2.0 - 0.1, Rounding::kEven);
    g.pad_x = rounded((g.input_width - g.placed_width) / 2.0 - 0.1, Rounding::kEven);
  }
  g.scale_x = static_cast<double>(g.placed_width) / g.padded_width;
  g.scale_y = static_cast<double>(g.placed_height) / g.padded_height;
  return g;
}

Geometry preprocess(const cv::Mat& picture, const Preprocess& p, std::span<float> out) {
  const size_t channels = static_cast<size_t>(picture.channels());
  assert(picture.depth() == CV_8U && (channels == 1 || channels == 3 || channels == 4));
  const Geometry g = fit(picture.rows, picture.cols, p);
  const size_t plane = static_cast<size_t>(g.input_height) * static_cast<size_t>(g.input_width);
  assert(out.size() == channels * plane);
  cv::Mat placed = picture;
  if (p.on_float) picture.convertTo(placed, CV_32F);
  if (g.padded_height != g.image_height || g.padded_width != g.image_width)
    cv::copyMakeBorder(placed, placed, 0, g.padded_height - g.image_height, 0, g.padded_width - g.image_width,
                       cv::BORDER_CONSTANT, cv::Scalar::all(static_cast<double>(p.pad)));
  const auto resize = [&](int height, int width) {
    if (placed.rows != height || placed.cols != width)
      cv::resize(placed, placed, {width, height}, 0, 0, p.interpolation);
  };
  if (p.divisor > 0 && p.resize == Resize::kSides) {  // in two steps, as the networks saw it
    const double r = ratio(placed.rows, placed.cols, p);
    resize(std::max(1, rounded(placed.rows * r, p.rounding)), std::max(1, rounded(placed.cols * r, p.rounding)));
  }
  if (p.resize == Resize::kCrop && p.height && p.width) {
    resize(std::max(p.height, rounded(placed.rows * g.scale_y, p.rounding)),
           std::max(p.width, rounded(placed.cols * g.scale_x, p.rounding)));
    placed = placed(cv::Rect(std::min(-g.pad_x, placed.cols - p.width), std::min(-g.pad_y, placed.rows - p.height),
                             p.width, p.height));
  }
  resize(g.placed_height, g.placed_width);
  std::vector<cv::Mat> planes;
  cv::split(placed, planes);
  if (channels > 1 && p.channels == Channels::kRgb) std::swap(planes[0], planes[2]);
  for (size_t c = 0; c < channels; ++c) write_plane(planes[c], p, g, c, out.data() + c * plane);
  return g;
}

}  // namespace octet::vision
