// Strides, pads and dilations as Conv, ConvTranspose and the pools share them in ONNX.
#include "converter/import/onnx/ops/window.h"

#include <algorithm>

namespace octet::convert {
Window read_window(OnnxNode& n, std::array<int64_t, 2> kernel) {
  Window w;
  const auto stride = n.ints("strides", {1, 1}, 2), dilation = n.ints("dilations", {1, 1}, 2);
  for (size_t i = 0; i < 2; ++i) {
    w.kernel[i] = n.bounded("kernel_shape", kernel[i], 1, kMaxWindow);
    w.stride[i] = n.bounded("strides", stride[i], 1, kMaxWindow);
    w.dilation[i] = n.bounded("dilations", dilation[i], 1, kMaxWindow);
  }
  return w;
}

void read_pads(OnnxNode& n, const Shape& input, Window& w) {
  const std::string mode = n.s("auto_pad", "NOTSET");
  if (mode == "NOTSET" || mode.empty()) {
    const auto pads = n.ints("pads", {0, 0, 0, 0}, 4);
    for (size_t i = 0; i < 4; ++i) w.pads[i] = n.bounded("pads", pads[i], 0, kMaxWindow);
    return;
  }
  if (mode == "VALID") return;
  if (mode != "SAME_UPPER" && mode != "SAME_LOWER") return n.fail("auto_pad '" + mode + "' is unknown");
  for (size_t i = 0; i < 2; ++i) {
    const int64_t size = input[2 + static_cast<int>(i)];
    // With stride 1 the pads do not depend on the size.
    if (size < 0 && w.stride[i] > 1)
      return n.fail("auto_pad " + mode + " needs an input of known size: give the input's shape", Code::kUnsupported);
    const int64_t extent = int64_t{w.kernel[i] - 1} * w.dilation[i] + 1;
    const int64_t out = w.stride[i] == 1 ? 0 : (size + w.stride[i] - 1) / w.stride[i];
    const int64_t total = w.stride[i] == 1 ? extent - 1 : std::max<int64_t>((out - 1) * w.stride[i] + extent - size, 0);
    const int odd_at_front = mode == "SAME_LOWER" ? 1 : 0;
    w.pads[i] = static_cast<int>((total + odd_at_front) / 2);
    w.pads[i + 2] = static_cast<int>(total) - w.pads[i];
  }
}

}  // namespace octet::convert
