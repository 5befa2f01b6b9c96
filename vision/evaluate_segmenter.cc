// Pictures with label pictures through a segmenter, one by one.
#include <filesystem>
#include <map>
#include <system_error>

#include "vision/evaluate.h"
#include "vision/image.h"
#include "vision/quiet_opencv.h"
#include "vision/segment.h"

namespace octet::vision {
namespace {

namespace fs = std::filesystem;

// Files of a folder by name without ending.
Result<std::map<std::string, std::string>> files_of(const std::string& dir) {
  std::error_code ec;
  std::map<std::string, std::string> out;
  fs::directory_iterator it(dir, ec);
  if (ec) return Error{Code::kIo, "folder '" + dir + "': " + ec.message()};
  for (const fs::directory_entry& entry : it)
    if (entry.is_regular_file(ec)) out[entry.path().stem().string()] = entry.path().string();
  return out;
}

void shift(cv::Mat& labels, int by) {
  constexpr int kNone = 255;
  for (auto it = labels.begin<uint8_t>(); it != labels.end<uint8_t>(); ++it) {
    const int label = *it + by;
    *it = static_cast<uint8_t>(label < 0 || label > kNone ? kNone : label);
  }
}

}  // namespace

Result<std::vector<LabelledImage>> labelled_images(const std::string& image_dir, const std::string& label_dir) {
  auto labels = files_of(label_dir);
  if (!labels) return labels.error();
  auto images = files_of(image_dir);
  if (!images) return images.error();
  std::vector<LabelledImage> out;
  for (const auto& [stem, path] : *labels) {
    if (fs::path(path).extension() != ".png") continue;
    const auto image = images->find(stem);
    if (image == images->end()) return Error{Code::kIo, "'" + path + "': no image of that name in '" + image_dir + "'"};
    out.push_back({image->second, path});
  }
  if (out.empty()) return Error{Code::kIo, "folder '" + label_dir + "': no .png files"};
  return out;
}

Result<SegmenterReport> evaluate_segmenter(Session& session, const Feed& feed, const SegmenterJob& job) {
  const QuietOpenCv quiet;
  if (job.images.empty()) return Error{Code::kBadArgument, "the data set lists no images"};
  const auto batch = feed.size(Preprocess{.height = 0, .width = 0});
  if (!batch) return batch.error();
  Confusion confusion(job.classes, job.ignore_index);
  std::vector<double> ms;
  Exchange exchange(job.exchange);
  for (const LabelledImage& pair : job.images) {
    auto image = read_image_for(pair.image, feed.channels());
    if (!image) return image.error();
    auto labels = read_labels(pair.labels);
    if (!labels) return labels.error();
    if (image->size() != labels->size())
      return Error{Code::kBadFile, "'" + pair.labels + "': its size differs from that of '" + pair.image + "'"};
    if (job.label_shift) shift(*labels, job.label_shift);
    const Geometry g = fit(image->rows, image->cols, job.preprocess);
    const InputSize size{.batch = batch->batch, .height = g.input_height, .width = g.input_width};
    if (auto ready = feed.prepare(session, size); !ready) return ready.error();
    // A batch that the model fixes is filled with the same picture.
    for (int slot = 1; slot < size.batch; ++slot) feed.load(session, slot, *image, job.preprocess);
    const Geometry geometry = feed.load(session, 0, *image, job.preprocess);
    if (auto done = exchange.before(session, 1); !done) return done.error();
    auto time = timed_run(session);
    if (!time) return time.error();
    if (auto done = exchange.after(session, 1); !done) return done.error();
    ms.push_back(*time);
    auto predicted = segment(session.output(0), job.classes, geometry, job.resize_logits);
    if (!predicted) return predicted.error();
    if (auto added = confusion.add(*predicted, *labels); !added)
      return Error{added.error().code, "'" + pair.labels + "': " + added.error().text};
    if (job.progress) job.progress(ms.size(), job.images.size());
  }
  return SegmenterReport{
      .metrics = confusion.metrics(), .latency = summarise(std::move(ms)), .images = job.images.size()};
}

}  // namespace octet::vision
