// A place is an output pixel of a convolution, or a row of a matrix.
#include "converter/quant/record.h"

#include <algorithm>
#include <cmath>

#include "converter/quant/roles.h"

namespace octet::convert {
namespace {

constexpr int64_t kFloats = 400'000, kLeastRows = 128, kMostRows = 2048;  // of one reader, all samples together

struct Window {
  int64_t batch = 1, height = 1, width = 1;  // of the input
  int64_t out_height = 1, out_width = 1;
  int64_t kernel_h = 1, kernel_w = 1;
  const schema::Conv2dT* conv = nullptr;
  int64_t places() const { return batch * out_height * out_width; }
};

int64_t outputs(int64_t size, int64_t pads, int64_t kernel, int64_t stride, int64_t dilation) {
  return std::max<int64_t>((size + pads - dilation * (kernel - 1) - 1) / stride + 1, 0);
}

Window window_of(const Graph& g, const Recorded& r, const Shape& shape) {
  const auto* conv = r.layer ? g.nodes[r.node].op.AsConv2d() : nullptr;
  if (!conv || shape.rank() != 4)
    return {.batch = shape.elements() / std::max<int64_t>(r.channels, 1), .conv = nullptr};
  const Shape& w = tensor(g, g.nodes[r.node].inputs[1]).shape;
  Window v{.batch = shape[0], .height = shape[1], .width = shape[2], .kernel_h = w[1], .kernel_w = w[2], .conv = conv};
  v.out_height = outputs(v.height, conv->pad_top + conv->pad_bottom, w[1], conv->stride_h, conv->dilation_h);
  v.out_width = outputs(v.width, conv->pad_left + conv->pad_right, w[2], conv->stride_w, conv->dilation_w);
  return v;
}

// The place in whose window's middle the largest magnitude is.
int64_t place_of_largest(const Window& w, int64_t channels, std::span<const float> values) {
  size_t largest = 0;
  for (size_t i = 1; i < values.size(); ++i)
    if (std::abs(values[i]) > std::abs(values[largest])) largest = i;
  const int64_t pixel = static_cast<int64_t>(largest) / channels;
  if (!w.conv) return std::min(pixel, w.places() - 1);
  const int64_t x = pixel % w.width, y = pixel / w.width % w.height, b = pixel / w.width / w.height;
  const auto at_output = [](int64_t in, int64_t pad, int64_t dilation, int64_t kernel, int64_t stride, int64_t size) {
    return std::clamp<int64_t>((in + pad - dilation * (kernel / 2)) / stride, 0, size - 1);
  };
  const schema::Conv2dT& c = *w.conv;
  return (b * w.out_height + at_output(y, c.pad_top, c.dilation_h, w.kernel_h, c.stride_h, w.out_height)) *
             w.out_width +
         at_output(x, c.pad_left, c.dilation_w, w.kernel_w, c.stride_w, w.out_width);
}

}  // namespace

Recorder::Recorder(const Graph& g, const Plan& plan, size_t samples) : g_(g), samples_(samples) {
  by_tensor_.resize(g.tensors.size());
  const auto listen = [&](Recorded r) {
    by_tensor_[at(r.tensor)].push_back(found_.size());
    found_.push_back(std::move(r));
  };
  std::vector<bool> other(g.tensors.size(), false);
  for (size_t n = 0; n < g.nodes.size(); ++n) {
    const Node& node = g.nodes[n];
    const Int8Rule rule = int8_rule(g, node);
    if (!plan.int8[n]) continue;
    const bool layer = rule.kind == Role::kLayer;
    if (layer && plan.quantised(node.inputs[0])) {
      const Shape& w = tensor(g, node.inputs[1]).shape;
      const int64_t taps = w.rank() == 4 ? w[1] * w[2] : 1;
      const int64_t channels = static_cast<int64_t>(plan.group[at(node.inputs[0])].size());
      if (!node.op.AsMatMul() || !node.op.AsMatMul()->transpose_a)
        listen({.node = n, .tensor = node.inputs[0], .layer = true, .taps = taps, .channels = channels});
    }
    for (size_t i = layer ? 1 : 0; i < node.inputs.size() && rule.kind != Role::kSame; ++i) {
      const TensorId t = node.inputs[i];
      if (!reads_u8(g, node, rule, i) || !plan.quantised(t) || tensor(g, t).constant || other[at(t)]) continue;
      other[at(t)] = true;
      listen({.node = n, .tensor = t, .channels = static_cast<int64_t>(plan.group[at(t)].size())});
    }
  }
}

void Recorder::see(TensorId t, const Shape& shape, std::span<const float> values) {
  for (size_t i : by_tensor_[at(t)]) {
    Recorded& r = found_[i];
    const Window w = window_of(g_, r, shape);
    const int64_t places = w.places();
    if (values.empty() || places <= 0) continue;
    const int64_t all = std::clamp(kFloats / (r.taps * r.channels), kLeastRows, kMostRows);
    const int64_t some = std::max<int64_t>(all / static_cast<int64_t>(samples_) - 1, 1);
    const double one = 1 / static_cast<double>(places);
    take(r, shape, values, place_of_largest(w, r.channels, values), one);
    for (int64_t k = 0; k < some; ++k) {
      random_ = random_ * 1664525 + 1013904223;
      take(r, shape, values, static_cast<int64_t>(random_ >> 8) % places, (1 - one) / static_cast<double>(some));
    }
  }
}

void Recorder::take(Recorded& r, const Shape& shape, std::span<const float> values, int64_t place, double weight) {
  const Window w = window_of(g_, r, shape);
  const size_t n = at(r.channels);
  r.weight.push_back(weight);
  if (!w.conv) {
    const auto row = values.subspan(at(place) * n, n);
    r.x.insert(r.x.end(), row.begin(), row.end());
    return;
  }
  const schema::Conv2dT& c = *w.conv;
  const int64_t ox = place % w.out_width, oy = place / w.out_width % w.out_height,
                b = place / w.out_width / w.out_height;
  for (int64_t i = 0; i < w.kernel_h; ++i)
    for (int64_t j = 0; j < w.kernel_w; ++j) {
      const int64_t y = oy * c.stride_h - c.pad_top + i * c.dilation_h;
      const int64_t x = ox * c.stride_w - c.pad_left + j * c.dilation_w;
      if (y < 0 || x < 0 || y >= w.height || x >= w.width) {
        r.x.resize(r.x.size() + n);
      } else {
        const auto pixel = values.subspan(at((b * w.height + y) * w.width + x) * n, n);
        r.x.insert(r.x.end(), pixel.begin(), pixel.end());
      }
    }
}

}  // namespace octet::convert
