// PaddleSeg's data set files and the deploy.yaml that lies beside its exports.
#pragma once
#include <string>
#include <vector>

#include "vision/preprocess.h"

namespace octet::vision {

struct LabelledImage {
  std::string image, labels;
};

struct SegConfig {
  Preprocess preprocess;
  int classes = 0;  // 0: not given
  int ignore_index = 255;
  int label_shift = 0;                // added to what label pictures hold; below 0 means 255
  std::vector<LabelledImage> images;  // of val_dataset; empty: none given
};

// `_base_` files are merged in. Fails where a list or a folder that it names is not there.
Result<SegConfig> read_seg_config(const std::string& path);

// Preprocessing of any file that evaluation takes, PaddleSeg's or PaddleDetection's.
Result<Preprocess> read_preprocess(const std::string& path);

}  // namespace octet::vision
