// Strides, pads and dilations as Conv, ConvTranspose and the pools share them in ONNX.
#pragma once
#include "converter/import/build/build.h"
#include "converter/import/onnx/node.h"

namespace octet::convert {

// Reads the attributes but `pads`; `kernel` comes from kernel_shape where the weights do not give it. `dims`: those that the
// attributes speak of; one: the last, of images one pixel high.
Window read_window(OnnxNode& n, std::array<int64_t, 2> kernel, int dims = 2);
// pads and auto_pad of an NCHW input. What comes back is x, or, where auto_pad depends on a size that is open, x padded with
// `outside` by the run; an error where that cannot stand for padding (nothing).
TensorId read_pads(OnnxNode& n, TensorId x, Window& w, std::optional<float> outside, int dims = 2);

// An attribute with `count` numbers for each of the last dims, in front those of the dims that it does not speak of.
std::vector<int64_t> window_numbers(OnnxNode& n, const char* name, int64_t otherwise, int dims, size_t count);

}  // namespace octet::convert
