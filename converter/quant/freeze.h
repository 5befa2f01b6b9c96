// A float graph that simulates int8 (FakeQuantize nodes, weights on a grid) becomes the int8 graph that it simulates.
#pragma once
#include "converter/graph/graph.h"

namespace octet::convert {

struct Frozen {
  int layers = 0;        // convolutions and matmuls that read a quantised tensor and have int8 weights
  int weights_only = 0;  // those whose weights alone are int8
  std::vector<std::string> float_layers;
  float largest_error = 0;  // of an int8 weight against the float it came from, in steps
};

// After the passes. What the simulation rounds is u8, what it reads unrounded is float: an int8 run differs from it only by the
// order of float operations. Ops that only move or pick elements pass scales on. A layer whose residual has no scale gets an
// addition of its own. `split`: layers that are in pieces (split_wide_weights), each of which counts once.
Frozen freeze(Graph& g, const std::vector<std::string>& split = {});

}  // namespace octet::convert
