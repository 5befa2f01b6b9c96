// Small NHWC graphs for tests of the quantiser.
#pragma once
#include <random>

#include "converter/graph/edit.h"

namespace octet::convert {

// Builds a graph call by call; each returns the new tensor.
struct GraphBuilder {
  Graph g;
  std::mt19937 random{7};

  GraphBuilder() { g.source = "test"; }

  TensorId make(const std::string& name, const Shape& shape) { return g.add({.name = name, .shape = shape}); }
  TensorId input(const Shape& shape) {
    const TensorId t = make("input", shape);
    g.inputs.push_back(t);
    return t;
  }
  TensorId constant(const Shape& shape, float largest) {
    std::uniform_real_distribution<float> values(-largest, largest);
    std::vector<float> v(static_cast<size_t>(shape.elements()));
    for (float& x : v) x = values(random);
    return g.add(make_constant<float>("c" + std::to_string(g.tensors.size()), shape, v));
  }
  template <class Op>
  TensorId node(const std::string& name, Op op, std::vector<TensorId> inputs, const Shape& shape) {
    const TensorId y = make(name, shape);
    g.nodes.push_back({.name = name, .op = make_op(std::move(op)), .inputs = std::move(inputs), .outputs = {y}});
    return y;
  }
  Shape shape(TensorId t) const { return tensor(g, t).shape; }
  TensorId conv(const std::string& name, TensorId x, int64_t out, schema::ActKind act = schema::ActKind::relu) {
    const int64_t in = shape(x)[3];
    const TensorId w = constant({out, 1, 1, in}, 1), b = constant({out}, .5f);
    schema::Conv2dT op;
    op.act = schema::Activation(act, 0.0f, 0.0f);
    return node(name, std::move(op), {x, w, b}, {1, shape(x)[1], shape(x)[2], out});
  }
  TensorId depthwise(const std::string& name, TensorId x) {
    const int64_t c = shape(x)[3];
    schema::Conv2dT op;
    op.groups = static_cast<int>(c);
    op.pad_top = op.pad_left = op.pad_bottom = op.pad_right = 1;
    return node(name, std::move(op), {x, constant({c, 3, 3, 1}, 1), constant({c}, .5f)}, shape(x));
  }
  // 0, 1, 2, .. along x's third dim, for all of its channels: {1, 1, w, 1}, made of shapes.
  TensorId grid(TensorId x) {
    const auto integers = [&](int64_t v) {
      return g.add(make_constant<int64_t>("i" + std::to_string(g.tensors.size()), {}, std::vector<int64_t>{v}));
    };
    const int64_t w = shape(x)[2];
    const TensorId size = node("size", schema::ShapeOfT{.start = 2, .end = 3}, {x}, {1});
    const TensorId steps = node("steps", schema::RangeT{}, {integers(0), size, integers(1)}, {w});
    for (TensorId t : {size, steps}) g.tensors[static_cast<size_t>(t)].dtype = DType::kS64;
    const TensorId floats = node("floats", schema::CastT{.to = schema::DType::f32}, {steps}, {w});
    return node("grid", schema::ReshapeT{.shape = {1, 1, -1, 1}}, {floats}, {1, 1, w, 1});
  }
  TensorId concat(const std::string& name, TensorId a, TensorId b) {
    Shape s = shape(a);
    s[3] += shape(b)[3];
    return node(name, schema::ConcatT{.axis = 3}, {a, b}, s);
  }
  TensorId unary(const std::string& name, TensorId x, schema::UnaryKind kind) {
    schema::UnaryT op;
    op.kind = kind;
    return node(name, std::move(op), {x}, shape(x));
  }
  Graph finish(TensorId output) {
    g.outputs.push_back(output);
    return std::move(g);
  }
};

inline TensorId find_tensor(const Graph& g, const std::string& name) {
  for (size_t t = 0; t < g.tensors.size(); ++t)
    if (g.tensors[t].name == name) return static_cast<TensorId>(t);
  return -1;
}

}  // namespace octet::convert
