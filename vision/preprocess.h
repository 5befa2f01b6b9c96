// From a picture to the numbers a network reads. Calibration and evaluation both call this, so a network is calibrated
// on exactly what it will be fed.
#pragma once
#include <octet/octet.h>

#include <array>
#include <opencv2/core/mat.hpp>
#include <span>
#include <string>
#include <string_view>

namespace octet::vision {

enum class Resize {
  kStretch,           // to the input's size, whatever the picture's proportions
  kLetterbox,         // proportions kept, the rest padded, the picture in the centre
  kLetterboxTopLeft,  // proportions kept, padded at the right and the bottom
  kCrop,              // proportions kept, the middle fills the input, the rest is cut away
  kSides,             // proportions kept, as `sides` says; padded at the right and the bottom
};
enum class Rounding { kEven, kHalfUp };  // of sizes: Python's round(x), or int(x + .5)

// With `short_side`: that side becomes so long, but the long one at most `long_max`. Otherwise the long side comes into
// [long_min, long_max]. 0: no such limit.
struct Sides {
  int short_side = 0, long_max = 0, long_min = 0;
  bool operator==(const Sides&) const = default;
};
enum class Channels { kRgb, kBgr };

// y = (x * scale - mean[c]) / std[c], c in the order the channels are fed.
struct Preprocess {
  int height = 640, width = 640;  // of the network's input; 0: what resizing gives
  Resize resize = Resize::kLetterbox;
  int interpolation = 1;  // as OpenCV and PaddleDetection number it: 0 nearest, 1 linear, 2 cubic, 3 area, 4 Lanczos
  float pad = 114;        // 0..255
  bool pad_zero = false;  // padding is 0 in the network's input instead
  Sides sides{};
  Rounding rounding = Rounding::kEven;
  int divisor = 0;  // after resizing, sides are stretched up to its multiples
  int stride = 0;   // sides of an open input are padded up to its multiples
  // width / height: the picture is padded to it, right or bottom, before resizing, unless that takes more than kMostPixels.
  float aspect_ratio = 0;
  bool on_float = false;  // resizing does not round pixels to bytes
  Channels channels = Channels::kRgb;
  float scale = 1.0f / 255;
  std::array<float, 3> mean{0, 0, 0};
  std::array<float, 3> std{1, 1, 1};
  bool operator==(const Preprocess&) const = default;
};

// Where the picture lies in the input: x_input = x_picture * scale_x + pad_x.
struct Geometry {
  int image_height = 0, image_width = 0;
  int padded_height = 0, padded_width = 0;  // the picture padded to an aspect ratio
  int input_height = 0, input_width = 0;
  int placed_height = 0, placed_width = 0;
  int pad_x = 0, pad_y = 0;
  double scale_x = 1, scale_y = 1;
};

Geometry fit(int image_height, int image_width, const Preprocess& p);

// The picture has bytes of 1 (grey), 3 (BGR) or 4 channels (BGR and one more, which has no mean and a deviation of 1). `out` holds
// channels * height * width floats, planes one after the other.
Geometry preprocess(const cv::Mat& picture, const Preprocess& p, std::span<float> out);

Preprocess segmentation_preset();  // own size, RGB, (x / 255 - .5) / .5

// Command line texts over a preset; empty texts leave it as it is.
struct PreprocessFlags {
  std::string resize = {};            // letterbox | letterbox-topleft | stretch | crop
  std::string interpolation = {};     // nearest | linear | cubic | area | lanczos
  std::string channel_order = {};     // rgb | bgr
  std::string scale = {};             // what pixels are divided by: 255 | 1
  std::string mean = {}, std = {};    // "a,b,c", or one number for all channels
  std::string pad = {};               // 0..255
  std::vector<int> target_size = {};  // width, height
};
Result<Preprocess> apply(const PreprocessFlags& flags, Preprocess base);

}  // namespace octet::vision
