// The output's form is recognised by its shape and type; everything becomes planes of scores or one plane of labels.
#include "vision/segment.h"

#include <algorithm>
#include <opencv2/imgproc.hpp>
#include <vector>

namespace octet::vision {
namespace {

// Where plane c beats the best so far. A loop of its own so that it is vectorised.
void keep_better(const float* __restrict x, float* __restrict best, int* __restrict label, int c, size_t n) {
  for (size_t i = 0; i < n; ++i) {
    const bool better = x[i] > best[i];
    best[i] = better ? x[i] : best[i];
    label[i] = better ? c : label[i];
  }
}

cv::Mat best_of(const std::vector<cv::Mat>& planes) {
  cv::Mat best = planes[0].clone();
  cv::Mat labels = cv::Mat::zeros(best.size(), CV_32S);
  for (size_t c = 1; c < planes.size(); ++c)
    keep_better(planes[c].ptr<float>(), best.ptr<float>(), labels.ptr<int>(), static_cast<int>(c), best.total());
  return labels;
}

// Cuts the padding away and brings the rest to the picture's size.
cv::Mat to_picture(const cv::Mat& plane, const Geometry& g, int interpolation) {
  // The plane may be smaller than the input (scores at a fraction of it), hence fractions.
  const double kx = static_cast<double>(plane.cols) / g.input_width;
  const double ky = static_cast<double>(plane.rows) / g.input_height;
  cv::Rect placed(cvRound(g.pad_x * kx), cvRound(g.pad_y * ky), std::max(1, cvRound(g.placed_width * kx)),
                  std::max(1, cvRound(g.placed_height * ky)));
  placed &= cv::Rect(0, 0, plane.cols, plane.rows);
  cv::Mat out;
  cv::resize(plane(placed), out, {g.padded_width, g.padded_height}, 0, 0, interpolation);
  return out(cv::Rect(0, 0, g.image_width, g.image_height)).clone();
}

// Also false for what is not a number.
template <class T>
bool in_range(T v) {
  return v >= T{0} && static_cast<double>(v) <= 65535;
}

template <class T>
cv::Mat labels_plane(const Tensor& output, int height, int width) {
  cv::Mat labels(height, width, CV_32S);
  const T* x = static_cast<const T*>(output.data);
  std::transform(x, x + labels.total(), labels.ptr<int>(), [](T v) { return in_range(v) ? static_cast<int>(v) : -1; });
  return labels;
}

Result<cv::Mat> read_label_plane(const Tensor& output, int height, int width) {
  switch (output.dtype) {
    case DType::kF32:
      return labels_plane<float>(output, height, width);
    case DType::kU8:
      return labels_plane<uint8_t>(output, height, width);
    case DType::kS8:
      return labels_plane<int8_t>(output, height, width);
    case DType::kS32:
      return labels_plane<int32_t>(output, height, width);
    case DType::kS64:
      return labels_plane<int64_t>(output, height, width);
    case DType::kBool:
      return labels_plane<uint8_t>(output, height, width);
  }
  return Error{Code::kBadModel, "labels of unknown type"};
}

// Is this a picture of the input, in any size? Rows and columns of a detector's boxes are not.
bool has_proportions(int rows, int cols, const Geometry& g) {
  const int64_t difference = int64_t{rows} * g.input_width - int64_t{cols} * g.input_height;
  return std::abs(difference) <= std::max(g.input_width, g.input_height);
}

// Where the scores of classes lie, by the expected number or else the shorter axis; 0: nowhere, these are labels.
int channel_axis(const Tensor& output, int classes) {
  const Shape& s = output.shape;
  if (s.rank() != 4 || output.dtype != DType::kF32) return 0;
  if (s[1] == 1 && classes > 2) return 0;
  if (s[1] == classes || s[1] == 1) return 1;
  if (s[3] == classes) return 3;
  return s[1] <= s[3] ? 1 : 3;
}

}  // namespace

int classes_of(const Tensor& output, int expected) {
  const int axis = channel_axis(output, expected);
  return axis ? std::max(2, static_cast<int>(output.shape[axis])) : 0;
}

Result<cv::Mat> segment(const Tensor& output, int classes, const Geometry& geometry, bool resize_logits) {
  const Shape& s = output.shape;
  const auto dim = [&](int axis) { return static_cast<int>(s[axis]); };
  float* data = static_cast<float*>(output.data);
  std::vector<cv::Mat> planes;  // scores of each class; empty: `labels` holds the answer
  cv::Mat labels;
  const int axis = channel_axis(output, classes);
  const int channels = axis ? dim(axis) : 0;
  const auto wrong = [&] {
    return Error{Code::kBadModel, "output '" + std::string(output.name) + "' is " + name_of(output.dtype) + " " +
                                      s.text() + ": neither labels nor scores of " + std::to_string(classes) +
                                      " classes"};
  };
  if (axis == 1 && channels == 1 && (classes == 2 || classes == 0)) {
    const cv::Mat one(dim(2), dim(3), CV_32F, data);
    planes = {1 - one, one};
  } else if (axis && channels > 1) {
    if (channels < classes) return wrong();
    if (axis == 3) {
      if (channels > CV_CN_MAX) return wrong();
      cv::split(cv::Mat(dim(1), dim(2), CV_32FC(channels), data), planes);
    } else {
      const size_t plane = static_cast<size_t>(s[2] * s[3]);
      for (int c = 0; c < channels; ++c)
        planes.emplace_back(dim(2), dim(3), CV_32F, data + static_cast<size_t>(c) * plane);
    }
  } else if ((s.rank() == 3 || (s.rank() == 4 && s[1] == 1)) && has_proportions(dim(-2), dim(-1), geometry)) {
    auto read = read_label_plane(output, dim(-2), dim(-1));
    if (!read) return read;
    labels = *read;
  } else {
    return wrong();
  }
  if (!planes.empty() && resize_logits) {
    for (cv::Mat& plane : planes) plane = to_picture(plane, geometry, cv::INTER_LINEAR);
    return best_of(planes);
  }
  if (!planes.empty()) labels = best_of(planes);
  return to_picture(labels, geometry, cv::INTER_NEAREST);
}

}  // namespace octet::vision
