// ConvTranspose (1, 11) as a convolution that makes all phases of an output pixel at once, and a move of these phases from
// channels to space. With stride s and kernel k, y[s*q + r - pad] = sum over j of x[q - j] * w[r + s*j]: for each phase r a
// convolution with ceil(k/s) taps over x padded by as many less one.
#include <algorithm>

#include "converter/import/onnx/ops/ops.h"
#include "converter/import/onnx/ops/window.h"

namespace octet::convert {
namespace {

constexpr int64_t kMaxDilated = 1 << 26;  // elements

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

// With zeros between the taps.
TensorId dilated(SourceNode& n, TensorId weights, const Window& w) {
  const Shape s = n.shape(weights);
  const int64_t rows = (s[2] - 1) * w.dilation[0] + 1, columns = (s[3] - 1) * w.dilation[1] + 1;
  if (s.elements() <= 0 || rows > kMaxWindow || columns > kMaxWindow || s[0] * s[1] > kMaxDilated / (rows * columns))
    return n.refuse("a window that is too large", Code::kUnsupported);
  std::vector<float> all(static_cast<size_t>(s[0] * s[1] * rows * columns), 0.0f);
  const auto given = n.at(weights).values<float>();
  for (int64_t i = 0; i < s.elements(); ++i) {
    const int64_t x = i % s[3], y = i / s[3] % s[2], plane = i / (s[3] * s[2]);
    all[static_cast<size_t>((plane * rows + y * w.dilation[0]) * columns + x * w.dilation[1])] =
        given[static_cast<size_t>(i)];
  }
  return n.floats({s[0], s[1], rows, columns}, all);
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
  if (w.dilation[0] != 1 || w.dilation[1] != 1) weight = dilated(n, weight, w);
  const Shape in = n.shape(x), weights = n.shape(weight);
  if (n.failed()) return -1;
  if (weights.elements() <= 0) return n.refuse("empty weights " + weights.text());
  groups = n.bounded("groups", groups, 1, weights[0]);
  if (weights[0] % groups) return n.refuse("input channels are no multiple of groups");
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
std::array<int64_t, 2> read_output(OnnxNode& n, TensorId x, Window& w, int dims) {
  const Shape in = n.shape(x);
  auto extra = window_numbers(n, "output_padding", 0, dims, 1);
  const std::string mode = n.s("auto_pad", "NOTSET");
  const bool same = mode == "SAME_UPPER" || mode == "SAME_LOWER", given = n.has("output_shape");
  if (!same && !given) read_pads(n, x, w, std::nullopt, dims);
  if (same || given) {
    const auto wanted = given ? window_numbers(n, "output_shape", 1, dims, 1)
                              : std::vector<int64_t>{in[2] * w.stride[0], in[3] * w.stride[1]};
    for (size_t i = 0; i < 2; ++i) {
      if (in[2 + static_cast<int>(i)] < 0)
        n.fail("needs an input of known size: give the input's shape", Code::kUnsupported);
      const int64_t beyond = w.stride[i] * (in[2 + static_cast<int>(i)] - 1) + extra[i] +
                             int64_t{w.kernel[i] - 1} * w.dilation[i] + 1 - wanted[i];
      const int64_t total = std::max<int64_t>(beyond, 0);
      extra[i] += total - beyond;  // what is asked for may be more than the windows give
      const int64_t front = mode == "SAME_UPPER" ? total / 2 : total - total / 2;
      w.pads[i] = n.bounded("pads", front, 0, 1 << 16);
      w.pads[i + 2] = n.bounded("pads", total - front, 0, 1 << 16);
    }
  }
  const auto most = [&](size_t i) { return given ? kMaxWindow : std::max(w.stride[i], w.dilation[i]) - 1; };
  return {n.bounded("output_padding", extra[0], 0, most(0)), n.bounded("output_padding", extra[1], 0, most(1))};
}

}  // namespace

// Over one dimension: of images one pixel high.
static void import_conv_transpose(OnnxNode& n) {
  TensorId x = n.in(0), weight = n.in(1);
  const int dims = n.rank(x) == 3 ? 1 : 2;
  if (dims == 1) {
    if (!n.is_constant_floats(weight)) return n.fail("the weights must be constant floats", Code::kUnsupported);
    if (!n.need_rank(weight, 3)) return;
    Tensor line = n.at(weight);
    line.shape = {line.shape[0], line.shape[1], 1, line.shape[2]};
    weight = n.constant(std::move(line));
    x = n.reshape(x, {n.same_dim(x, 0), n.same_dim(x, 1), 1, n.same_dim(x, 2)});
  }
  if (!n.need_rank(weight, 4) || !n.need_rank(x, 4)) return;
  const Shape weights = n.shape(weight);
  Window w = read_window(n, {weights[2], weights[3]}, dims);
  const std::array<int64_t, 2> extra = read_output(n, x, w, dims);
  const TensorId y = build_conv_transpose(n, x, weight, n.in(2), w, extra, n.i("group", 1));
  if (n.failed()) return;
  n.result(dims == 2 ? y : n.reshape(y, {n.same_dim(y, 0), n.same_dim(y, 1), n.same_dim(y, 3)}));
}

static constexpr OnnxOp kOnnxConvTransposeRows[] = {
    {"ConvTranspose", import_conv_transpose, 2, 3},
};
extern constinit const OnnxRows kOnnxConvTranspose{kOnnxConvTransposeRows};

}  // namespace octet::convert
