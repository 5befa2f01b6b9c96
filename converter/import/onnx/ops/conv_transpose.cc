// ConvTranspose (1, 11) as a convolution that makes all phases of an output pixel at once, and a move of these phases from
// channels to space. With stride s and kernel k, y[s*q + r - pad] = sum over j of x[q - j] * w[r + s*j]: for each phase r a
// convolution with ceil(k/s) taps over x padded by as many less one.
#include <algorithm>

#include "converter/import/onnx/ops/ops.h"
#include "converter/import/onnx/ops/window.h"

namespace octet::convert {
namespace {

struct Phases {
  int64_t in, out, groups;  // channels of one group
  std::array<int64_t, 2> stride, taps, kernel;
};

// weights [in][out/g][kh][kw] to [g * phases * out/g][taps_h][taps_w][in/g]; within a group phase by phase.
std::vector<float> phase_weights(const Phases& p, std::span<const float> w) {
  const int64_t taps = p.taps[0] * p.taps[1], phases = p.stride[0] * p.stride[1];
  std::vector<float> all(static_cast<size_t>(p.groups * phases * p.out * taps * p.in), 0.0f);
  for (int64_t i = 0; i < p.groups * p.in; ++i)
    for (int64_t o = 0; o < p.out; ++o)
      for (int64_t y = 0; y < p.kernel[0]; ++y)
        for (int64_t x = 0; x < p.kernel[1]; ++x) {
          const int64_t phase = y % p.stride[0] * p.stride[1] + x % p.stride[1];
          const int64_t channel = (i / p.in * phases + phase) * p.out + o;
          const int64_t tap_y = p.taps[0] - 1 - y / p.stride[0], tap_x = p.taps[1] - 1 - x / p.stride[1];
          const int64_t to = ((channel * p.taps[0] + tap_y) * p.taps[1] + tap_x) * p.in + i % p.in;
          all[static_cast<size_t>(to)] = w[static_cast<size_t>(((i * p.out + o) * p.kernel[0] + y) * p.kernel[1] + x)];
        }
  return all;
}

std::vector<float> repeated_bias(const Phases& p, std::span<const float> bias) {
  std::vector<float> all;
  for (int64_t g = 0; g < p.groups; ++g)
    for (int64_t phase = 0; phase < p.stride[0] * p.stride[1]; ++phase)
      for (int64_t o = 0; o < p.out; ++o) all.push_back(bias[static_cast<size_t>(g * p.out + o)]);
  return all;
}

// [N,H,W,g*sh*sw*o] to [N,H*sh,W*sw,g*o].
TensorId channels_to_space(SourceNode& n, TensorId y, const Phases& p) {
  const Shape s = n.shape(y);
  const int64_t h = s[1] < 0 ? -3 : s[1], w = s[2] < 0 ? -4 : s[2];
  TensorId x = n.reshape(y, {-2, h, w, p.groups, p.stride[0], p.stride[1], p.out});
  x = n.transpose(x, {0, 1, 4, 2, 5, 3, 6});
  const int64_t rows = s[1] < 0 ? -1 : s[1] * p.stride[0], columns = s[2] < 0 ? -1 : s[2] * p.stride[1];
  if (rows >= 0 || columns >= 0) return n.reshape(x, {-2, rows, columns, p.groups * p.out});
  // Two unknown sizes are computed when they are known.
  const TensorId size = n.emit(schema::ShapeOfT{.start = 0, .end = 3}, {y});
  const TensorId factors = n.integers(std::array<int64_t, 3>{1, p.stride[0], p.stride[1]});
  const TensorId larger = n.binary(schema::BinaryKind::mul, size, factors);
  const TensorId shape =
      n.emit(schema::ConcatT{.axis = 0}, {larger, n.integers(std::array<int64_t, 1>{p.groups * p.out})});
  return n.emit(schema::ReshapeT{}, {x, shape});
}

TensorId cropped(SourceNode& n, TensorId y, int axis, int64_t start, int64_t count) {
  const int64_t have = n.shape(y)[axis];
  if (start == 0 && count == have) return y;
  return n.slice(y, axis, start, start + count);
}

}  // namespace

TensorId build_conv_transpose(SourceNode& n, TensorId x, TensorId weight, TensorId bias, const Window& w,
                              std::array<int64_t, 2> extra, int64_t groups) {
  if (!n.is_constant_floats(weight)) return n.refuse("the weights must be constant floats", Code::kUnsupported);
  if (!n.need_rank(weight, 4) || !n.need_rank(x, 4)) return -1;
  const Shape in = n.shape(x), weights = n.shape(weight);
  if (weights.elements() <= 0) return n.refuse("empty weights " + weights.text());
  groups = n.bounded("groups", groups, 1, weights[0]);
  if (weights[0] % groups) return n.refuse("input channels are no multiple of groups");
  if (w.dilation[0] != 1 || w.dilation[1] != 1) return n.refuse("dilations are not supported", Code::kUnsupported);
  Phases p{.in = weights[0] / groups,
           .out = weights[1],
           .groups = groups,
           .stride = {w.stride[0], w.stride[1]},
           .taps = {},
           .kernel = {weights[2], weights[3]}};
  schema::Conv2dT op{.groups = static_cast<int>(groups)};
  for (size_t i = 0; i < 2; ++i) p.taps[i] = (p.kernel[i] + extra[i] + p.stride[i] - 1) / p.stride[i];
  op.pad_top = op.pad_bottom = static_cast<int>(p.taps[0] - 1);
  op.pad_left = op.pad_right = static_cast<int>(p.taps[1] - 1);
  const int64_t channels = groups * p.stride[0] * p.stride[1] * p.out;
  if (n.failed() || p.stride[0] * p.stride[1] > 4096 || channels > (1 << 20))
    return n.refuse("strides are too large", Code::kUnsupported);
  if (bias >= 0 && (!n.is_constant_floats(bias) || n.shape(bias) != Shape{groups * p.out}))
    return n.refuse("the bias must be a constant of " + std::to_string(groups * p.out) + " floats", Code::kUnsupported);
  const std::vector<float> turned = phase_weights(p, n.at(weight).values<float>());
  if (bias >= 0) bias = n.floats({channels}, repeated_bias(p, n.at(bias).values<float>()));
  TensorId y = n.emit(std::move(op), {n.nhwc(x), n.floats({channels, p.taps[0], p.taps[1], p.in}, turned), bias});
  if (n.failed()) return -1;
  y = channels_to_space(n, y, p);
  for (int i = 0; i < 2 && !n.failed(); ++i) {
    const size_t k = static_cast<size_t>(i);
    const int64_t size = in[2 + i];
    const int64_t less = p.stride[k] * p.taps[k] - p.kernel[k] - extra[k];  // computed beyond the output's end
    if (size >= 0)
      y = cropped(n, y, 1 + i, w.pads[k],
                  (size - 1) * p.stride[k] + p.kernel[k] + extra[k] - w.pads[k] - w.pads[k + 2]);
    else if (w.pads[k] || less + w.pads[k + 2])
      y = n.slice(y, 1 + i, w.pads[k], less + w.pads[k + 2] ? -(less + w.pads[k + 2]) : INT64_MAX);
  }
  return n.nchw(y);
}

namespace {

// Sets `pads` from auto_pad or output_shape; returns the extra rows and columns of the output.
std::array<int64_t, 2> read_output(OnnxNode& n, const Shape& in, Window& w) {
  const auto extra = n.ints("output_padding", {0, 0}, 2);
  const std::string mode = n.s("auto_pad", "NOTSET");
  const bool same = mode == "SAME_UPPER" || mode == "SAME_LOWER";
  if (!same && !n.has("output_shape")) read_pads(n, n.in(0), w, std::nullopt);
  if (same || n.has("output_shape")) {
    const auto wanted = n.ints("output_shape", {in[2] * w.stride[0], in[3] * w.stride[1]}, 2);
    for (size_t i = 0; i < 2; ++i) {
      if (in[2 + static_cast<int>(i)] < 0)
        n.fail("needs an input of known size: give the input's shape", Code::kUnsupported);
      const int64_t total = std::max<int64_t>(w.stride[i] * (in[2 + static_cast<int>(i)] - 1) + extra[i] +
                                                  int64_t{w.kernel[i] - 1} * w.dilation[i] + 1 - wanted[i],
                                              0);
      const int64_t front = mode == "SAME_UPPER" ? total / 2 : total - total / 2;
      w.pads[i] = n.bounded("pads", front, 0, 1 << 16);
      w.pads[i + 2] = n.bounded("pads", total - front, 0, 1 << 16);
    }
  }
  return {n.bounded("output_padding", extra[0], 0, w.stride[0] - 1),
          n.bounded("output_padding", extra[1], 0, w.stride[1] - 1)};
}

}  // namespace

static void import_conv_transpose(OnnxNode& n) {
  if (!n.need_rank(n.in(1), 4) || !n.need_rank(n.in(0), 4)) return;
  const Shape weights = n.shape(n.in(1));
  Window w = read_window(n, {weights[2], weights[3]});
  const std::array<int64_t, 2> extra = read_output(n, n.shape(n.in(0)), w);
  n.result(build_conv_transpose(n, n.in(0), n.in(1), n.in(2), w, extra, n.i("group", 1)));
}

static constexpr OnnxOp kOnnxConvTransposeRows[] = {
    {"ConvTranspose", import_conv_transpose, 2, 3},
};
extern constinit const OnnxRows kOnnxConvTranspose{kOnnxConvTransposeRows};

}  // namespace octet::convert
