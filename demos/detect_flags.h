// Flags of the detection demo, and the detector that they describe.
#pragma once
#include <CLI/CLI.hpp>
#include <optional>
#include <string>

#include "cli/session_flags.h"
#include "vision/detector.h"
#include "vision/family.h"
#include "vision/reader_config.h"

namespace octet::demos {

struct DetectFlags {
  std::string model_path, image_file, output_file = "output.jpg", reader_config;
  std::string dataset_dir, val_image_dir, val_anno_path, label_list;  // empty: the YAML's, or COCO's usual places
  std::string metric, map_type;                                       // empty: the YAML's
  std::string arch, device = "CPU", save_json, compare, exchange;
  int batch_size = 0, img_shape = 0;
  bool benchmark = false, use_trt = false, use_dynamic_shape = true, trt_calib_mode = false;
  bool classwise = false, cache = false;
  bool include_nms = false;
  const CLI::Option* include_nms_given = nullptr;
  SessionFlags session;
  float threshold = .5f;
  std::optional<float> score_threshold, nms_threshold;
  std::optional<int> max_detections;
  vision::PreprocessFlags preprocess;
};

void define_flags(CLI::App& app, DetectFlags& flags);

// The YAML of --reader_config, empty where none is given, with what flags say put over it.
Result<vision::ReaderConfig> config_of(const DetectFlags& flags);

// `names` are those of the model's classes, where it has them.
struct OpenDetector {
  vision::Detector detector;
  std::vector<std::string> names;
};
Result<OpenDetector> open_detector(const DetectFlags& flags, const vision::ReaderConfig& config);

// Did the model do what --include_nms says? To be asked after a run.
Result<void> check_nms(const DetectFlags& flags, const vision::Detector& detector);

}  // namespace octet::demos
