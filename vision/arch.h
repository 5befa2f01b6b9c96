// Families of networks: what they were trained on, what their exports give, which thresholds their own code uses.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "vision/decode.h"
#include "vision/preprocess.h"

namespace octet::vision {

struct Arch {
  std::string_view name;
  Preprocess preprocess;
  Decoder decoder = Decoder::kYolo5;
  DetectionOptions options;
  // But for the name: two families that read alike.
  bool same_as(const Arch& other) const {
    return preprocess == other.preprocess && decoder == other.decoder && options == other.options;
  }
};

// By name, in any case, with or without '-'. The model says the input's size. "seg" has preprocessing only.
Result<Arch> arch_of(std::string_view name);

std::vector<Arch> all_archs();  // the table; heights and widths are 0

std::string arch_names();  // "YOLOv5, YOLOv6, ..."

}  // namespace octet::vision
