// Data sets and results in COCO's JSON forms.
#pragma once
#include <octet/octet.h>

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace octet::vision {

struct CocoImage {
  int64_t id = 0;
  std::string file_name;
};

struct CocoCategory {
  int64_t id = 0;
  std::string name;
};

struct CocoAnnotation {
  int64_t image_id = 0, category_id = 0;
  std::array<double, 4> box{};  // x, y, width, height
  double area = 0;              // of the object, not of the box
  bool crowd = false;
  bool difficult = false;  // Pascal VOC's mark: neither hit nor miss
};

struct CocoDataset {
  std::vector<CocoImage> images;            // sorted by id; those without objects too
  std::vector<CocoCategory> categories;     // sorted by id: a network's class number is the position here
  std::vector<CocoAnnotation> annotations;  // in the file's order
};

struct CocoDetection {
  int64_t image_id = 0, category_id = 0;
  std::array<double, 4> box{};  // x, y, width, height
  double score = 0;
};

Result<CocoDataset> read_coco(const std::string& path);

// [{"image_id", "category_id", "bbox", "score"}]; numbers are written so that they read back to the same value.
Result<void> write_detections(const std::string& path, const std::vector<CocoDetection>& detections);
Result<std::vector<CocoDetection>> read_detections(const std::string& path);

}  // namespace octet::vision
