// photo_npy PICTURE SIZE FILE.npy: a picture as the bundled detector takes it.
#include <cstdlib>
#include <iostream>

#include "files/files.h"
#include "cli/npy.h"
#include "vision/image.h"
#include "vision/preprocess.h"

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  octet::vision::Preprocess preprocess;  // of the YOLO family
  auto image = octet::vision::read_image(argv[1]);
  if (!image) {
    std::cerr << argv[1] << ": not readable\n";
    return 1;
  }
  const int64_t size = std::atoi(argv[2]);
  preprocess.height = preprocess.width = static_cast<int>(size);
  std::vector<float> values(static_cast<size_t>(3 * size * size));
  octet::vision::preprocess(*image, preprocess, values);
  const octet::NewFile file{
      argv[3], octet::npy::format(octet::DType::kF32, {1, 3, size, size}, std::as_bytes(std::span(values)))};
  return octet::write_files({&file, 1}) ? 0 : 1;
}
