// Flags of the segmentation demo, and what they say about the data.
#pragma once
#include <CLI/CLI.hpp>
#include <optional>
#include <string>
#include <vector>

#include "cli/session_flags.h"
#include "vision/seg_config.h"

namespace octet::demos {

struct SegFlags {
  std::string model_path, model_filename, params_filename, dataset = "human", config, image_file, save_file, image_dir,
                                                           label_dir;
  std::string device = "CPU", exchange;
  int num_classes = 0;
  std::optional<int> ignore_index;
  bool benchmark = false, use_trt = false, use_multi_img_for_dynamic_shape_collect = false;
  bool cache = false;
  SessionFlags session;
  vision::PreprocessFlags preprocess;
};

void define_flags(CLI::App& app, SegFlags& flags);

// The YAML of --config or what --dataset stands for, with the flags put over it.
Result<vision::SegConfig> config_of(const SegFlags& flags);

// Of --dataset: names of its classes.
std::vector<std::string> names_of(const std::string& dataset);

}  // namespace octet::demos
