// Any bytes as a photo and as a label picture, of up to a million pixels: decoding more takes long.
#include "tests/fuzz/fuzz.h"
#include "vision/image.h"
#include "vision/quiet_opencv.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace octet;
  static const vision::QuietOpenCv quiet;
  const std::string path = fuzz::file_of({data, size}, ".png");
  for (const bool labels : {false, true}) {
    const auto image = labels ? vision::read_labels(path, 1 << 20) : vision::read_image(path, 1 << 20);
    if (!image) continue;
    if (image->total() > 1 << 20) fuzz::fail("a picture larger than its header says");
    if (image->empty() || image->type() != (labels ? CV_8UC1 : CV_8UC3)) fuzz::fail("a picture of another kind");
  }
  return 0;
}
