// MaxPool, AveragePool (1 to newest: 10 added ceil_mode and dilations, 11 pads, 19 AveragePool's dilations) and the global
// pools become Pool2d.
#include <algorithm>
#include <limits>

#include "converter/import/onnx/ops/ops.h"
#include "converter/import/onnx/ops/window.h"

namespace octet::convert {
namespace {

using schema::PoolKind;

constexpr int64_t kMostTaps = 1024;  // of windows whose largest elements' places are asked for

schema::Pool2dT pool(PoolKind kind, const Window& w, bool ceil_mode) {
  const schema::Pool2dT op{.kind = kind, .kernel_h = w.kernel[0], .kernel_w = w.kernel[1], .ceil_mode = ceil_mode};
  return with_window(op, w);
}

// The padding that windows read, in front and behind, of a dim that is pooled in ceil mode.
std::pair<int64_t, int64_t> read_padding(const Window& w, size_t dim, int64_t size) {
  const int64_t before = w.pads[dim], after = w.pads[dim + 2];
  if (size < 0) return {before, after};
  const int64_t extent = int64_t{w.kernel[dim] - 1} * w.dilation[dim] + 1, room = size + before + after - extent;
  int64_t windows = (std::max<int64_t>(room, 0) + w.stride[dim] - 1) / w.stride[dim] + 1;
  if ((windows - 1) * w.stride[dim] >= size + before) --windows;  // none starts behind the image
  return {before, std::clamp<int64_t>((windows - 1) * w.stride[dim] + extent - size - before, 0, after)};
}

}  // namespace

TensorId build_average_pool(SourceNode& n, TensorId x, const Window& w, bool ceil_mode, bool include_pad) {
  schema::Pool2dT op = pool(PoolKind::average, w, ceil_mode);
  op.count_include_pad = include_pad && !ceil_mode;
  if (!include_pad || !ceil_mode) return n.nchw(n.emit(std::move(op), {n.nhwc(x)}));
  // The padding becomes part of the image, what lies beyond is padding.
  schema::PadT pad{.before = {0, 0, 0, 0}, .after = {0, 0, 0, 0}};
  for (size_t i = 0; i < 2; ++i) {
    const int64_t size = n.shape(x)[2 + static_cast<int>(i)];
    if (size < 0 && w.pads[i + 2] > 0)
      return n.refuse("ceil_mode with padding that counts needs known sizes: give the input's shape",
                      Code::kUnsupported);
    std::tie(pad.before[i + 1], pad.after[i + 1]) = read_padding(w, i, size);
  }
  op.pad_top = op.pad_left = op.pad_bottom = op.pad_right = 0;
  return n.nchw(n.emit(std::move(op), {n.emit(std::move(pad), {n.nhwc(x)})}));
}

// Where in x, counted through all of it, each largest stands: each tap of the window is a tensor, and the first largest among them is a
// tap. Row by row, or column by column.
static TensorId largest_places(OnnxNode& n, TensorId x, const Window& w, Shape out, bool by_columns) {
  const Shape in = n.shape(x);
  const int64_t taps = int64_t{w.kernel[0]} * w.kernel[1];
  if (taps > kMostTaps)
    return n.refuse("indices of a window of " + std::to_string(taps) + " are not supported", Code::kUnsupported);
  const int64_t row = by_columns ? 1 : in[3], column = by_columns ? in[2] : 1;
  schema::PadT pad{
      .before = {0, 0, w.pads[0], w.pads[1]}, .after = {0, 0, 0, 0}, .value = std::numeric_limits<float>::lowest()};
  int64_t span[2];
  for (size_t i = 0; i < 2; ++i) {
    const int d = 2 + static_cast<int>(i);
    span[i] = (out[d] - 1) * w.stride[i] + 1;
    pad.after[at(d)] = span[i] + int64_t{w.kernel[i] - 1} * w.dilation[i] - in[d] - w.pads[i];
  }
  const TensorId padded = n.emit(std::move(pad), {x});
  std::vector<TensorId> parts;
  std::vector<int64_t> offsets, planes, windows;
  for (int64_t tap = 0; tap < taps && !n.failed(); ++tap) {
    const int64_t y = tap / w.kernel[1] * w.dilation[0], z = tap % w.kernel[1] * w.dilation[1];
    const schema::SliceT slice{
        .starts = {y, z}, .ends = {y + span[0], z + span[1]}, .axes = {2, 3}, .steps = {w.stride[0], w.stride[1]}};
    parts.push_back(build_unsqueeze(n, n.emit(slice, {padded}), {0}));
    offsets.push_back(y * row + z * column);
  }
  for (int64_t i = 0; i < in[0] * in[1]; ++i) planes.push_back(i * in[2] * in[3]);
  for (int64_t y = 0; y < out[2]; ++y)
    for (int64_t z = 0; z < out[3]; ++z)
      windows.push_back((y * w.stride[0] - w.pads[0]) * row + (z * w.stride[1] - w.pads[1]) * column);
  const TensorId tap = n.emit(schema::ArgMaxT{.axis = 0}, {n.emit(schema::ConcatT{.axis = 0}, parts)});
  const TensorId inside = n.emit(schema::GatherT{.axis = 0}, {n.integers(offsets), n.cast(tap, DType::kS64)});
  const TensorId begin = n.binary(schema::BinaryKind::add, n.reshape(n.integers(planes), {in[0], in[1], 1, 1}),
                                  n.reshape(n.integers(windows), {1, 1, out[2], out[3]}));
  return n.binary(schema::BinaryKind::add, inside, begin);
}

static void import_pool(OnnxNode& n) {
  TensorId x = n.in(0);
  if (!n.need_rank(x, 4)) return;
  const bool max = n.proto.op_type() == "MaxPool";
  if (!n.has("kernel_shape")) return n.fail("has no kernel_shape");
  const auto kernel = n.ints("kernel_shape", {1, 1}, 2);
  Window w = read_window(n, {kernel[0], kernel[1]});
  x = read_pads(n, x, w, max ? std::optional(std::numeric_limits<float>::lowest()) : std::nullopt);
  const bool ceil_mode = n.i("ceil_mode", 0) != 0;
  if (!max) return n.result(build_average_pool(n, x, w, ceil_mode, n.i("count_include_pad", 0) != 0));
  const TensorId y = n.nchw(n.emit(pool(PoolKind::max, w, ceil_mode), {n.nhwc(x)}));
  n.result(y);
  const bool places = n.proto.output_size() > 1 && !n.proto.output(1).empty() && !n.failed();
  if (places && x == n.in(0) && n.shape(x).elements() > 0 && n.shape(y).elements() > 0)
    n.result(largest_places(n, x, w, n.shape(y), n.i("storage_order", 0) != 0));
}

static void import_global_pool(OnnxNode& n) {
  const bool max = n.proto.op_type() == "GlobalMaxPool";
  if (!n.need_rank(n.in(0), 4)) return;
  schema::Pool2dT op{.kind = max ? PoolKind::max : PoolKind::average, .global = true};
  n.result(n.nchw(n.emit(std::move(op), {n.nhwc(n.in(0))})));
}

static constexpr OnnxOp kOnnxPoolRows[] = {
    {"AveragePool", import_pool, 1, 1},
    {"GlobalAveragePool", import_global_pool, 1, 1},
    {"GlobalMaxPool", import_global_pool, 1, 1},
    {"MaxPool", import_pool, 1, 1},
};
extern constinit const OnnxRows kOnnxPool{kOnnxPoolRows};

}  // namespace octet::convert
