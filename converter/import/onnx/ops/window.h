// Strides, pads and dilations as Conv, ConvTranspose and the pools share them in ONNX.
#pragma once
#include "converter/import/build/build.h"
#include "converter/import/onnx/node.h"

namespace octet::convert {

// Reads the attributes but `pads`; `kernel` comes from kernel_shape where the weights do not give it.
Window read_window(OnnxNode& n, std::array<int64_t, 2> kernel);
// pads and auto_pad, for an NCHW input.
void read_pads(OnnxNode& n, const Shape& input, Window& w);

}  // namespace octet::convert
