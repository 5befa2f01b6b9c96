// What octet-bench found, as a document and as text.
#pragma once
#include <octet/octet.h>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tools/bench/measure.h"

namespace octet::bench {

struct Findings {
  std::string path;
  Model model;  // keeps what the steps name
  Precision precision = Precision::kF32;
  int threads = 1, warmup = 0;
  std::vector<std::pair<std::string, Shape>> inputs;
  double load_ms = 0, prepare_ms = 0;
  std::map<std::string, double> peaks;  // of the units that steps ran on, 1e9 products a second
  size_t file_bytes = 0, arena_bytes = 0;
  Times times;
  std::vector<StepProfile> steps;  // their times only where the session was profiled
  bool profiled = false;
};

nlohmann::ordered_json document(const Findings& findings);
std::string text_of(const nlohmann::ordered_json& document);

}  // namespace octet::bench
