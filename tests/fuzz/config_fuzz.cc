// Any bytes as a configuration of PaddleDetection and of PaddleSeg.
#include "tests/fuzz/fuzz.h"
#include "vision/reader_config.h"
#include "vision/seg_config.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace octet;
  const std::string path = fuzz::file_of({data, size}, ".yml");
  for (const bool single : {false, true}) (void)vision::read_reader_config(path, single);
  (void)vision::read_seg_config(path);
  (void)vision::read_preprocess(path);
  return 0;
}
