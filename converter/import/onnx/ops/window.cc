// Strides, pads and dilations as Conv, ConvTranspose and the pools share them in ONNX.
#include "converter/import/onnx/ops/window.h"

#include <algorithm>
#include <vector>

namespace octet::convert {

std::vector<int64_t> window_numbers(OnnxNode& n, const char* name, int64_t otherwise, int dims, size_t count) {
  const size_t given = static_cast<size_t>(dims);
  const auto read = n.ints(name, std::vector<int64_t>(given * count, otherwise), given * count);
  std::vector<int64_t> all(2 * count, otherwise);
  for (size_t k = 0; k < count; ++k)
    for (size_t i = 0; i < given; ++i) all[k * 2 + 2 - given + i] = read[k * given + i];
  return all;
}

Window read_window(OnnxNode& n, std::array<int64_t, 2> kernel, int dims) {
  Window w;
  const auto stride = window_numbers(n, "strides", 1, dims, 1), dilation = window_numbers(n, "dilations", 1, dims, 1);
  for (size_t i = 0; i < 2; ++i) {
    w.kernel[i] = n.bounded("kernel_shape", kernel[i], 1, kMaxWindow);
    w.stride[i] = n.bounded("strides", stride[i], 1, kMaxWindow);
    w.dilation[i] = n.bounded("dilations", dilation[i], 1, kMaxWindow);
  }
  return w;
}

TensorId read_pads(OnnxNode& n, TensorId x, Window& w, std::optional<float> outside, int dims) {
  const std::string mode = n.s("auto_pad", "NOTSET");
  if (mode == "NOTSET" || mode.empty()) {
    const auto pads = window_numbers(n, "pads", 0, dims, 2);
    for (size_t i = 0; i < 4; ++i) w.pads[i] = n.bounded("pads", pads[i], 0, kMaxWindow);
    return x;
  }
  if (mode == "VALID") return x;
  if (mode != "SAME_UPPER" && mode != "SAME_LOWER") return n.refuse("auto_pad '" + mode + "' is unknown");
  SamePad same{.more_in_front = mode == "SAME_LOWER", .outside = outside.value_or(0)};
  bool open = false;
  for (size_t i = 0; i < 2; ++i) {
    same.reach[i] = int64_t{w.kernel[i] - 1} * w.dilation[i] + 1, same.stride[i] = w.stride[i];
    open = open || (n.shape(x)[2 + static_cast<int>(i)] < 0 && w.stride[i] > 1);
  }
  if (open && !outside)
    return n.refuse("auto_pad " + mode + " needs an input of known size: give the input's shape", Code::kUnsupported);
  if (open) return build_same_pad(n, x, same);
  for (size_t i = 0; i < 2; ++i) {
    const int64_t size = n.shape(x)[2 + static_cast<int>(i)];
    // With stride 1 the pads do not depend on the size.
    const int64_t out = w.stride[i] == 1 ? 0 : (size + w.stride[i] - 1) / w.stride[i];
    const int64_t total =
        w.stride[i] == 1 ? same.reach[i] - 1 : std::max<int64_t>((out - 1) * w.stride[i] + same.reach[i] - size, 0);
    w.pads[i] = static_cast<int>((total + (same.more_in_front ? 1 : 0)) / 2);
    w.pads[i + 2] = static_cast<int>(total) - w.pads[i];
  }
  return x;
}

}  // namespace octet::convert
