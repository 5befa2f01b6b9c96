// Writes a small model node by node with seeded numbers, for the golden files.
#pragma once
#include <random>
#include <string>
#include <vector>

#include "tests/runtime/build_model.h"

namespace octet::golden {

inline schema::Activation act(schema::ActKind kind, float a = 0, float b = 0) { return {kind, a, b}; }

// Every activation, with parameters where it has some.
inline std::vector<schema::Activation> all_acts() {
  using Kind = schema::ActKind;
  return {act(Kind::none),
          act(Kind::relu),
          act(Kind::clip, -1, 2.5f),
          act(Kind::silu),
          act(Kind::sigmoid),
          act(Kind::hard_swish, 1 / 6.0f, 0.5f),
          act(Kind::hard_sigmoid, 0.2f, 0.5f),
          act(Kind::leaky_relu, 0.1f),
          act(Kind::tanh),
          act(Kind::gelu),
          act(Kind::gelu_tanh)};
}

struct ConvOf {
  int64_t in = 8, out = 16;
  int kernel_h = 1, kernel_w = 1, stride = 1, pad_h = 0, pad_w = 0, dilation = 1, groups = 1;
  bool int8 = true;
  schema::Activation act{};
  int residual = -1;
  bool relu_after = false;
};

class Net {
 public:
  explicit Net(unsigned seed) : random_(seed) { b.model.producer = "golden"; }

  ModelBuilder b;

  int input(const std::vector<int64_t>& shape, schema::DType dtype = schema::DType::f32) {
    return b.input(name("x"), shape, dtype);
  }
  int numbers(const std::vector<int64_t>& shape, float low, float high) {
    return b.f32(name("c"), shape, list(count_of(shape), low, high));
  }
  int values(const std::vector<int64_t>& shape, const std::vector<float>& v) { return b.f32(name("c"), shape, v); }
  int whole(const std::vector<int64_t>& shape, const std::vector<int64_t>& v) {
    return b.constant(name("c"), shape, v, schema::DType::s64);
  }

  // The output of a new node; its sizes are for the runtime to find.
  template <class Attributes>
  int node(const Attributes& attributes, const std::vector<int>& inputs, int rank,
           schema::DType dtype = schema::DType::f32) {
    return nodes(attributes, inputs, {rank}, {dtype})[0];
  }
  template <class Attributes>
  std::vector<int> nodes(const Attributes& attributes, const std::vector<int>& inputs, const std::vector<int>& ranks,
                         const std::vector<schema::DType>& dtypes) {
    std::vector<int> outputs;
    for (size_t i = 0; i < ranks.size(); ++i)
      outputs.push_back(b.tensor(name("t"), std::vector<int64_t>(static_cast<size_t>(ranks[i]), -1), dtypes[i]));
    b.node(name("n"), attributes, inputs, outputs);
    return outputs;
  }

  // How int8 execution stores a tensor.
  int u8(int t, float scale = 8 / 255.0f, uint8_t zero = 128) {
    b.quantise(t, {scale}, {zero});
    return t;
  }
  // With a scale and a zero point for each channel, around those given.
  int u8_channels(int t, int64_t channels, float scale = 8 / 255.0f, int zero = 128) {
    std::vector<uint8_t> zeros;
    for (int64_t c = 0; c < channels; ++c)
      zeros.push_back(static_cast<uint8_t>(zero / 2 + static_cast<int>(random_() % 64)));
    b.quantise(t, list(channels, 0.7f * scale, 1.4f * scale), zeros);
    b.at(t).shape.back() = channels;
    return t;
  }

  int out(int t) {
    b.model.outputs.push_back(t);
    return t;
  }

  int conv(int x, const ConvOf& c) {
    schema::Conv2dT a;
    a.stride_h = a.stride_w = c.stride;
    a.pad_top = a.pad_bottom = c.pad_h, a.pad_left = a.pad_right = c.pad_w;
    a.dilation_h = a.dilation_w = c.dilation;
    a.groups = c.groups;
    a.act = c.act;
    a.relu_after = c.relu_after;
    const std::vector<int64_t> shape = {c.out, c.kernel_h, c.kernel_w, c.in / c.groups};
    std::vector<int> inputs = {x, c.int8 ? weights(shape, c.groups) : float_weights(shape),
                               numbers({c.out}, -0.5f, 0.5f)};
    if (c.residual >= 0) inputs.push_back(c.residual);
    return node(a, inputs, 4);
  }

  int mat_mul(int x, int64_t in, int64_t out, int rank, bool int8, schema::Activation act_of = {}) {
    schema::MatMulT a;
    a.transpose_b = true;
    a.act = act_of;
    return node(a, {x, int8 ? weights({out, in}, 1) : float_weights({out, in}), numbers({out}, -0.5f, 0.5f)}, rank);
  }

  int unary(int x, int rank, schema::UnaryKind kind, schema::Activation act_of = {}) {
    schema::UnaryT a;
    a.kind = kind;
    a.act = act_of;
    return node(a, {x}, rank);
  }
  int binary(int x, int y, int rank, schema::BinaryKind kind, schema::Activation act_of = {},
             schema::DType dtype = schema::DType::f32) {
    schema::BinaryT a;
    a.kind = kind;
    a.act = act_of;
    return node(a, {x, y}, rank, dtype);
  }

  // [out, kernel_h, kernel_w, in/group] or [out, in]: all of -127 .. 127, for outputs about as large as the input.
  int weights(const std::vector<int64_t>& shape, int64_t groups) {
    const int64_t out = shape[0], in = shape.back(), fan = count_of(shape) / out, taps = fan / in;
    std::vector<int8_t> dense(static_cast<size_t>(count_of(shape)));
    for (int8_t& w : dense) w = static_cast<int8_t>(static_cast<int>(random_() % 255) - 127);
    const bool depthwise = groups > 1 && in == 1 && groups == out;
    const schema::PackedShape packed{groups, out / groups, taps, in};
    std::vector<int8_t> stored = dense;
    if (!depthwise) {
      stored.resize(static_cast<size_t>(packed.bytes()));
      schema::pack_conv_s8(packed, dense.data(), stored.data());
    }
    const int t = b.constant(name("w"), shape, stored, schema::DType::s8);
    b.at(t).packing = depthwise ? schema::Packing::dense : schema::Packing::conv_s8;
    const float scale = 0.01f / std::sqrt(static_cast<float>(fan));
    b.at(t).weight_scale = list(out, 0.5f * scale, 1.5f * scale);
    return t;
  }
  int float_weights(const std::vector<int64_t>& shape) {
    const float bound = std::sqrt(2.0f * static_cast<float>(shape[0]) / static_cast<float>(count_of(shape)));
    return numbers(shape, -bound, bound);
  }

 private:
  static int64_t count_of(const std::vector<int64_t>& shape) {
    int64_t n = 1;
    for (int64_t d : shape) n *= d;
    return n;
  }
  std::vector<float> list(int64_t count, float low, float high) {
    std::vector<float> v;
    for (int64_t i = 0; i < count; ++i)
      v.push_back(low + (high - low) * static_cast<float>(random_() % 65536) / 65536.0f);
    return v;
  }
  std::string name(const char* kind) { return kind + std::to_string(names_++); }

  std::mt19937 random_;
  int names_ = 0;
};

}  // namespace octet::golden
