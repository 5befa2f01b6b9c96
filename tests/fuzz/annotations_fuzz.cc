// Any bytes as COCO annotations and as COCO results; what is read can be evaluated.
#include "demos/vision/coco_eval.h"
#include "tests/fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace octet;
  const std::string path = fuzz::file_of({data, size}, ".json");
  const auto dataset = vision::read_coco(path);
  const auto detections = vision::read_detections(path);
  if (dataset) (void)vision::evaluate_coco(*dataset, detections ? *detections : std::vector<vision::CocoDetection>{});
  return 0;
}
