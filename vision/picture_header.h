// What a picture file says of itself: read before any decoder sees it, so that none is asked for what it was not meant for.
#pragma once
#include <octet/octet.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace octet::vision {

inline constexpr std::string_view kPictureFormats = "JPEG, PNG, BMP, WebP, TIFF, PBM, PGM, PPM";

struct PictureHeader {
  std::string_view format;
  int64_t width = 0, height = 0;  // of the stored picture, or of its tiles where those are larger
};

// The format by the file's first bytes, never by its name, and the size by its header; nothing is decoded. An error names
// the file, and the formats where it is none of them.
Result<PictureHeader> read_picture_header(const std::string& path);

}  // namespace octet::vision
