// Listing and loading calibration pictures.
#include "tools/convert/pictures.h"

#include <algorithm>
#include <filesystem>

#include "vision/image.h"

namespace octet {
namespace {

namespace fs = std::filesystem;

bool is_picture(const fs::path& path) {
  static constexpr std::string_view kEndings[] = {".jpg", ".jpeg", ".png", ".bmp", ".webp",
                                                  ".tif", ".tiff", ".ppm", ".pgm"};
  std::string ending = path.extension().string();
  std::transform(ending.begin(), ending.end(), ending.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return std::find(std::begin(kEndings), std::end(kEndings), ending) != std::end(kEndings);
}

}  // namespace

Result<std::vector<std::string>> list_pictures(const std::string& folder, size_t most) {
  std::error_code failed;
  std::vector<std::string> paths;
  for (auto it = fs::directory_iterator(folder, failed); !failed && it != fs::directory_iterator();
       it.increment(failed))
    if (is_picture(it->path())) paths.push_back(it->path().string());
  if (failed) return Error{Code::kIo, "--data '" + folder + "': " + failed.message()};
  if (paths.empty()) return Error{Code::kIo, "--data '" + folder + "': holds no pictures (.jpg, .png, ...)"};
  std::sort(paths.begin(), paths.end());
  if (most == 0 || most >= paths.size()) return paths;
  std::vector<std::string> spread;
  for (size_t i = 0; i < most; ++i) spread.push_back(paths[i * paths.size() / most]);
  return spread;
}

namespace {

// 256 values of a channel become 256 steps where all channels are treated alike.
Range pixel_range(const vision::Preprocess& p) {
  Range r;
  for (size_t c = 0; c < 3; ++c)
    for (float pixel : {0.0f, 255.0f}) {
      const float value = (pixel * p.scale - p.mean[c]) / p.std[c];
      r = {std::min(r.low, value), std::max(r.high, value)};
    }
  return r;
}

}  // namespace

Samples picture_samples(std::vector<std::string> paths, const vision::Feed& feed, const vision::Preprocess& preprocess,
                        int batch) {
  const size_t slots = static_cast<size_t>(batch), count = (paths.size() + slots - 1) / slots;
  auto fill = [paths = std::move(paths), feed, preprocess, slots](Session& session, size_t i) -> Result<void> {
    for (size_t slot = 0; slot < slots; ++slot) {
      // The last batch begins anew where there are too few.
      auto picture = vision::read_image_for(paths[(i * slots + slot) % paths.size()], feed.channels());
      if (!picture) return picture.error();
      const vision::Geometry g = vision::fit(picture->rows, picture->cols, preprocess);
      const vision::InputSize size{static_cast<int>(slots), g.input_height, g.input_width};
      if (slot == 0)
        if (auto ready = feed.prepare(session, size); !ready) return ready;
      feed.load(session, static_cast<int>(slot), *picture, preprocess);
    }
    return {};
  };
  return {.count = count, .fill = std::move(fill), .pixels = pixel_range(preprocess)};
}

}  // namespace octet
