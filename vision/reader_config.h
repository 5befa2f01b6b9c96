// PaddleDetection's reader files and the infer_cfg.yml that lies beside its exports.
#pragma once
#include <string>
#include <vector>

#include "vision/preprocess.h"

namespace octet::vision {

struct ReaderConfig {
  Preprocess preprocess;
  std::string arch;          // family (arch.h), of infer_cfg.yml; empty: not given
  bool voc = false;          // Pascal VOC annotations and metric instead of COCO's
  bool eleven_point = true;  // VOC: average of 11 recalls, not the area under the curve
  int batch_size = 0;        // 0: not given
  std::string dataset_dir, image_dir, anno_path, label_list;  // as written; empty: not given
  std::vector<std::string> names;                             // of classes, in infer_cfg.yml
};

// `single`: of TestReader rather than of EvalReader, where the file has both.
Result<ReaderConfig> read_reader_config(const std::string& path, bool single);

}  // namespace octet::vision
