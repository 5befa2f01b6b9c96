// Formats and sizes of pictures from their headers, read the way the decoders behind OpenCV read them: where one of them is
// lenient, so is this, or a file could show one size here and another there.
#include "vision/picture_header.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <climits>
#include <cstdio>
#include <memory>
#include <optional>

namespace octet::vision {
namespace {

// A progressive JPEG may draw all its pixels anew in each scan, of a few bytes each; encoders make about ten.
constexpr int kMostScans = 100;

struct Size {
  int64_t width = 0, height = 0;
};

// Numbers from a file; past its end they are 0 and `ok` is false.
class Reader {
 public:
  explicit Reader(const std::string& path) : file_(std::fopen(path.c_str(), "rb"), std::fclose) {
    ok = file_ != nullptr;
  }
  bool ok;

  int byte() {
    const int c = ok ? getc_unlocked(file_.get()) : EOF;
    if (c == EOF) ok = false;
    return ok ? c : 0;
  }
  uint32_t big(int bytes) {
    uint32_t v = 0;
    for (int i = 0; i < bytes; ++i) v = v << 8 | static_cast<uint32_t>(byte());
    return v;
  }
  uint32_t little(int bytes) {
    uint32_t v = 0;
    for (int i = 0; i < bytes; ++i) v |= static_cast<uint32_t>(byte()) << 8 * i;
    return v;
  }
  void seek(uint32_t at) { ok = ok && std::fseek(file_.get(), static_cast<long>(at), SEEK_SET) == 0; }
  void skip(uint32_t bytes) { ok = ok && std::fseek(file_.get(), static_cast<long>(bytes), SEEK_CUR) == 0; }
  // What is there of the first bytes; the next number is the file's first.
  std::string start(size_t bytes) {
    std::string text(bytes, '\0');
    if (ok) text.resize(std::fread(text.data(), 1, bytes, file_.get()));
    if (ok) std::rewind(file_.get());
    return text;
  }

 private:
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> file_;
};

// The next marker, past whatever is no marker: as libjpeg does, which tolerates garbage between segments.
int jpeg_marker(Reader& in) {
  while (in.ok) {
    if (in.byte() != 0xff) continue;
    int c = 0xff;
    while (in.ok && c == 0xff) c = in.byte();
    if (c != 0) return c;
  }
  return 0;
}

std::optional<Size> jpeg_size(Reader& in) {
  constexpr int kTem = 0x01, kRst0 = 0xd0, kRst7 = 0xd7, kSoi = 0xd8, kEoi = 0xd9, kSos = 0xda;
  constexpr int kDht = 0xc4, kJpg = 0xc8, kDac = 0xcc, kSof0 = 0xc0, kSof2 = 0xc2, kSof15 = 0xcf;
  Size size;
  bool all_at_once = false;  // a sequential file: its first scan is the last where it has all components
  int components = 0, scans = 0;
  in.skip(2);
  for (int marker = jpeg_marker(in); in.ok; marker = jpeg_marker(in)) {
    if (marker == kEoi) break;
    if (marker == kTem || (marker >= kRst0 && marker <= kSoi)) {
      if (marker > kRst7) return std::nullopt;
      continue;
    }
    const uint32_t bytes = in.big(2);
    if (bytes < 2) return std::nullopt;
    if (marker == kSos) {
      if (!components || ++scans > kMostScans) return std::nullopt;
      if (in.byte() == components && all_at_once) break;
      in.skip(bytes - 3);
    } else if (marker >= kSof0 && marker <= kSof15 && marker != kDht && marker != kJpg && marker != kDac) {
      if (components || bytes < 8) return std::nullopt;
      all_at_once = marker < kSof2;
      in.skip(1);
      size.height = in.big(2), size.width = in.big(2), components = in.byte();
      in.skip(bytes - 8);
    } else {
      in.skip(bytes - 2);
    }
  }
  if (!scans) return std::nullopt;
  in.ok = true;  // the pixels may end early: what is missing comes out grey
  return size;
}

std::optional<Size> png_size(Reader& in) {
  in.seek(8);
  if (in.big(4) != 13 || in.big(4) != 0x49484452) return std::nullopt;  // IHDR
  const int64_t width = in.big(4);
  return Size{width, in.big(4)};
}

std::optional<Size> bmp_size(Reader& in) {
  in.seek(14);
  const uint32_t header = in.little(4);
  if (header == 12) {
    const int64_t width = in.little(2);
    return Size{width, in.little(2)};
  }
  const auto width = static_cast<int32_t>(in.little(4)), height = static_cast<int32_t>(in.little(4));
  return Size{width, std::abs(static_cast<int64_t>(height))};  // negative: the first row is stored first
}

std::optional<Size> webp_size(Reader& in) {
  in.seek(12);
  const uint32_t chunk = in.big(4);
  in.skip(4);
  if (chunk == 0x56503858) {  // VP8X: the canvas, which the pictures on it must have
    in.skip(4);
    const int64_t width = in.little(3) + 1;
    return Size{width, in.little(3) + 1};
  }
  if (chunk == 0x5650384c) {  // VP8L: 14 bits each behind a byte of signature
    if (in.byte() != 0x2f) return std::nullopt;
    const uint32_t bits = in.little(4);
    return Size{(bits & 0x3fff) + 1, (bits >> 14 & 0x3fff) + 1};
  }
  if (chunk != 0x56503820) return std::nullopt;  // VP8: 14 bits each and two of scale, behind a frame tag and a code
  in.skip(3);
  if (in.big(3) != 0x9d012a) return std::nullopt;
  const int64_t width = in.little(2) & 0x3fff;
  return Size{width, in.little(2) & 0x3fff};
}

// The first directory's size, and its tiles', which a decoder holds one of. BigTIFF, of 64-bit offsets, is not read.
std::optional<Size> tiff_size(Reader& in) {
  constexpr uint32_t kWidth = 256, kHeight = 257, kTileWidth = 322, kTileHeight = 323, kShort = 3, kLong = 4;
  const bool little = in.byte() == 'I';
  const auto number = [&](int bytes) { return little ? in.little(bytes) : in.big(bytes); };
  in.seek(4);
  in.seek(number(4));
  Size size;
  for (uint32_t entries = number(2); entries > 0 && in.ok; --entries) {
    const uint32_t tag = number(2), type = number(2), count = number(4);
    const uint32_t value = number(type == kShort ? 2 : 4);
    if (type == kShort) in.skip(2);
    const bool width = tag == kWidth || tag == kTileWidth;
    if (!width && tag != kHeight && tag != kTileHeight) continue;
    if (count != 1 || (type != kShort && type != kLong)) return std::nullopt;
    int64_t& most = width ? size.width : size.height;
    most = std::max<int64_t>(most, value);
  }
  return size;
}

// A number as OpenCV reads it, behind white space and comments.
int64_t pnm_number(Reader& in) {
  int c = in.byte();
  while (in.ok && !std::isdigit(c)) {
    if (c == '#') {
      do c = in.byte();
      while (in.ok && c != '\n' && c != '\r');
    } else if (!std::isspace(c)) {
      in.ok = false;
    }
    c = in.byte();
  }
  int64_t v = 0;
  for (; in.ok && std::isdigit(c) && v <= INT_MAX; c = in.byte()) v = v * 10 + (c - '0');
  return v;
}

std::optional<Size> pnm_size(Reader& in) {
  in.seek(2);
  const int64_t width = pnm_number(in);
  return Size{width, pnm_number(in)};
}

struct Format {
  std::string_view name;
  bool (*starts)(const std::string& start);
  std::optional<Size> (*size)(Reader& in);
};

bool is_webp(const std::string& s) {
  // OpenCV asks all its decoders in turn, WebP's by its whole header: one that is not right must not reach those that look for
  // their names further on (GDCM and GDAL, which assert on damage).
  const auto at = [&](size_t place, std::string_view name) {
    return s.size() > place && s.compare(place, 4, name) == 0;
  };
  return s.starts_with("RIFF") && at(8, "WEBP") && !at(128, "DICM") && !at(140, "DTED");
}

constexpr std::array kFormats = {
    Format{"JPEG", [](const std::string& s) { return s.starts_with("\xff\xd8\xff"); }, jpeg_size},
    Format{"PNG", [](const std::string& s) { return s.starts_with("\x89PNG\r\n\x1a\n"); }, png_size},
    Format{"BMP", [](const std::string& s) { return s.starts_with("BM"); }, bmp_size},
    Format{"WebP", is_webp, webp_size},
    Format{"TIFF",
           [](const std::string& s) {
             return s.starts_with(std::string_view("II*\0", 4)) || s.starts_with(std::string_view("MM\0*", 4));
           },
           tiff_size},
    Format{"PNM",
           [](const std::string& s) {
             return s.size() > 2 && s[0] == 'P' && s[1] >= '1' && s[1] <= '6' &&
                    std::isspace(static_cast<unsigned char>(s[2]));
           },
           pnm_size},
};

}  // namespace

Result<PictureHeader> read_picture_header(const std::string& path) {
  Reader in(path);
  const std::string start = in.start(144);
  const auto format = std::find_if(kFormats.begin(), kFormats.end(), [&](const Format& f) { return f.starts(start); });
  if (format == kFormats.end())
    return Error{Code::kIo,
                 "image '" + path + "': not a picture in a known format (" + std::string(kPictureFormats) + ")"};
  const auto size = format->size(in);
  if (!in.ok || !size || size->width < 1 || size->height < 1)
    return Error{Code::kIo, "image '" + path + "': not a picture that can be decoded: its " +
                                std::string(format->name) + " header is damaged, or of an unusual kind; save it anew"};
  return PictureHeader{format->name, size->width, size->height};
}

}  // namespace octet::vision
