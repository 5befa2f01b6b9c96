// Builds .octet files in memory, tensor by tensor, for tests of loading and running.
#pragma once
#include <octet/octet.h>
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <span>
#include <string>
#include <vector>

#include "schema/format.h"
#include "schema/model_generated.h"

namespace octet {

class ModelBuilder {
 public:
  schema::ModelT model;

  int tensor(const std::string& name, std::vector<int64_t> shape, schema::DType dtype = schema::DType::f32) {
    auto t = std::make_unique<schema::TensorT>();
    t->name = name;
    t->dtype = dtype;
    t->shape = std::move(shape);
    model.tensors.push_back(std::move(t));
    return static_cast<int>(model.tensors.size()) - 1;
  }

  int input(const std::string& name, std::vector<int64_t> shape, schema::DType dtype = schema::DType::f32) {
    model.inputs.push_back(tensor(name, std::move(shape), dtype));
    return model.inputs.back();
  }

  template <class T>
  int constant(const std::string& name, std::vector<int64_t> shape, const std::vector<T>& values, schema::DType dtype) {
    const int t = tensor(name, std::move(shape), dtype);
    weights_.resize((weights_.size() + 63) / 64 * 64);
    at(t).constant = true;
    at(t).offset = weights_.size();
    at(t).bytes = values.size() * sizeof(T);
    const auto* bytes = reinterpret_cast<const std::byte*>(values.data());
    weights_.insert(weights_.end(), bytes, bytes + at(t).bytes);
    return t;
  }
  int f32(const std::string& name, std::vector<int64_t> shape, const std::vector<float>& values) {
    return constant(name, std::move(shape), values, schema::DType::f32);
  }

  // s8 weights of a dense convolution, [out][kernel_h][kernel_w][in], packed as the file wants them.
  int conv_weights(const std::string& name, std::vector<int64_t> shape, const std::vector<int8_t>& dense,
                   std::vector<float> scale) {
    const schema::PackedShape packed{1, shape[0], shape[1] * shape[2], shape[3]};
    std::vector<int8_t> bytes(static_cast<size_t>(packed.bytes()));
    schema::pack_conv_s8(packed, dense.data(), bytes.data());
    const int t = constant(name, std::move(shape), bytes, schema::DType::s8);
    at(t).packing = schema::Packing::conv_s8;
    at(t).weight_scale = std::move(scale);
    return t;
  }

  void quantise(int t, std::vector<float> scale, std::vector<uint8_t> zero_point) {
    at(t).quant = std::make_unique<schema::QuantT>();
    at(t).quant->scale = std::move(scale);
    at(t).quant->zero_point = std::move(zero_point);
  }

  template <class Attributes>
  void node(const std::string& name, Attributes attributes, std::vector<int> inputs, int output) {
    node(name, std::move(attributes), std::move(inputs), std::vector<int>{output});
  }
  template <class Attributes>
  void node(const std::string& name, Attributes attributes, std::vector<int> inputs, std::vector<int> outputs) {
    auto n = std::make_unique<schema::NodeT>();
    n->name = name;
    n->op.Set(std::move(attributes));
    n->inputs = std::move(inputs);
    n->outputs = std::move(outputs);
    model.nodes.push_back(std::move(n));
  }

  schema::TensorT& at(int t) { return *model.tensors[static_cast<size_t>(t)]; }

  std::vector<std::byte> finish() const {
    flatbuffers::FlatBufferBuilder builder;
    builder.Finish(schema::Model::Pack(builder, &model), schema::ModelIdentifier());
    return file_of({builder.GetBufferPointer(), builder.GetSize()}, weights_);
  }

  // The model, which has to be right: else the process ends.
  Model loaded() const {
    auto loaded = Model::from_bytes(finish(), "m.octet");
    if (loaded) return std::move(*loaded);
    std::fprintf(stderr, "%s\n", loaded.error().text.c_str());
    std::abort();
  }

  // A file around a serialised graph and the weight segment.
  static std::vector<std::byte> file_of(std::span<const uint8_t> graph, const std::vector<std::byte>& weights) {
    schema::FileHeader h{};
    std::memcpy(h.magic, schema::kMagic, sizeof h.magic);
    h.version_major = schema::kVersionMajor;
    h.version_minor = schema::kVersionMinor;
    h.graph_offset = sizeof h;
    h.graph_bytes = graph.size();
    h.weights_offset = (h.graph_offset + h.graph_bytes + 63) / 64 * 64;
    h.weights_bytes = weights.size();
    std::vector<std::byte> file(h.weights_offset + h.weights_bytes);
    std::memcpy(file.data() + h.graph_offset, graph.data(), h.graph_bytes);
    std::ranges::copy(weights, file.begin() + static_cast<int64_t>(h.weights_offset));
    std::memcpy(file.data(), &h, sizeof h);
    rehash(file);
    return file;
  }

  // Makes the checksums right again, so that damage behind them is met by the other checks.
  static void rehash(std::vector<std::byte>& file) {
    schema::FileHeader h;
    std::memcpy(&h, file.data(), sizeof h);
    const std::span<const std::byte> all(file);
    h.graph_hash = schema::hash(all.subspan(h.graph_offset, h.graph_bytes));
    h.weights_hash = schema::hash(all.subspan(h.weights_offset, h.weights_bytes));
    std::memcpy(file.data(), &h, sizeof h);
  }

 private:
  std::vector<std::byte> weights_;
};

// x {1, h, w, 4} -> conv 1x1 to 3 channels with SiLU -> max pool -> concat with a second conv -> reshape -> y. `dynamic`
// leaves h and w to the caller. Quantised throughout, but for y.
inline ModelBuilder small_model(bool dynamic = false) {
  ModelBuilder b;
  const int64_t h = dynamic ? -1 : 6, w = dynamic ? -1 : 5;
  const int x = b.input("x", {1, h, w, 4});
  auto conv = [&](const std::string& name, int in, std::vector<int8_t> weights, int64_t channels_in,
                  schema::ActKind act) {
    const int64_t out = static_cast<int64_t>(weights.size()) / channels_in;
    const int weight = b.conv_weights(name + ".weight", {out, 1, 1, channels_in}, weights,
                                      std::vector<float>(static_cast<size_t>(out), 0.01f));
    const int bias = b.f32(name + ".bias", {out}, std::vector<float>(static_cast<size_t>(out), 0.1f));
    const int y = b.tensor(name, {1, h, w, out});
    schema::Conv2dT attributes;
    attributes.act = schema::Activation(act, 0, 0);
    b.node(name, attributes, {in, weight, bias}, y);
    return y;
  };
  b.quantise(x, {0.02f}, {128});
  const int a = conv("a", x, {10, -20, 30, -40, 50, -60, 70, -80, 90, -100, 110, -127}, 4, schema::ActKind::silu);
  b.quantise(a, {0.01f}, {28});
  const int pooled = b.tensor("pooled", {1, h, w, 3});
  schema::Pool2dT pool;
  pool.kernel_h = pool.kernel_w = 3;
  pool.pad_top = pool.pad_left = pool.pad_bottom = pool.pad_right = 1;
  b.node("pooled", pool, {a}, pooled);
  b.quantise(pooled, {0.01f}, {28});
  const int c = conv("c", x, {1, 2, 3, 4, -5, -6, -7, -8}, 4, schema::ActKind::none);
  b.quantise(c, {0.005f}, {100});
  const int joined = b.tensor("joined", {1, h, w, 5});
  schema::ConcatT concat;
  concat.axis = 3;
  b.node("joined", concat, {pooled, c}, joined);
  b.quantise(joined, {0.01f, 0.01f, 0.01f, 0.005f, 0.005f}, {28, 28, 28, 100, 100});
  const int d = conv("d", joined, {11, 22, 33, 44, 55, -11, -22, -33, -44, -55}, 5, schema::ActKind::sigmoid);
  const int y = b.tensor("y", {1, dynamic ? -1 : h * w, 2});
  schema::ReshapeT reshape;
  reshape.shape = {1, -1, 2};
  b.node("y", reshape, {d}, y);
  b.model.outputs = {y};
  b.model.int8_ops = {"conv2d", "pool2d", "concat"};
  b.model.producer = "test";
  return b;
}

}  // namespace octet
