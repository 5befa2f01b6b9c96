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

// The twelve lines as pycocotools prints them.
std::string summary_text(const CocoMetrics& metrics);

}  // namespace octet::vision
