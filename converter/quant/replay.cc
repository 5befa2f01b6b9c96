// Plain loops in one order: the same numbers on every machine.
#include "converter/quant/replay.h"

#include <cmath>

#include "converter/graph/edit.h"
#include "kernels/quant.h"
#include "kernels/reference/reference.h"
#include "runtime/ops/common.h"

namespace octet::convert {
namespace {

// What int8 makes of the values: [..][channels].
std::vector<float> rounded(std::span<const float> values, const Quant& q, int64_t channels) {
  std::vector<float> out(values.size());
  const size_t n = at(channels), each = q.scale.size() > 1 ? 1 : 0;
  for (size_t i = 0; i < values.size(); i += n)
    for (size_t c = 0; c < n; ++c) {
      const float scale = q.scale[c * each];
      const int32_t zero = q.zero_point[c * each];
      out[i + c] = kernels::dequantize_u8(kernels::quantize_u8(values[i + c], 1 / scale, zero), scale, zero);
    }
  return out;
}

std::vector<float> dequantised(const LayerWeights& w, const QuantisedWeights& q) {
  std::vector<float> out(q.values.size());
  const int64_t depth = w.taps * w.in;
  for (int64_t n = 0; n < w.out; ++n)
    for (int64_t k = 0; k < depth; ++k)
      out[at(n * depth + k)] = static_cast<float>(q.values[at(n * depth + k)]) * q.scale[at(n)] /
                               folded_scale(w, n / (w.out / w.groups), k % w.in);
  return out;
}

// [out][depth] to [depth][out].
std::vector<float> transposed(std::span<const float> w, int64_t out, int64_t depth) {
  std::vector<float> t(w.size());
  for (int64_t n = 0; n < out; ++n)
    for (int64_t k = 0; k < depth; ++k) t[at(k * out + n)] = w[at(n * depth + k)];
  return t;
}

// One input channel and tap onto the outputs of its group.
void add_products(float x, const float* __restrict w, float* __restrict y, int64_t n) {
  for (int64_t i = 0; i < n; ++i) y[i] += x * w[i];
}
void add_each(const float* __restrict x, const float* __restrict w, float* __restrict y, int64_t n) {
  for (int64_t i = 0; i < n; ++i) y[i] += x[i] * w[i];
}

kernels::Activation activation_of(const Node& n) {
  const auto* conv = n.op.AsConv2d();
  return activation(conv ? &conv->act : &n.op.AsMatMul()->act);
}

}  // namespace

Replay::Replay(const Graph& g, const Recorded& recorded, std::span<const double> input_mean)
    : g_(g), recorded_(recorded), input_mean_(input_mean) {
  if (recorded.layer) {
    const Quant none;
    const LayerWeights w = weights_of(g, g.nodes[recorded.node], g.nodes[recorded.node].inputs[1], none);
    wanted_ = outputs(recorded.x, w.values, w.bias);
  } else {
    wanted_ = recorded.x;
  }
  const size_t rows = at(recorded.rows()), n = rows > 0 ? wanted_.size() / rows : 0;
  for (size_t c = 0; c < n; ++c) {
    double sum = 0, squares = 0, count = 0;
    for (size_t r = 0; r < rows; ++r) {
      const double v = static_cast<double>(wanted_[r * n + c]), weight = recorded.weight[r];
      sum += weight * v, squares += weight * v * v, count += weight;
    }
    power_ += squares - sum * sum / count;
    mean_power_ += sum * sum / count;
  }
}

std::vector<float> Replay::outputs(std::span<const float> x, std::span<const float> w,
                                   std::span<const float> bias) const {
  const Node& node = g_.nodes[recorded_.node];
  const Quant none;
  const LayerWeights layer = weights_of(g_, node, node.inputs[1], none);
  const std::vector<float> by_input = transposed(w, layer.out, layer.taps * layer.in);
  const kernels::Activation act = activation_of(node);
  const int64_t each = layer.out / layer.groups, channels = recorded_.channels;
  std::vector<float> y(at(recorded_.rows() * layer.out));
  for (int64_t r = 0; r < recorded_.rows(); ++r) {
    float* row = y.data() + r * layer.out;
    for (size_t n = 0; n < bias.size(); ++n) row[n] = bias[n];
    for (int64_t t = 0; t < layer.taps; ++t) {
      const float* pixel = x.data() + (r * layer.taps + t) * channels;
      for (int64_t i = 0; i < layer.in; ++i) {
        const float* weights = by_input.data() + (t * layer.in + i) * layer.out;
        if (layer.in == 1 && each == 1)
          add_each(pixel, weights, row, layer.out);
        else
          for (int64_t j = 0; j < layer.groups; ++j)
            add_products(pixel[j * layer.in + i], weights + j * each, row + j * each, each);
      }
    }
    kernels::best_isa().unary_f32(kernels::UnaryF32::kAct, act, row, row, layer.out);
  }
  return y;
}

double Replay::error(const Quant& x, const LayerMethods& methods, int64_t told) const {
  std::vector<float> got = rounded(recorded_.x, x, recorded_.channels);
  if (recorded_.layer) {
    const Node& node = g_.nodes[recorded_.node];
    LayerWeights w = weights_of(g_, node, node.inputs[1], x);
    w.places = std::span(recorded_.weight).first(at(told));
    w.inputs = std::span(recorded_.x).first(at(told * recorded_.taps * recorded_.channels));
    const QuantisedWeights q = methods.weights->quantise(w);
    std::vector<float> bias;
    if (static_cast<int64_t>(input_mean_.size()) == w.in * w.groups) bias = methods.bias->correct(w, q, input_mean_);
    got = outputs(got, dequantised(w, q), bias.empty() ? w.bias : bias);
  }
  double noise = 0;
  const size_t rows = at(recorded_.rows()), n = rows > 0 ? got.size() / rows : 0;
  for (size_t r = at(told); r < rows; ++r) {
    double sum = 0;
    for (size_t c = 0; c < n; ++c) {
      const double d = static_cast<double>(got[r * n + c]) - static_cast<double>(wanted_[r * n + c]);
      sum += d * d;
    }
    noise += recorded_.weight[r] * sum;
  }
  return noise / std::max(power_, 1e-30);
}

}  // namespace octet::convert
