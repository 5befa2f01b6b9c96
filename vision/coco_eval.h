// Average precision as COCO defines it; agrees with pycocotools (bounding boxes).
#pragma once
#include <array>
#include <string>
#include <vector>

#include "vision/coco.h"

namespace octet::vision {

struct CocoMetrics {
  // AP, AP50, AP75, AP small, medium, large; AR at 1, 10, 100 detections, AR small, medium, large.
  // -1: no object in the data set counts.
  std::array<double, 12> stats{};
  std::vector<double> category_ap;  // AP of each category in the data set's order, -1 likewise
  double ap() const { return stats[0]; }
  double ap50() const { return stats[1]; }
  double ap75() const { return stats[2]; }
};

CocoMetrics evaluate_coco(const CocoDataset& dataset, const std::vector<CocoDetection>& detections);

// AP of `b` less AP of `a` on the same pictures, and the bounds between which 95 % of the resamplings lie: each draws as many pictures as
// there are, some of them several times (the paired bootstrap of B. Efron, 1979). The same numbers each time.
struct ApDifference {
  double difference = 0, low = 0, high = 0;
};
ApDifference ap_difference(const CocoDataset& dataset, const std::vector<CocoDetection>& a,
                           const std::vector<CocoDetection>& b, int resamplings = 1000);

// The twelve lines as pycocotools prints them.
std::string summary_text(const CocoMetrics& metrics);

}  // namespace octet::vision
