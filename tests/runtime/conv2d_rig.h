// One convolution prepared without a model file, so that tests choose ISA, threads and pitches; and what it should give,
// computed from the definition.
#pragma once
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <functional>
#include <random>
#include <vector>

#include "kernels/reference/reference.h"
#include "runtime/ops/conv/algorithm.h"
#include "schema/format.h"
#include "tests/runtime/isas.h"

namespace octet {
extern const OpKind kConv2d;

struct ConvCase {
  int64_t batch = 1, h = 5, w = 6, in = 8, out = 8, groups = 1;
  int kernel_h = 1, kernel_w = 1, stride_h = 1, stride_w = 1, dilation_h = 1, dilation_w = 1;
  int pad_top = 0, pad_left = 0, pad_bottom = 0, pad_right = 0;
  schema::ActKind act = schema::ActKind::none;
  float a = 0, b = 0;
  bool relu_after = false, residual = false, bias = true;
  bool in_per_channel = false, out_per_channel = false, f32_out = false;
  bool s8 = true;    // weights
  int in_zero = -1;  // -1: random
  int64_t in_gap = 0, out_gap = 0;

  int64_t out_h() const { return (h + pad_top + pad_bottom - dilation_h * (kernel_h - 1) - 1) / stride_h + 1; }
  int64_t out_w() const { return (w + pad_left + pad_right - dilation_w * (kernel_w - 1) - 1) / stride_w + 1; }
  int64_t taps() const { return kernel_h * kernel_w; }
  std::string text() const {
    std::ostringstream t;
    t << batch << "x" << h << "x" << w << " in " << in << "+" << in_gap << " out " << out << "+" << out_gap
      << " groups " << groups << " kernel " << kernel_h << "x" << kernel_w << " stride " << stride_h << "," << stride_w
      << " dilation " << dilation_h << "," << dilation_w << " pads " << pad_top << "," << pad_left << "," << pad_bottom
      << "," << pad_right << " act " << static_cast<int>(act) << " relu_after " << relu_after << " residual "
      << residual << " bias " << bias << " per channel " << in_per_channel << out_per_channel << " f32_out " << f32_out
      << " s8 " << s8 << " in_zero " << in_zero;
    return t.str();
  }
};

struct TestQuant {
  std::vector<float> scale;
  std::vector<uint8_t> zero;
  Quant view() const { return {scale, zero}; }
  float scale_at(int64_t c) const { return scale[scale.size() > 1 ? static_cast<size_t>(c) : 0]; }
  int zero_at(int64_t c) const { return zero[zero.size() > 1 ? static_cast<size_t>(c) : 0]; }
};

// Everything random: operands as u8/s8, or as floats for the float runs.
class ConvRig {
 public:
  ConvRig(const ConvCase& layer, unsigned seed) : c(layer), random(seed) {
    x_quant = quant(c.in, c.in_per_channel, 0.02f);
    if (c.in_zero >= 0) std::fill(x_quant.zero.begin(), x_quant.zero.end(), static_cast<uint8_t>(c.in_zero));
    y_quant = quant(c.out, c.out_per_channel, 0.05f);
    r_quant = quant(c.out, c.out_per_channel, 0.03f);
    fill(x, c.batch * c.h * c.w * (c.in + c.in_gap));
    fill(residual, c.batch * c.out_h() * c.out_w() * (c.out + c.out_gap));
    const int64_t depth = c.taps() * c.in / c.groups;
    for (int64_t i = 0; i < c.out * depth; ++i)
      weights.push_back(static_cast<int8_t>(static_cast<int>(random() % 255) - 127));
    for (int64_t n = 0; n < c.out; ++n) {
      weight_scale.push_back(0.004f / std::sqrt(static_cast<float>(depth)) *
                             (1 + static_cast<float>(random() % 100) / 50));
      bias.push_back(static_cast<float>(static_cast<int>(random() % 2001) - 1000) / 1000);
    }
    if (c.in_per_channel)
      for (float& s : weight_scale) s *= 0.02f;
    build();
  }

  // Calls body with the layer as a plan would prepare it.
  template <class F>
  void with_layer(const kernels::Isa& isa, int threads, bool int8, bool onednn, Step& step, const F& body) {
    SessionOptions options;
    options.threads = threads;
    options.use_onednn = onednn;
    const bool u8_out = int8 && !c.f32_out;
    Value xv = value(0, 0, int8 ? DType::kU8 : DType::kF32, {c.batch, c.h, c.w, c.in}, c.in_gap, x_quant);
    Value yv =
        value(1, 4, u8_out ? DType::kU8 : DType::kF32, {c.batch, c.out_h(), c.out_w(), c.out}, c.out_gap, y_quant);
    Value rv = value(2, 3, int8 ? DType::kU8 : DType::kF32, yv.shape, c.out_gap, r_quant);
    Value wv = value(3, 1, model.tensors[1].dtype, model.tensors[1].shape, 0, {});
    std::vector<const Value*> inputs = {&xv, &wv, c.bias ? &wv : nullptr, c.residual ? &rv : nullptr};
    Value* outputs[] = {&yv};
    Prepare prepare{model, &node, options, isa, inputs, outputs, step};
    body(conv::layer_of(prepare));
  }

  // Bytes of the output with its pitch; gaps hold 0xAB. By the algorithm that a plan would choose, or a given one.
  std::vector<std::byte> run(const kernels::Isa& isa, int threads, bool int8, bool onednn,
                             std::string* kernel = nullptr, const conv::Algorithm* algorithm = nullptr) {
    Step step;
    with_layer(isa, threads, int8, onednn, step, [&](const conv::Layer& layer) {
      EXPECT_TRUE(algorithm ? conv::prepare_by(*algorithm, layer) : static_cast<bool>(conv::prepare(layer)));
    });
    const int64_t y_pitch = c.out + c.out_gap, pixels = c.batch * c.out_h() * c.out_w();
    const size_t slack = kernels::kReadSlack;
    std::vector<std::byte> xs = int8 ? bytes(x) : bytes(real(x, x_quant, c.in, c.in_gap));
    std::vector<std::byte> rs = int8 ? bytes(residual) : bytes(real(residual, r_quant, c.out, c.out_gap));
    xs.resize(xs.size() + slack), rs.resize(rs.size() + slack);
    std::vector<std::byte> y(static_cast<size_t>(pixels * y_pitch) * (int8 && !c.f32_out ? 1 : 4), std::byte{0xAB});
    std::vector<std::byte> scratch(step.scratch_bytes + 64);
    void* aligned = scratch.data();
    size_t space = scratch.size();
    std::align(64, step.scratch_bytes, aligned, space);
    std::byte* memory[] = {xs.data(), y.data(), rs.data(), nullptr};
    Threads pool(threads);
    step.run({memory, static_cast<std::byte*>(aligned), pool});
    if (kernel) *kernel = step.kernel;
    return y;
  }

  // The sum of products at an output, from the definition, over `product(x at (pixel, channel), weight index)`.
  template <class T, class F>
  T sum(int64_t pixel, int64_t n, F product) const {
    const int64_t ox = pixel % c.out_w(), oy = pixel / c.out_w() % c.out_h(), image = pixel / (c.out_w() * c.out_h());
    const int64_t in = c.in / c.groups, group = n / (c.out / c.groups);
    T total = 0;
    for (int64_t t = 0; t < c.taps(); ++t) {
      const int64_t iy = oy * c.stride_h - c.pad_top + t / c.kernel_w * c.dilation_h;
      const int64_t ix = ox * c.stride_w - c.pad_left + t % c.kernel_w * c.dilation_w;
      if (iy < 0 || iy >= c.h || ix < 0 || ix >= c.w) continue;
      for (int64_t k = 0; k < in; ++k)
        total += product(((image * c.h + iy) * c.w + ix) * (c.in + c.in_gap) + group * in + k, group * in + k,
                         static_cast<size_t>((n * c.taps() + t) * in + k));
    }
    return total;
  }

  std::vector<std::byte> expected_int8() const {
    const bool u8_out = !c.f32_out;
    const size_t size = u8_out ? 1 : 4;
    const int64_t pixels = c.batch * c.out_h() * c.out_w(), pitch = c.out + c.out_gap;
    std::vector<std::byte> y(static_cast<size_t>(pixels * pitch) * size, std::byte{0xAB});
    for (int64_t p = 0; p < pixels; ++p)
      for (int64_t n = 0; n < c.out; ++n) {
        const float v = finish(p, n);
        std::byte* to = y.data() + static_cast<size_t>(p * pitch + n) * size;
        const uint8_t stored =
            static_cast<uint8_t>(u8_out ? y_quant.zero_at(n) + static_cast<int>(std::nearbyintf(v)) : 0);
        u8_out ? std::memcpy(to, &stored, 1) : std::memcpy(to, &v, 4);
      }
    return y;
  }

  double expected_f32(int64_t pixel, int64_t n) const {
    double v = sum<double>(pixel, n, [&](int64_t at, int64_t channel, size_t w) {
      const double xr =
          (x[static_cast<size_t>(at)] - x_quant.zero_at(channel)) * static_cast<double>(x_quant.scale_at(channel));
      double wr = weights[w] * static_cast<double>(weight_scale[static_cast<size_t>(n)]);
      if (x_quant.scale.size() > 1 && c.s8) wr /= x_quant.scale_at(channel);
      return xr * wr;
    });
    if (c.bias) v += bias[static_cast<size_t>(n)];
    v = activate(v);
    if (c.residual) {
      const int64_t at = pixel * (c.out + c.out_gap) + n;
      v += (residual[static_cast<size_t>(at)] - r_quant.zero_at(n)) * static_cast<double>(r_quant.scale_at(n));
    }
    return c.relu_after ? std::max(v, 0.0) : v;
  }

  ConvCase c;
  std::mt19937 random;
  ModelData model;
  NodeDef node;
  TestQuant x_quant, y_quant, r_quant;
  std::vector<uint8_t> x, residual;
  std::vector<int8_t> weights, packed;  // dense
  std::vector<float> weights_f32, weight_scale, bias;

 private:
  TestQuant quant(int64_t channels, bool per_channel, float scale) {
    TestQuant q;
    for (int64_t i = 0; i < (per_channel ? channels : 1); ++i) {
      q.scale.push_back(scale * (0.5f + static_cast<float>(random() % 100) / 100));
      q.zero.push_back(static_cast<uint8_t>(random() % 4 == 0 ? random() % 2 * 255 : random() % 256));
    }
    return q;
  }

  void fill(std::vector<uint8_t>& v, int64_t count) {
    for (int64_t i = 0; i < count; ++i) v.push_back(static_cast<uint8_t>(random()));
  }

  static Value value(int id, int tensor, DType dtype, const Shape& shape, int64_t gap, const TestQuant& q) {
    Value v;
    v.id = id, v.tensor = tensor, v.dtype = dtype, v.shape = shape;
    v.pitch = shape[-1] + gap;
    if (dtype == DType::kU8) v.quant = q.view();
    return v;
  }

  template <class T>
  static std::vector<std::byte> bytes(const std::vector<T>& v) {
    std::vector<std::byte> b(v.size() * sizeof(T));
    std::memcpy(b.data(), v.data(), b.size());
    return b;
  }

  static std::vector<float> real(const std::vector<uint8_t>& v, const TestQuant& q, int64_t channels, int64_t gap) {
    std::vector<float> r(v.size(), NAN);
    for (size_t i = 0; i < v.size(); ++i)
      if (const int64_t ch = static_cast<int64_t>(i) % (channels + gap); ch < channels)
        r[i] = static_cast<float>(v[i] - q.zero_at(ch)) * q.scale_at(ch);
    return r;
  }

  static TensorDef tensor(std::string_view name, const Shape& shape) {
    TensorDef t;
    t.name = name, t.shape = shape;
    return t;
  }

  void build() {
    const int64_t in = c.in / c.groups;
    const bool depthwise = c.groups > 1 && in == 1 && c.out == c.groups;
    model.tensors.resize(5);
    model.tensors[0] = tensor("x", {c.batch, -1, -1, c.in});
    model.tensors[0].quant = x_quant.view();
    model.tensors[3] = tensor("residual", {c.batch, -1, -1, c.out});
    model.tensors[3].quant = r_quant.view();
    model.tensors[4] = tensor("y", {c.batch, -1, -1, c.out});
    if (!c.f32_out) model.tensors[4].quant = y_quant.view();
    const schema::PackedShape shape{c.groups, c.out / c.groups, c.taps(), in};
    packed = weights;
    if (!depthwise)
      packed.resize(static_cast<size_t>(shape.bytes())), schema::pack_conv_s8(shape, weights.data(), packed.data());
    for (size_t i = 0; i < weights.size(); ++i)
      weights_f32.push_back(static_cast<float>(weights[i]) *
                            weight_scale[i / (weights.size() / static_cast<size_t>(c.out))]);
    TensorDef& w = model.tensors[1];
    w = tensor("w", {c.out, c.kernel_h, c.kernel_w, in});
    w.constant = true;
    if (c.s8) w.dtype = DType::kS8;
    if (c.s8 && !depthwise) w.packing = schema::Packing::conv_s8;
    w.data = c.s8 ? reinterpret_cast<const std::byte*>(packed.data())
                  : reinterpret_cast<const std::byte*>(weights_f32.data());
    w.bytes = c.s8 ? packed.size() : weights_f32.size() * 4;
    if (c.s8) w.weight_scale = weight_scale;
    model.tensors[2] = tensor("bias", {c.out});
    model.tensors[2].constant = true;
    model.tensors[2].data = reinterpret_cast<const std::byte*>(bias.data());
    model.tensors[2].bytes = bias.size() * 4;
    schema::Conv2dT a;
    a.stride_h = c.stride_h, a.stride_w = c.stride_w, a.dilation_h = c.dilation_h, a.dilation_w = c.dilation_w;
    a.pad_top = c.pad_top, a.pad_left = c.pad_left, a.pad_bottom = c.pad_bottom, a.pad_right = c.pad_right;
    a.groups = static_cast<int>(c.groups);
    a.act = schema::Activation(c.act, c.a, c.b);
    a.relu_after = c.relu_after;
    builder.Finish(schema::Conv2d::Pack(builder, &a));
    node = {.name = "conv",
            .kind = &kConv2d,
            .model = &model,
            .op = flatbuffers::GetRoot<schema::Conv2d>(builder.GetBufferPointer()),
            .inputs = {0, 1, c.bias ? 2 : -1, c.residual ? 3 : -1},
            .outputs = {4}};
    check();
  }

  void check() {
    auto checked = kConv2d.check(node, model);
    ASSERT_TRUE(checked) << checked.error().text;
    std::vector<Value> values(5);
    for (size_t t = 0; t < 5; ++t) values[t].shape = model.tensors[t].shape;
    values[0].shape = {c.batch, c.h, c.w, c.in};
    values[3].shape = {c.batch, c.out_h(), c.out_w(), c.out};
    Inference inference{model, node, values};
    auto inferred = kConv2d.infer(inference);
    ASSERT_TRUE(inferred) << inferred.error().text;
    ASSERT_EQ(values[4].shape, values[3].shape);
    ASSERT_EQ(can_int8(node, model), c.s8);
  }

  double activate(double v) const {
    using schema::ActKind;
    const double a = c.a, b = c.b;
    switch (c.act) {
      case ActKind::relu:
        return std::max(v, 0.0);
      case ActKind::clip:
        return std::min(std::max(v, a), b);
      case ActKind::silu:
        return v / (1 + std::exp(-v));
      case ActKind::sigmoid:
        return 1 / (1 + std::exp(-v));
      case ActKind::hard_swish:
        return v * std::min(std::max(a * v + b, 0.0), 1.0);
      case ActKind::hard_sigmoid:
        return std::min(std::max(a * v + b, 0.0), 1.0);
      case ActKind::leaky_relu:
        return v < 0 ? a * v : v;
      case ActKind::tanh:
        return std::tanh(v);
      default:
        return v;
    }
  }

  // kernels.h, Epilogue, from the exact sum: zero points subtracted where they stand instead of folded.
  float finish(int64_t pixel, int64_t n) const {
    const double ws = weight_scale[static_cast<size_t>(n)],
                 unit = x_quant.scale.size() > 1 ? ws : x_quant.scale_at(0) * ws;
    const double step = c.f32_out ? 1.0 : y_quant.scale_at(n);
    const int64_t acc =
        sum<int64_t>(pixel, n,
                     [&](int64_t at, int64_t channel, size_t w) {
                       return (int64_t{x[static_cast<size_t>(at)]} - x_quant.zero_at(channel)) * weights[w];
                     }) +
        (c.bias ? std::llrint(bias[static_cast<size_t>(n)] / unit) : 0);
    const bool clamp = c.act == schema::ActKind::relu || c.act == schema::ActKind::clip;
    const bool linear = c.act == schema::ActKind::none || (clamp && !c.residual);
    float v = static_cast<float>(acc) * static_cast<float>(linear ? unit / step : unit);
    double low = -INFINITY, high = INFINITY;
    if (!linear) {
      const kernels::Activation act{static_cast<kernels::Act>(c.act), c.a, c.b};
      v = (c.f32_out ? kernels::reference::act_accurate(act, v) : kernels::reference::act_fast(act, v)) *
          static_cast<float>(1 / step);
    } else if (clamp) {
      low = c.act == schema::ActKind::relu ? 0 : c.a / step;
      if (c.act == schema::ActKind::clip) high = c.b / step;
    }
    if (c.residual) {
      const float m = static_cast<float>(r_quant.scale_at(n) / step);
      v = v + (static_cast<float>(residual[static_cast<size_t>(pixel * (c.out + c.out_gap) + n)]) * m +
               -static_cast<float>(r_quant.zero_at(n)) * m);
    }
    v = std::min(std::max(static_cast<float>(low), v), static_cast<float>(high));  // 0 wins over -0
    if (c.relu_after) v = std::max(0.0f, v);
    if (c.f32_out) return v;
    return std::min(std::max(static_cast<float>(-y_quant.zero_at(n)), v), static_cast<float>(255 - y_quant.zero_at(n)));
  }

  flatbuffers::FlatBufferBuilder builder;
};

inline ConvCase random_case(unsigned seed) {
  std::mt19937 random(seed);
  const auto pick = [&](std::initializer_list<int> list) { return list.begin()[random() % list.size()]; };
  const auto chance = [&](unsigned of) { return random() % of == 0; };
  ConvCase c;
  c.batch = pick({1, 1, 2, 3});
  c.h = pick({1, 3, 5, 8, 13}), c.w = pick({1, 2, 7, 16, 17, 33});
  c.in = pick({1, 2, 3, 4, 5, 8, 15, 16, 17, 24, 32, 33, 40}),
  c.out = pick({1, 2, 7, 8, 15, 16, 17, 31, 32, 33, 40, 64, 70});
  if (chance(4)) c.groups = pick({2, 3, 5}), c.in *= c.groups, c.out *= c.groups;
  if (chance(4)) c.groups = c.in = c.out = pick({2, 3, 15, 16, 17, 32, 33, 40, 64, 70});
  c.kernel_h = pick({1, 1, 2, 3, 3, 5, 6}), c.kernel_w = pick({1, 1, 2, 3, 3, 5, 6});
  c.stride_h = pick({1, 1, 2, 3}), c.stride_w = pick({1, 1, 2, 3});
  if (chance(5)) c.dilation_h = pick({1, 2, 3}), c.dilation_w = pick({1, 2, 3});
  if (!chance(3))
    c.pad_top = pick({0, 1, 2, 5}), c.pad_left = pick({0, 1, 2, 7}), c.pad_bottom = pick({0, 1, 2, 4}),
    c.pad_right = pick({0, 1, 3});
  c.pad_bottom +=
      std::max<int>(0, c.dilation_h * (c.kernel_h - 1) + 1 - static_cast<int>(c.h) - c.pad_top - c.pad_bottom);
  c.pad_right +=
      std::max<int>(0, c.dilation_w * (c.kernel_w - 1) + 1 - static_cast<int>(c.w) - c.pad_left - c.pad_right);
  c.act = static_cast<schema::ActKind>(chance(3) ? 0 : random() % 9);
  if (c.act == schema::ActKind::clip) c.a = chance(2) ? 0.0f : -1.25f, c.b = chance(2) ? 6.0f : 1.3f;
  if (c.act == schema::ActKind::leaky_relu) c.a = 0.1f;
  if (c.act == schema::ActKind::hard_swish || c.act == schema::ActKind::hard_sigmoid)
    c.a = chance(2) ? 1.0f / 6 : 0.2f, c.b = 0.5f;
  c.residual = chance(3), c.relu_after = chance(4), c.bias = !chance(4);
  c.in_per_channel = chance(3), c.out_per_channel = chance(3), c.f32_out = chance(5);
  if (chance(4)) c.in_zero = pick({0, 255, 128});
  if (chance(3)) c.in_gap = pick({1, 3, 16});
  if (chance(3)) c.out_gap = pick({1, 5, 16});
  return c;
}

// A layer with a square window, the same stride and padding both ways; `more` sets the rest.
inline ConvCase layer(int64_t h, int64_t w, int64_t in, int64_t out, int kernel = 1, int pad = 0, int stride = 1,
                      const std::function<void(ConvCase&)>& more = {}) {
  ConvCase c;
  c.h = h, c.w = w, c.in = in, c.out = out;
  c.kernel_h = c.kernel_w = kernel, c.stride_h = c.stride_w = stride;
  c.pad_top = c.pad_left = c.pad_bottom = c.pad_right = pad;
  if (more) more(c);
  return c;
}

}  // namespace octet
