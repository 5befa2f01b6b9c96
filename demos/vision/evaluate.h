// A network over a whole data set: accuracy and latency. Programs and tools differ only in what they print of it.
#pragma once
#include <octet/octet.h>

#include <functional>
#include <string>
#include <vector>

#include "demos/vision/coco.h"
#include "demos/vision/coco_eval.h"
#include "demos/vision/miou.h"
#include "demos/vision/preprocess.h"
#include "demos/vision/yolo.h"

namespace octet::vision {

struct Latency {
  double min_ms = 0, max_ms = 0, mean_ms = 0, median_ms = 0;
  size_t runs = 0;
};
Latency summarise(std::vector<double> ms);
std::string latency_text(const Latency& latency);  // "Inference time(ms): min=12.34, max=15.6, avg=13.0"

using Progress = std::function<void(size_t done, size_t total)>;

// Height and width that a model with one picture input takes. `img_shape` fills in where the model leaves them to the
// caller (0: not given); it is an error where it contradicts the model.
struct InputSize {
  int batch = 1, height = 0, width = 0;
};
Result<InputSize> input_size(const Model& model, int img_shape = 0, int batch = 0);

// Prepares `session` for pictures of that size.
Result<void> prepare(Session& session, const InputSize& size);

// Runs it and returns the time in milliseconds.
Result<double> timed_run(Session& session);

// The braces let jobs be written with the fields that matter, without warnings about the others.
struct DetectorJob {
  const CocoDataset* dataset = nullptr;
  std::string image_dir{};
  Preprocess preprocess{};  // height and width as the session takes them
  YoloOptions yolo{};
  int batch = 1;
  Progress progress{};
};
struct DetectorReport {
  CocoMetrics metrics;
  std::vector<CocoDetection> detections;
  Latency latency;  // of one batch
};
Result<DetectorReport> evaluate_detector(Session& session, const DetectorJob& job);

// Boxes of picture `index` in the batch that was just run.
Result<std::vector<Detection>> detections_of(const Session& session, int index, size_t classes,
                                             const Geometry& geometry, const YoloOptions& options);

struct SegmenterJob {
  std::string image_dir{}, label_dir{};  // labels are PNG files; the picture's name differs only in its ending
  int classes = 0;
  int ignore_index = 255;
  Preprocess preprocess{};     // height and width 0: each picture in its own size
  bool resize_logits = false;  // scores are enlarged bilinearly before the best is taken; otherwise labels, by nearest
  Progress progress{};
};
struct SegmenterReport {
  SegmentationMetrics metrics;
  Latency latency;
  size_t images = 0;
};
Result<SegmenterReport> evaluate_segmenter(Session& session, const SegmenterJob& job);

}  // namespace octet::vision
