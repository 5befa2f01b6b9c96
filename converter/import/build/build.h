// Ops as graph nodes, for the importers of every source format. Images are NCHW here, as in the sources.
#pragma once
#include <array>

#include "converter/import/build/source_node.h"

namespace octet::convert {

struct Window {
  std::array<int, 2> kernel{1, 1}, stride{1, 1}, dilation{1, 1};
  std::array<int, 4> pads{};  // top, left, bottom, right
};
inline constexpr int64_t kMaxWindow = 1 << 16;  // larger attributes are nonsense, and their products could overflow

template <class Op>
Op with_window(Op op, const Window& w) {
  op.stride_h = w.stride[0], op.stride_w = w.stride[1];
  op.dilation_h = w.dilation[0], op.dilation_w = w.dilation[1];
  op.pad_top = w.pads[0], op.pad_left = w.pads[1], op.pad_bottom = w.pads[2], op.pad_right = w.pads[3];
  return op;
}

// x padded as far as windows that begin every `stride` pixels reach beyond it: for SAME padding of sizes that the run finds.
struct SamePad {
  std::array<int64_t, 2> reach{1, 1}, stride{1, 1};  // at most kMaxWindow^2
  bool more_in_front = false;                        // where a side is odd
  float outside = 0;
};
TensorId build_same_pad(SourceNode& n, TensorId x, const SamePad& same);

// weights [O][I/g][kh][kw], bias [O] or -1. The kernel's size is that of the weights.
TensorId build_conv(SourceNode& n, TensorId x, TensorId weights, TensorId bias, const Window& w, int64_t groups);

// offsets [N, groups of them * kernel * 2, H', W'], mask [N, groups * kernel, H', W'] or -1: a pair (down, right) and a factor
// for each tap.
struct DeformConv {
  TensorId x, weights, bias, offsets, mask;
  int64_t groups = 1, offset_groups = 1;
};
TensorId build_deform_conv(SourceNode& n, const DeformConv& c, const Window& w);

// weights [I][O/g][kh][kw]; `extra`: rows and columns of output beyond what the window gives.
TensorId build_conv_transpose(SourceNode& n, TensorId x, TensorId weights, TensorId bias, const Window& w,
                              std::array<int64_t, 2> extra, int64_t groups);

// Where windows reach beyond the padding in ceil mode, what is beyond never counts; `include_pad`: the padding does.
TensorId build_average_pool(SourceNode& n, TensorId x, const Window& w, bool ceil_mode, bool include_pad);

// (x - mean) / sqrt(variance + epsilon) * scale + bias along dim 1, all of them constant vectors.
struct BatchNorm {
  TensorId scale, bias, mean, variance;
  float epsilon;
};
TensorId build_batch_norm(SourceNode& n, TensorId x, const BatchNorm& parameters);

// Over the dims from `axis` on; scale and bias of their shape, or -1. Not centred: without the mean.
TensorId build_layer_norm(SourceNode& n, TensorId x, TensorId scale, TensorId bias, int axis, float epsilon,
                          bool centred = true);

// Over the channels (dim 1) of each group and all that follows. Scale and bias, or -1: one a channel, or one a group.
struct ChannelNorm {
  int64_t groups = 1;
  float epsilon = 1e-5f;
  bool scale_of_group = false;
};
TensorId build_channel_norm(SourceNode& n, TensorId x, TensorId scale, TensorId bias, const ChannelNorm& norm);

// x [N, C, H, W] at places [N, H', W', 2]; the names of mode and padding are ONNX' and Paddle's.
TensorId build_grid_sample(SourceNode& n, TensorId x, TensorId places, const std::string& mode,
                           const std::string& padding, bool align_corners);

TensorId build_gelu(SourceNode& n, TensorId x, bool approximate);  // approximate: by tanh
TensorId plus(SourceNode& n, TensorId x, double term);
TensorId times(SourceNode& n, TensorId x, double factor);
TensorId build_softplus(SourceNode& n, TensorId x);
TensorId build_mish(SourceNode& n, TensorId x);
// max(x, 0) + alpha * (exp(min(x, 0) / width) - 1)
TensorId build_elu(SourceNode& n, TensorId x, float alpha, float width = 1);

// NumPy's matmul: operands of rank 1 are a row and a column, which the result does not show. The last two dims of an
// operand of rank 2 or more are transposed where asked for.
TensorId build_matmul(SourceNode& n, TensorId a, TensorId b, bool transpose_a = false, bool transpose_b = false);

TensorId build_thresholded_relu(SourceNode& n, TensorId x, float threshold, float otherwise = 0);  // x above it

TensorId build_prelu(SourceNode& n, TensorId x, TensorId slope);  // NumPy broadcasting

// From start on, a step apart, up to the limit, which is not reached: whole numbers or floats.
TensorId build_range(SourceNode& n, TensorId start, TensorId limit, TensorId step);

// x in the shape of `like`, which has as many elements.
TensorId build_reshape_like(SourceNode& n, TensorId x, TensorId like);
TensorId build_squeeze(SourceNode& n, TensorId x, const std::vector<int>& axes);
TensorId build_unsqueeze(SourceNode& n, TensorId x,
                         const std::vector<int64_t>& axes);  // of the result; may be negative
std::vector<int> axes_of_ones(SourceNode& n, TensorId x);    // fails where a size is unknown

TensorId build_tile(SourceNode& n, TensorId x, const std::vector<int64_t>& repeats);
TensorId build_tile(SourceNode& n, TensorId x, TensorId repeats);  // constant or computed
// [N, C*b*b, H, W] to [N, C, H*b, W*b]; depth_first: the block's position varies slower than the channel (ONNX' DCR).
TensorId build_depth_to_space(SourceNode& n, TensorId x, int64_t block, bool depth_first);

}  // namespace octet::convert
