// Resizing as the networks' own training code does it, and one pass from bytes to float planes.
#include "demos/vision/preprocess.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstring>
#include <opencv2/imgproc.hpp>

namespace octet::vision {
namespace {

void normalise(const uint8_t* __restrict x, float* __restrict y, size_t n, float scale, float mean, float std) {
  for (size_t i = 0; i < n; ++i) y[i] = (static_cast<float>(x[i]) * scale - mean) / std;
}

// One channel of the placed picture into its padded plane.
void write_plane(const cv::Mat& plane, const Preprocess& p, const Geometry& g, size_t c, float* out) {
  const size_t height = static_cast<size_t>(g.input_height), width = static_cast<size_t>(g.input_width);
  if (g.placed_height != g.input_height || g.placed_width != g.input_width) {
    const uint8_t pad = static_cast<uint8_t>(p.pad);
    float value;
    normalise(&pad, &value, 1, p.scale, p.mean[c], p.std[c]);
    std::fill(out, out + height * width, value);
  }
  float* row = out + static_cast<size_t>(g.pad_y) * width + static_cast<size_t>(g.pad_x);
  for (int y = 0; y < g.placed_height; ++y, row += width)
    normalise(plane.ptr(y), row, static_cast<size_t>(g.placed_width), p.scale, p.mean[c], p.std[c]);
}

// Half to even, as Python rounds, since the networks' own code is Python.
int round_even(double x) { return static_cast<int>(std::nearbyint(x)); }

}  // namespace

Geometry fit(int image_height, int image_width, const Preprocess& p) {
  Geometry g{.image_height = image_height,
             .image_width = image_width,
             .input_height = p.height ? p.height : image_height,
             .input_width = p.width ? p.width : image_width};
  g.placed_height = g.input_height;
  g.placed_width = g.input_width;
  if (p.resize != Resize::kStretch) {
    const double r =
        std::min(static_cast<double>(g.input_height) / image_height, static_cast<double>(g.input_width) / image_width);
    g.placed_height = std::clamp(round_even(image_height * r), 1, g.input_height);
    g.placed_width = std::clamp(round_even(image_width * r), 1, g.input_width);
  }
  if (p.resize == Resize::kLetterbox) {  // an odd rest: the smaller half first
    g.pad_y = round_even((g.input_height - g.placed_height) / 2.0 - 0.1);
    g.pad_x = round_even((g.input_width - g.placed_width) / 2.0 - 0.1);
  }
  g.scale_x = static_cast<double>(g.placed_width) / image_width;
  g.scale_y = static_cast<double>(g.placed_height) / image_height;
  return g;
}

Geometry preprocess(const cv::Mat& bgr, const Preprocess& p, std::span<float> out) {
  assert(bgr.type() == CV_8UC3);
  const Geometry g = fit(bgr.rows, bgr.cols, p);
  const size_t plane = static_cast<size_t>(g.input_height) * static_cast<size_t>(g.input_width);
  assert(out.size() == 3 * plane);
  cv::Mat placed = bgr;
  if (bgr.rows != g.placed_height || bgr.cols != g.placed_width)
    cv::resize(bgr, placed, {g.placed_width, g.placed_height}, 0, 0, p.interpolation);
  std::array<cv::Mat, 3> planes;
  cv::split(placed, planes.data());
  if (p.channels == Channels::kRgb) std::swap(planes[0], planes[2]);
  for (size_t c = 0; c < 3; ++c) write_plane(planes[c], p, g, c, out.data() + c * plane);
  return g;
}

}  // namespace octet::vision
