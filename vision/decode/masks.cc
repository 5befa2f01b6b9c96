// Masks of instances: a sum of prototypes, weighted by each box's coefficients, above 0 inside its box.
#include <algorithm>
#include <cmath>

#include "vision/decode/forms.h"

namespace octet::vision {
namespace {

struct Prototypes {
  const float* data;
  size_t count;
  int height, width;
};

// Place of a picture's pixel among the prototypes, for each pixel of a row or a column of the box.
struct Sample {
  int low, high;
  float part;  // of `high`
};
std::vector<Sample> samples(int first, int count, double scale, int pad, int input_side, int side) {
  std::vector<Sample> out;
  for (int i = first; i < first + count; ++i) {
    const double at = ((i + .5) * scale + pad) * side / input_side - .5;
    const double low = std::floor(at);
    const auto inside = [&](double x) { return static_cast<int>(std::clamp(x, 0.0, side - 1.0)); };
    out.push_back({inside(low), inside(low + 1), static_cast<float>(at - low)});
  }
  return out;
}

// Scores of the rows and columns of the prototypes that the samples look at.
std::vector<float> scores_of(const Prototypes& p, const std::vector<float>& coefficients, const cv::Rect& part) {
  const size_t width = static_cast<size_t>(part.width);
  std::vector<float> out(width * static_cast<size_t>(part.height));
  for (size_t k = 0; k < p.count; ++k)
    for (int y = 0; y < part.height; ++y) {
      const size_t row =
          (k * static_cast<size_t>(p.height) + static_cast<size_t>(part.y + y)) * static_cast<size_t>(p.width);
      const float* __restrict x = p.data + row + part.x;
      float* __restrict to = out.data() + static_cast<size_t>(y) * width;
      for (size_t i = 0; i < width; ++i) to[i] += coefficients[k] * x[i];
    }
  return out;
}

Mask mask_of(const Detection& d, const Prototypes& p, const std::vector<float>& coefficients, const Geometry& g) {
  const auto edge = [](float v, int most) {
    return static_cast<int>(std::lround(std::clamp(v, 0.0f, static_cast<float>(most))));
  };
  const int x1 = edge(d.x1, g.image_width), x2 = edge(d.x2, g.image_width);
  const int y1 = edge(d.y1, g.image_height), y2 = edge(d.y2, g.image_height);
  if (x2 <= x1 || y2 <= y1) return {};
  const auto xs = samples(x1, x2 - x1, g.scale_x, g.pad_x, g.input_width, p.width);
  const auto ys = samples(y1, y2 - y1, g.scale_y, g.pad_y, g.input_height, p.height);
  const cv::Rect part(xs.front().low, ys.front().low, xs.back().high - xs.front().low + 1,
                      ys.back().high - ys.front().low + 1);
  const auto scores = scores_of(p, coefficients, part);
  Mask mask{.box = cv::Rect(x1, y1, x2 - x1, y2 - y1), .bits = cv::Mat(y2 - y1, x2 - x1, CV_8UC1)};
  for (int y = 0; y < mask.bits.rows; ++y) {
    const Sample& sy = ys[static_cast<size_t>(y)];
    const float* upper = scores.data() + (sy.low - part.y) * part.width;
    const float* lower = scores.data() + (sy.high - part.y) * part.width;
    for (int x = 0; x < mask.bits.cols; ++x) {
      const Sample& sx = xs[static_cast<size_t>(x)];
      const int a = sx.low - part.x, b = sx.high - part.x;
      const float top = upper[a] + (upper[b] - upper[a]) * sx.part, bottom = lower[a] + (lower[b] - lower[a]) * sx.part;
      mask.bits.at<uint8_t>(y, x) = top + (bottom - top) * sy.part > 0 ? 255 : 0;
    }
  }
  return mask;
}

}  // namespace

bool has_prototypes(const Outputs& outputs) {
  if (outputs.tensors.size() < 2) return false;
  const Tensor& t = outputs.tensors[1];
  return t.dtype == DType::kF32 && t.shape.rank() == 4 && t.shape[0] > outputs.index && t.shape.elements() > 0;
}

Result<Found> with_masks(Result<Found> found, const Outputs& outputs,
                         const std::function<void(size_t source, float* out)>& coefficients_of) {
  if (!found) return found;
  const Tensor& t = outputs.tensors[1];
  const Prototypes prototypes{part_of(t, outputs.index).data(), static_cast<size_t>(t.shape[1]),
                              static_cast<int>(t.shape[2]), static_cast<int>(t.shape[3])};
  std::vector<float> coefficients(prototypes.count);
  for (const Detection& d : found->detections) {
    coefficients_of(static_cast<size_t>(d.source), coefficients.data());
    found->masks.push_back(mask_of(d, prototypes, coefficients, outputs.geometry));
  }
  return found;
}

}  // namespace octet::vision
