// Families of networks: what they were trained on, what their exports give, which thresholds their own code uses.
#pragma once
#include <string>
#include <string_view>

#include "vision/decode.h"
#include "vision/preprocess.h"

namespace octet::vision {

struct Arch {
  Preprocess preprocess;
  Decoder decoder = Decoder::kYolo5;
  DetectionOptions options;
};

// By name, in any case, with or without '-'. The model says the input's size. "seg" has preprocessing only.
Result<Arch> arch_of(std::string_view name);

std::string arch_names();  // "YOLOv5, YOLOv6, ..."

}  // namespace octet::vision
