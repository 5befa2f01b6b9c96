// Definitions follow PaddleSeg's metrics, so that numbers compare with published ones.
#include "vision/miou.h"

#include <cassert>

namespace octet::vision {

Confusion::Confusion(int classes, int ignore_index)
    : classes_(classes),
      ignore_index_(ignore_index),
      counts_(static_cast<size_t>(classes) * (static_cast<size_t>(classes) + 1)) {}

Result<void> Confusion::add(const cv::Mat& predicted, const cv::Mat& labels) {
  assert(predicted.size() == labels.size() && predicted.type() == CV_32S && labels.type() == CV_8U);
  for (int y = 0; y < labels.rows; ++y) {
    const int* p = predicted.ptr<int>(y);
    const uint8_t* l = labels.ptr(y);
    for (int x = 0; x < labels.cols; ++x) {
      if (l[x] == ignore_index_) continue;
      if (l[x] >= classes_)
        return Error{Code::kBadFile, "label " + std::to_string(l[x]) + " at (" + std::to_string(x) + ", " +
                                         std::to_string(y) + "): there are " + std::to_string(classes_) +
                                         " classes, and " + std::to_string(ignore_index_) + " is ignored"};
      const int column = p[x] >= 0 && p[x] < classes_ ? p[x] : classes_;
      ++counts_[static_cast<size_t>(l[x]) * (static_cast<size_t>(classes_) + 1) + static_cast<size_t>(column)];
    }
  }
  return {};
}

SegmentationMetrics Confusion::metrics() const {
  const size_t n = static_cast<size_t>(classes_);
  std::vector<double> labelled(n), predicted(n + 1);
  double total = 0, hits = 0, chance = 0;
  for (size_t l = 0; l < n; ++l)
    for (size_t p = 0; p <= n; ++p) {
      const double count = static_cast<double>(counts_[l * (n + 1) + p]);
      labelled[l] += count;
      predicted[p] += count;
      total += count;
    }
  SegmentationMetrics m;
  for (size_t c = 0; c < n; ++c) {
    const double hit = static_cast<double>(counts_[c * (n + 1) + c]);
    const double sum = labelled[c] + predicted[c];
    m.class_iou.push_back(sum > 0 ? hit / (sum - hit) : 1);
    m.miou += m.class_iou.back() / static_cast<double>(n);
    m.dice += (sum > 0 ? 2 * hit / sum : 0) / static_cast<double>(n);
    hits += hit;
    chance += labelled[c] * predicted[c];
  }
  if (total == 0) return m;
  chance /= total * total;
  m.accuracy = hits / total;
  m.kappa = chance < 1 ? (m.accuracy - chance) / (1 - chance) : 1;
  return m;
}

}  // namespace octet::vision
