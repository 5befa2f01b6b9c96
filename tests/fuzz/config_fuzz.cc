// Any bytes as a configuration of PaddleDetection and of PaddleSeg; what is read fits pictures of any size.
#include <vector>

#include "tests/fuzz/fuzz.h"
#include "vision/preprocess.h"
#include "vision/reader_config.h"
#include "vision/seg_config.h"

namespace octet::fuzz {
namespace {

void use(const vision::Preprocess& p) {
  constexpr int kMostSide = 1 << 20;  // of a picture that OpenCV reads
  for (const auto& [height, width] : {std::pair{1, 1}, {13, 21}, {480, 640}, {1, kMostSide}, {kMostSide, 1}}) {
    const vision::Geometry g = vision::fit(height, width, p);
    if (g.placed_height < 1 || g.placed_width < 1 || g.pad_x < 0 || g.pad_y < 0 ||
        g.pad_y + g.placed_height > g.input_height || g.pad_x + g.placed_width > g.input_width)
      fail("a picture that lies beside the input");
    if (g.padded_height < height || g.padded_width < width) fail("padding cuts the picture");
    const int64_t pixels = int64_t{g.input_height} * g.input_width;
    if (pixels > 1 << 16 || int64_t{g.padded_height} * g.padded_width > 1 << 16) continue;
    std::vector<float> out(3 * static_cast<size_t>(pixels));
    vision::preprocess(cv::Mat(height, width, CV_8UC3, cv::Scalar(1, 2, 3)), p, out);
  }
}

}  // namespace
}  // namespace octet::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace octet;
  const std::string path = fuzz::file_of({data, size}, ".yml");
  for (const bool single : {false, true})
    if (const auto config = vision::read_reader_config(path, single)) fuzz::use(config->preprocess);
  (void)vision::read_seg_config(path);
  if (const auto preprocess = vision::read_preprocess(path)) fuzz::use(*preprocess);
  return 0;
}
