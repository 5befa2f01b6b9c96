// Pictures of a COCO data set through a detector, batch by batch.
#include <algorithm>
#include <chrono>

#include "vision/evaluate.h"
#include "vision/image.h"
#include "vision/quiet_opencv.h"

namespace octet::vision {
namespace {

constexpr size_t kNowhere = SIZE_MAX;

// Loads pictures [first, first + batch) into the input; a last batch that is not full repeats its last picture.
Result<void> load_batch(Detector& detector, const DetectorJob& job, size_t first) {
  const auto& images = job.dataset->images;
  cv::Mat picture;
  for (int slot = 0; slot < detector.batch(); ++slot) {
    const size_t i = first + static_cast<size_t>(slot);
    if (i < images.size()) {
      auto read = read_image_for(job.image_dir + "/" + images[i].file_name, detector.channels());
      if (!read) return read.error();
      picture = *read;
    }
    if (auto loaded = detector.load(slot, picture); !loaded) return loaded;
  }
  return {};
}

Result<void> append(const Found& found, int64_t image_id, const std::vector<CocoCategory>& categories,
                    std::vector<CocoDetection>& out) {
  const auto positions = positions_of(found.classes, categories);
  if (!positions) return positions.error();
  for (const Detection& d : found.detections) {
    const size_t label = static_cast<size_t>(d.label);
    if (label >= positions->size())
      return Error{Code::kBadModel, "the network found class " + std::to_string(label) + "; the data set has " +
                                        std::to_string(categories.size())};
    if ((*positions)[label] == kNowhere) continue;
    out.push_back({.image_id = image_id,
                   .category_id = categories[(*positions)[label]].id,
                   .box = {d.x1, d.y1, static_cast<double>(d.x2) - d.x1, static_cast<double>(d.y2) - d.y1},
                   .score = d.score});
  }
  return {};
}

}  // namespace

Result<std::vector<size_t>> positions_of(int classes, const std::vector<CocoCategory>& categories) {
  std::vector<size_t> positions(categories.size());
  for (size_t i = 0; i < positions.size(); ++i) positions[i] = i;
  const size_t known = static_cast<size_t>(classes);
  if (known == 0 || known == categories.size()) return positions;
  const auto fits = [&](const CocoCategory& c) { return c.id >= 1 && c.id <= classes; };
  const bool gaps = !categories.empty() && categories.back().id > static_cast<int64_t>(categories.size());
  if (!gaps || !std::all_of(categories.begin(), categories.end(), fits))
    return Error{Code::kBadModel, "the network tells " + std::to_string(classes) + " classes apart; the data set has " +
                                      std::to_string(categories.size())};
  positions.assign(known, kNowhere);
  for (size_t i = 0; i < categories.size(); ++i) positions[static_cast<size_t>(categories[i].id) - 1] = i;
  return positions;
}

Result<DetectorReport> run_detector(Detector& detector, const DetectorJob& job) {
  const QuietOpenCv quiet;
  const auto& images = job.dataset->images;
  if (images.empty()) return Error{Code::kBadArgument, "the data set lists no images"};
  DetectorReport report;
  std::vector<double> ms, all_ms;
  const size_t batch = static_cast<size_t>(detector.batch());
  for (size_t first = 0; first < images.size(); first += batch) {
    const auto start = std::chrono::steady_clock::now();
    if (auto loaded = load_batch(detector, job, first); !loaded) return loaded.error();
    auto time = detector.run();
    if (!time) return time.error();
    ms.push_back(*time);
    const size_t count = std::min(images.size() - first, batch);
    for (size_t i = 0; i < count; ++i) {
      auto found = detector.found(static_cast<int>(i));
      if (!found) return found.error();
      auto added = append(*found, images[first + i].id, job.dataset->categories, report.detections);
      if (!added) return added.error();
    }
    all_ms.push_back(std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count());
    if (job.progress) job.progress(first + count, images.size());
  }
  report.latency = summarise(std::move(ms));
  report.end_to_end = summarise(std::move(all_ms));
  return report;
}

}  // namespace octet::vision
