// Kernel, strides, paddings and dilations as Paddle's convolutions and pools share them.
#pragma once
#include "converter/import/build/build.h"
#include "converter/import/paddle/node.h"

namespace octet::convert {

// For an NCHW input. Where padding_algorithm SAME depends on a size that is open, x becomes x padded with `outside` by the run; an
// error where that cannot stand for padding (nothing).
Window paddle_window(PaddleNode& n, std::array<int64_t, 2> kernel, TensorId& x, std::optional<float> outside);

}  // namespace octet::convert
