// Strides, pads and dilations as Conv, ConvTranspose and the pools share them in ONNX.
#pragma once
#include <array>

#include "converter/import/onnx_node.h"

namespace octet::convert {

struct Window {
  std::array<int, 2> kernel{1, 1}, stride{1, 1}, dilation{1, 1};
  std::array<int, 4> pads{};  // top, left, bottom, right
};

// Reads the attributes but `pads`; `kernel` comes from kernel_shape where the weights do not give it.
Window read_window(OnnxNode& n, std::array<int64_t, 2> kernel);
// pads and auto_pad, for an NCHW input.
void read_pads(OnnxNode& n, const Shape& input, Window& w);

}  // namespace octet::convert
