// Agreement of predicted label pictures with true ones: confusion matrix, mean intersection over union, pixel accuracy.
#pragma once
#include <octet/octet.h>

#include <cstdint>
#include <opencv2/core/mat.hpp>
#include <string>
#include <vector>

namespace octet::vision {

struct SegmentationMetrics {
  double miou = 0, accuracy = 0, kappa = 0, dice = 0;
  std::vector<double> class_iou;  // 1 where a class is neither present nor predicted
};

class Confusion {
 public:
  Confusion(int classes, int ignore_index);
  // Both of one size; `predicted` is CV_32S, `labels` CV_8U. Pixels whose label is the ignore index do not count.
  Result<void> add(const cv::Mat& predicted, const cv::Mat& labels);
  SegmentationMetrics metrics() const;

 private:
  int classes_, ignore_index_;
  std::vector<int64_t> counts_;  // [label][prediction]; the last column: predictions that are no class
};

}  // namespace octet::vision
