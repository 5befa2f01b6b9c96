// Any bytes as COCO annotations, as COCO results and as an object file of Pascal VOC; what is read can be evaluated.
#include <filesystem>

#include "tests/fuzz/fuzz.h"
#include "vision/coco_eval.h"
#include "vision/voc.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace octet;
  const std::string json = fuzz::file_of({data, size}, ".json");
  const auto read = vision::read_detections(json);
  const auto detections = read ? *read : std::vector<vision::CocoDetection>{};
  if (const auto dataset = vision::read_coco(json)) (void)vision::evaluate_coco(*dataset, detections);
  const std::string folder = std::filesystem::path(fuzz::file_of({data, size}, ".xml")).parent_path();
  const auto dataset = vision::read_voc({.annotations = folder, .image_dir = folder, .label_list = ""});
  if (!dataset) return 0;
  for (const bool eleven_point : {false, true}) (void)vision::evaluate_voc(*dataset, detections, eleven_point);
  return 0;
}
