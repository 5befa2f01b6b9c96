// Data sets in Pascal VOC's form and their average precision.
#pragma once
#include <string>
#include <vector>

#include "vision/coco.h"

namespace octet::vision {

struct VocSource {
  std::string annotations;  // a folder of XML files, or a list with an image and an XML file a line
  std::string image_dir;    // of the names in XML files; for a list, what its lines are relative to
  std::string label_list;   // a name of a class a line; empty: the names found, sorted
};

// The same structs as for COCO: category ids count from 1.
Result<CocoDataset> read_voc(const VocSource& source);

struct VocMetrics {
  double map = -1;                  // over the categories with objects that count; -1: none
  std::vector<double> category_ap;  // -1 likewise
};

// Detections hit where they overlap the best object by more than half (sides count one pixel more, as VOC's do). AP is
// the mean precision at 11 recalls, or the area under the curve.
VocMetrics evaluate_voc(const CocoDataset& dataset, const std::vector<CocoDetection>& detections, bool eleven_point);

}  // namespace octet::vision
