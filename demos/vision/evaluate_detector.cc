// Pictures of a COCO data set through a detector, batch by batch.
#include <algorithm>

#include "demos/vision/evaluate.h"
#include "demos/vision/image.h"
#include "demos/vision/quiet_opencv.h"

namespace octet::vision {
namespace {

std::string path_of(const DetectorJob& job, const CocoImage& image) { return job.image_dir + "/" + image.file_name; }

// Loads pictures [first, first + batch) into the input; a last batch that is not full repeats its last picture.
Result<std::vector<Geometry>> load_batch(Session& session, const DetectorJob& job, size_t first) {
  const auto& images = job.dataset->images;
  const Tensor input = session.input(0);
  const size_t batch = static_cast<size_t>(job.batch), pixels = input.f32().size() / batch;
  std::vector<Geometry> geometry;
  cv::Mat picture;
  for (size_t i = 0; i < batch; ++i) {
    if (first + i < images.size()) {
      auto read = read_image(path_of(job, images[first + i]));
      if (!read) return read.error();
      picture = *read;
    }
    geometry.push_back(preprocess(picture, job.preprocess, input.f32().subspan(i * pixels, pixels)));
  }
  return geometry;
}

void append(const std::vector<Detection>& found, int64_t image_id, const std::vector<CocoCategory>& categories,
            std::vector<CocoDetection>& out) {
  for (const Detection& d : found)
    out.push_back({.image_id = image_id,
                   .category_id = categories[static_cast<size_t>(d.label)].id,
                   .box = {d.x1, d.y1, static_cast<double>(d.x2) - d.x1, static_cast<double>(d.y2) - d.y1},
                   .score = d.score});
}

}  // namespace

Result<std::vector<Detection>> detections_of(const Session& session, int index, size_t classes,
                                             const Geometry& geometry, const YoloOptions& options) {
  const Tensor output = session.output(0);
  const Shape& s = output.shape;
  if (output.dtype != DType::kF32 || s.rank() != 3 || s[0] <= index || s[2] < 6)
    return Error{Code::kBadModel, "output '" + std::string(output.name) + "' is " + name_of(output.dtype) + " " +
                                      s.text() + ", expected f32 {batch, boxes, 5 + classes}"};
  if (static_cast<size_t>(s[2]) != 5 + classes)
    return Error{Code::kBadModel, "output '" + std::string(output.name) + "' is " + s.text() + ", which is " +
                                      std::to_string(s[2] - 5) + " classes; the data set has " +
                                      std::to_string(classes)};
  const size_t columns = static_cast<size_t>(s[2]), rows = static_cast<size_t>(s[1]) * columns;
  return decode_yolo(output.f32().subspan(static_cast<size_t>(index) * rows, rows), columns, geometry, options);
}

Result<DetectorReport> evaluate_detector(Session& session, const DetectorJob& job) {
  const QuietOpenCv quiet;
  const auto& images = job.dataset->images;
  const auto& categories = job.dataset->categories;
  if (images.empty()) return Error{Code::kBadArgument, "the data set lists no images"};
  const InputSize size{.batch = job.batch, .height = job.preprocess.height, .width = job.preprocess.width};
  if (auto ready = prepare(session, size); !ready) return ready.error();
  DetectorReport report;
  std::vector<double> ms;
  for (size_t first = 0; first < images.size(); first += static_cast<size_t>(job.batch)) {
    auto geometry = load_batch(session, job, first);
    if (!geometry) return geometry.error();
    auto time = timed_run(session);
    if (!time) return time.error();
    ms.push_back(*time);
    const size_t count = std::min(images.size() - first, geometry->size());
    for (size_t i = 0; i < count; ++i) {
      auto found = detections_of(session, static_cast<int>(i), categories.size(), (*geometry)[i], job.yolo);
      if (!found) return found.error();
      append(*found, images[first + i].id, categories, report.detections);
    }
    if (job.progress) job.progress(first + count, images.size());
  }
  report.metrics = evaluate_coco(*job.dataset, report.detections);
  report.latency = summarise(std::move(ms));
  return report;
}

}  // namespace octet::vision
