// A network over a whole data set: accuracy and latency. Programs and tools differ only in what they print of it.
#pragma once
#include <octet/octet.h>

#include <functional>
#include <string>
#include <vector>

#include "vision/coco.h"
#include "vision/detector.h"
#include "vision/exchange.h"
#include "vision/miou.h"
#include "vision/seg_config.h"

namespace octet::vision {

struct Latency {
  double min_ms = 0, max_ms = 0, mean_ms = 0, median_ms = 0, p99_ms = 0;
  size_t runs = 0;
};
Latency summarise(std::vector<double> ms);
std::string latency_text(const Latency& latency);  // "Inference time(ms): min=12.34, max=15.6, avg=13.0"
std::string spread_text(const Latency& latency);   // "median=12.90 ms, p99=15.41 ms, 100 runs"

using Progress = std::function<void(size_t done, size_t total)>;

// The braces let jobs be written with the fields that matter, without warnings about the others.
struct DetectorJob {
  const CocoDataset* dataset = nullptr;
  std::string image_dir{};
  Progress progress{};
};
struct DetectorReport {
  std::vector<CocoDetection> detections;
  Latency latency;     // of one batch
  Latency end_to_end;  // of one batch: reading and preparing pictures, inference, boxes
};
Result<DetectorReport> run_detector(Detector& detector, const DetectorJob& job);

// Position in `categories` of each of the network's classes. Networks that know more classes than there are categories
// count by category id, from 1, where the ids have gaps as COCO's do.
Result<std::vector<size_t>> positions_of(int classes, const std::vector<CocoCategory>& categories);

// Every .png file of `label_dir` with the photo whose name differs only in its ending.
Result<std::vector<LabelledImage>> labelled_images(const std::string& image_dir, const std::string& label_dir);

struct SegmenterJob {
  std::vector<LabelledImage> images{};
  int classes = 0;  // that count; the network may know more
  int ignore_index = 255;
  int label_shift = 0;         // as SegConfig's
  Preprocess preprocess{};     // height and width 0: each picture in its own size
  bool resize_logits = false;  // scores are enlarged bilinearly before the best is taken; otherwise labels, by nearest
  Progress progress{};
  std::string exchange{};  // folder, see exchange.h
};
struct SegmenterReport {
  SegmentationMetrics metrics;
  Latency latency;
  size_t images = 0;
};
Result<SegmenterReport> evaluate_segmenter(Session& session, const Feed& feed, const SegmenterJob& job);

}  // namespace octet::vision
