// Any bytes as a photo and as a label picture, of up to a million pixels: decoding more takes long.
#include <png.h>
#include <zlib.h>

#include <cstring>

#include "tests/fuzz/fuzz.h"
#include "vision/image.h"
#include "vision/quiet_opencv.h"

extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t max_size);

namespace octet::fuzz {
namespace {

// The checksums of a PNG's chunks made right, so that damage meets the decoder and not its checksum.
void mend_png(std::span<uint8_t> file) {
  constexpr size_t kSignature = 8, kHead = 8, kSum = 4;
  if (file.size() < kSignature || png_sig_cmp(file.data(), 0, kSignature) != 0) return;
  for (auto rest = file.subspan(kSignature); rest.size() >= kHead + kSum;) {
    const size_t bytes = size_t{png_get_uint_32(rest.data())} + kHead;
    if (bytes > rest.size() - kSum) return;
    const auto sum = crc32(0, rest.data() + 4, static_cast<uInt>(bytes - 4));
    png_save_uint_32(rest.data() + bytes, static_cast<png_uint_32>(sum));
    rest = rest.subspan(bytes + kSum);
  }
}

}  // namespace
}  // namespace octet::fuzz

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size, unsigned seed) {
  const size_t changed = LLVMFuzzerMutate(data, size, max_size);
  if (seed % 4) octet::fuzz::mend_png({data, changed});
  return changed;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace octet;
  constexpr int64_t kMost = 1 << 20;
  static const vision::QuietOpenCv quiet;
  const std::string path = fuzz::file_of({data, size}, ".png");
  for (const bool labels : {false, true}) {
    const auto image = labels ? vision::read_labels(path, kMost) : vision::read_image(path, kMost);
    if (!image) continue;
    if (image->total() > kMost) fuzz::fail("a picture larger than its header says");
    if (image->empty() || image->type() != (labels ? CV_8UC1 : CV_8UC3)) fuzz::fail("a picture of another kind");
  }
  return 0;
}
