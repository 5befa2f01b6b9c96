// Lists of picture transforms as PaddleDetection and PaddleSeg write them in YAML.
#pragma once
#include <yaml-cpp/yaml.h>

#include "vision/preprocess.h"

namespace octet::vision {

enum class Dialect { kDetection, kSegmentation };

// `list`: [{Resize: {...}}, ...] or [{type: Resize, ...}, ...]. Throws YAML::Exception where an argument has the wrong
// type; fails where a transform is unknown or the order cannot be kept.
Result<Preprocess> preprocess_of(const YAML::Node& list, Dialect dialect);

}  // namespace octet::vision
