// What convolutions and products with constant weights share: their weights and bias as ONNX' constants.
#pragma once
#include <functional>

#include "converter/export/export_ops.h"
#include "runtime/ops/conv/conv2d.h"

namespace octet::convert {

// Where element k of an output channel's row, [tap][in], stands among ONNX' weights.
struct WeightOrder {
  Shape shape;
  int channel_axis = 0;
  std::function<int64_t(int64_t channel, int64_t k)> place;
};

struct LayerConstants {
  std::string x, weights, bias;  // an empty bias: none
  bool in_steps = false;         // the result comes divided by the output's scales
};

// `linear`: the activation, and what comes after it, gives the same where all is divided by a positive number.
LayerConstants layer_constants(const ExportNode& n, const conv::Geometry& g, const WeightOrder& order, bool linear);

// Whether rounding to the u8 output sets the bounds of a clip anyway.
bool clips_nothing(const ExportNode& n, const schema::Activation& act);

}  // namespace octet::convert
