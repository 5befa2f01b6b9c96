// An analysis as files: JSON with all of it, CSV with a line a layer, and a page to look at.
#pragma once
#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "octet/analyze.h"

namespace octet {

// What a task's metric says of a layer.
struct LayerMetric {
  double only = 0;     // with that layer alone in int8
  double without = 0;  // with all but it
};

struct MetricReport {
  std::string name;  // "mAP"
  size_t pictures = 0;
  double in_float = 0, in_int8 = 0;
  std::map<std::string, LayerMetric> layers = {};
};

struct GraphNode {
  std::string name, op;
  bool int8 = false, moves_only = false;
  std::vector<std::string> inputs, outputs;  // tensors that are no constants
};

struct AnalysisReport {
  std::string model, how;  // "yolov5n.onnx"; "mse, per_channel depthwise, ..."
  Analysis analysis;
  std::vector<GraphNode> graph = {};
  std::optional<MetricReport> metric = {};
};

nlohmann::ordered_json json_of(const AnalysisReport& report);
std::string csv_of(const AnalysisReport& report);
std::string page_of(const AnalysisReport& report);  // needs no network

}  // namespace octet
