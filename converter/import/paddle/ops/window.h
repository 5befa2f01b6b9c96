// Kernel, strides, paddings and dilations as Paddle's convolutions and pools share them.
#pragma once
#include "converter/import/build/build.h"
#include "converter/import/paddle/node.h"

namespace octet::convert {

// For an NCHW input of that shape.
Window paddle_window(PaddleNode& n, std::array<int64_t, 2> kernel, const Shape& input);

}  // namespace octet::convert
