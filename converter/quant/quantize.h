// Static quantisation of a float graph: plan, measure, choose ranges, make int8 weights, write the model.
#pragma once
#include <string>
#include <vector>

#include "converter/quant/collect.h"
#include "converter/quant/weights.h"

namespace octet::convert {

struct QuantizeOptions {
  std::string algo = "mse";  // of range_methods()
  double keep = 0.99999;     // percentile: part of the values inside the range
  PlanOptions plan;
  WeightMethod weights = WeightMethod::kMax;
  bool correct_bias = true;
  int threads = 1;
  Progress progress;
};

struct QuantizedModel {
  std::vector<std::byte> bytes;
  std::vector<std::byte> float_bytes;     // the same graph before quantisation
  std::vector<std::string> int8_layers;   // names of nodes
  std::vector<std::string> float_layers;  // convolutions and matmuls that are not among them
};

// A graph of int8 weights (Graph::quantised) keeps them as they are; it has no FakeQuantize nodes any more.
Result<QuantizedModel> quantize(Graph g, const Samples& samples, const QuantizeOptions& options);

}  // namespace octet::convert
