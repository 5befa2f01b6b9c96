// Ops as graph nodes, for the importers of every source format. Images are NCHW here, as in the sources.
#pragma once
#include <array>

#include "converter/import/source_node.h"

namespace octet::convert {

struct Window {
  std::array<int, 2> kernel{1, 1}, stride{1, 1}, dilation{1, 1};
  std::array<int, 4> pads{};  // top, left, bottom, right
};
inline constexpr int64_t kMaxWindow = 1 << 16;  // larger attributes are nonsense, and their products could overflow

// weights [O][I/g][kh][kw], bias [O] or -1. The kernel's size is that of the weights.
TensorId build_conv(SourceNode& n, TensorId x, TensorId weights, TensorId bias, const Window& w, int64_t groups);

// weights [I][O/g][kh][kw]; `extra`: rows and columns of output beyond what the window gives.
TensorId build_conv_transpose(SourceNode& n, TensorId x, TensorId weights, TensorId bias, const Window& w,
                              std::array<int64_t, 2> extra, int64_t groups);

// (x - mean) / sqrt(variance + epsilon) * scale + bias along dim 1, all of them constant vectors.
struct BatchNorm {
  TensorId scale, bias, mean, variance;
  float epsilon;
};
TensorId build_batch_norm(SourceNode& n, TensorId x, const BatchNorm& parameters);

// NumPy's matmul: operands of rank 1 are a row and a column, which the result does not show. The last two dims of an
// operand of rank 2 or more are transposed where asked for.
TensorId build_matmul(SourceNode& n, TensorId a, TensorId b, bool transpose_a = false, bool transpose_b = false);

}  // namespace octet::convert
