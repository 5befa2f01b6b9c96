// A validation set, and how well a model does on it: mAP of detectors, mIoU of segmenters.
#pragma once
#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "tools/convert/quantize.h"
#include "vision/arch.h"
#include "vision/coco.h"
#include "vision/seg_config.h"

namespace octet {

struct MetricFlags {
  std::string dataset, image_dir;
  size_t pictures = 0;  // 0: all
  int classes = 0, ignore_index = -1;
};
void add_metric_flags(CLI::App& command, MetricFlags& flags);

class Metric {
 public:
  // The model's family and preprocessing are those of its calibration.
  static Result<Metric> of(const MetricFlags& flags, const Prepared& p);
  // Several threads may ask at a time.
  Result<double> value(const Model& model, const SessionOptions& options) const;
  const char* name() const { return segments_ ? "mIoU" : "mAP"; }
  size_t pictures() const { return segments_ ? images_.size() : coco_.images.size(); }
  std::string identity() const;  // of pictures and preprocessing: two that differ here may give different values

 private:
  Result<void> read_detection(const MetricFlags& flags);
  Result<void> read_segmentation(const MetricFlags& flags);
  void keep(size_t most);

  vision::Arch arch_;
  bool segments_ = false, voc_ = false, eleven_point_ = true;
  vision::CocoDataset coco_;
  std::string image_dir_;
  std::vector<vision::LabelledImage> images_;
  int classes_ = 0, ignore_index_ = 255, label_shift_ = 0;
};

}  // namespace octet
