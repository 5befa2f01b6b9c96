// Reading and writing of pictures with errors that name the file.
#include "vision/image.h"

#include <png.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csetjmp>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <opencv2/imgcodecs.hpp>
#include <system_error>

#include "files/files.h"
#include "vision/draw.h"
#include "vision/picture_header.h"

namespace octet::vision {
namespace {

namespace fs = std::filesystem;

Error image_error(const std::string& path, const char* what) { return {Code::kIo, "image '" + path + "': " + what}; }

// Everything that can be told before a decoder sees the file.
Result<void> check_picture(const std::string& path, int64_t most_pixels) {
  std::error_code ec;
  const fs::file_status status = fs::status(path, ec);
  if (!fs::exists(status)) return image_error(path, "no such file");
  if (fs::is_directory(status)) return image_error(path, "is a folder");
  if (access(path.c_str(), R_OK) != 0) return image_error(path, "no permission to read it");
  if (!fs::is_regular_file(status)) return image_error(path, "is a device or a pipe; pictures are read from files");
  if (fs::file_size(path, ec) == 0) return image_error(path, "the file is empty");
  const auto header = read_picture_header(path);
  if (!header) return header.error();
  if (header->width > most_pixels / header->height) {
    const std::string size = std::to_string(header->width) + " x " + std::to_string(header->height);
    const std::string most = std::to_string(most_pixels);
    return image_error(path, (size + " pixels, more than the " + most + " that are read; make it smaller").c_str());
  }
  return {};
}

Result<cv::Mat> decode(const std::string& path, int flags) {
  cv::Mat image;
  try {
    image = cv::imread(path, flags);
  } catch (const cv::Exception& e) {  // OpenCV throws on sizes beyond its limits
    return image_error(path, e.err.c_str());
  }
  if (image.empty()) return image_error(path, "not a picture that can be decoded (damaged, or an unknown format)");
  return image;
}

struct PngFile {
  std::FILE* file = nullptr;
  png_structp png = nullptr;
  png_infop info = nullptr;
  ~PngFile() {
    png_destroy_read_struct(&png, &info, nullptr);
    if (file) std::fclose(file);
  }
};

// Indices of a palette PNG; an empty picture for every other file. OpenCV would give the palette's colours instead.
// No object with a destructor may be made between setjmp and its return: libpng leaves by longjmp.
bool read_palette_rows(PngFile& f, cv::Mat& out) {
  if (setjmp(png_jmpbuf(f.png))) return false;
  png_init_io(f.png, f.file);
  png_read_info(f.png, f.info);
  if (png_get_color_type(f.png, f.info) != PNG_COLOR_TYPE_PALETTE) return true;
  png_set_packing(f.png);  // one byte a pixel, also for 1, 2 and 4 bits
  const int passes = png_set_interlace_handling(f.png);
  png_read_update_info(f.png, f.info);
  out.create(static_cast<int>(png_get_image_height(f.png, f.info)),
             static_cast<int>(png_get_image_width(f.png, f.info)), CV_8UC1);
  for (int pass = 0; pass < passes; ++pass)
    for (int y = 0; y < out.rows; ++y) png_read_row(f.png, out.ptr(y), nullptr);
  return true;
}

Result<cv::Mat> read_palette(const std::string& path) {
  cv::Mat indices;
  PngFile f;
  f.file = std::fopen(path.c_str(), "rb");
  png_byte magic[8] = {};
  if (!f.file || std::fread(magic, 1, 8, f.file) != 8 || png_sig_cmp(magic, 0, 8) != 0) return indices;
  std::rewind(f.file);
  const auto silent = [](png_structp, png_const_charp) {};
  const auto leave = [](png_structp png, png_const_charp) { png_longjmp(png, 1); };
  f.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, nullptr, leave, silent);
  f.info = f.png ? png_create_info_struct(f.png) : nullptr;
  try {
    if (!f.info || !read_palette_rows(f, indices)) return image_error(path, "damaged PNG file");
  } catch (const cv::Exception& e) {  // a size that cannot be allocated
    return image_error(path, e.err.c_str());
  }
  return indices;
}

}  // namespace

Result<cv::Mat> read_image(const std::string& path, int64_t most_pixels) {
  if (auto checked = check_picture(path, most_pixels); !checked) return checked.error();
  return decode(path, cv::IMREAD_COLOR);
}

Result<cv::Mat> read_image_for(const std::string& path, int channels) {
  if (channels != 4) return read_image(path);
  if (auto checked = check_picture(path, kMostPixels); !checked) return checked.error();
  auto image = decode(path, cv::IMREAD_UNCHANGED);
  if (image && image->type() != CV_8UC4)
    return image_error(path,
                       "the model takes 4 channels of bytes, this picture has others; .npy or .npz files hold any");
  return image;
}

Result<cv::Mat> read_labels(const std::string& path, int64_t most_pixels) {
  if (auto checked = check_picture(path, most_pixels); !checked) return checked.error();
  auto indices = read_palette(path);
  if (!indices || !indices->empty()) return indices;
  auto grey = decode(path, cv::IMREAD_UNCHANGED);
  if (!grey) return grey;
  if (grey->type() != CV_8UC1)
    return image_error(path, "a label picture has one 8-bit channel of class ids, or a palette");
  return grey;
}

Result<void> write_image(const std::string& path, const cv::Mat& image) {
  std::vector<uint8_t> bytes;
  try {
    if (!cv::imencode(fs::path(path).extension().string(), image, bytes)) return image_error(path, "cannot be encoded");
  } catch (const cv::Exception&) {  // an ending that OpenCV does not know
    return image_error(path, "cannot be written: the name must end in .jpg, .png or another known format");
  }
  return write_file(path, std::as_bytes(std::span(bytes)));
}

Result<void> write_palette(const std::string& path, const cv::Mat& labels) {
  if (!path.ends_with(".png")) return image_error(path, "class ids are written as .png only");
  cv::Mat ids(labels.size(), CV_8UC1);
  std::transform(labels.begin<int>(), labels.end<int>(), ids.begin<uint8_t>(),
                 [](int id) { return static_cast<uint8_t>(id < 0 || id > 255 ? 255 : id); });
  std::array<uint8_t, size_t{3} * 256> colours{};
  for (int k = 0; k < 256; ++k) {
    const cv::Vec3b bgr = class_colour(k);
    for (int c = 0; c < 3; ++c) colours[static_cast<size_t>(3 * k + c)] = bgr[2 - c];
  }
  png_image png{};
  png.version = PNG_IMAGE_VERSION;
  png.width = static_cast<png_uint_32>(ids.cols);
  png.height = static_cast<png_uint_32>(ids.rows);
  png.format = PNG_FORMAT_RGB_COLORMAP;
  png.colormap_entries = 256;
  std::vector<uint8_t> bytes(PNG_IMAGE_PNG_SIZE_MAX(png));
  png_alloc_size_t size = bytes.size();
  if (!png_image_write_to_memory(&png, bytes.data(), &size, 0, ids.data, 0, colours.data()))
    return image_error(path, png.message);
  return write_file(path, std::as_bytes(std::span(bytes).first(size)));
}

}  // namespace octet::vision
