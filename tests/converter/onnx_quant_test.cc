// Quantised ONNX: layers of every type and opset give the integers that their formula gives, in the int8 runtime.
#include "tests/converter/onnx_quant_rig.h"

namespace octet::convert {
namespace {

const ConvCase kConvs[] = {
    {"u8 asymmetric, zero point in the middle", {}, {kU8, 128, 0.02}, {kU8, 110, 0.9}, kU8, {131}, 0, 255},
    {"u8 weights, zero point 0", {}, {kU8, 3, 0.02}, {kU8, 0, 2.1}, kU8, {0}, 0, 255},
    {"u8 weights, zero point 255", {}, {kU8, 3, 0.02}, {kU8, 255, 2.1}, kU8, {255}, 0, 255},
    {"s8 per channel", {}, {kS8, -128, 0.02}, {kS8, -3, 0.7}, kS8, {0, 0, 0, 0, 0, 0}, -127, 127},
    {"s8 with -128", {}, {kS8, 5, 0.02}, {kS8, 0, 0.7}, kS8, {0}, -128, 127},
    {"s8 weights with zero points per channel",
     {},
     {kS8, 5, 0.02},
     {kS8, 0, 0.7},
     kS8,
     {1, -9, 100, -128, 127, 0},
     -128,
     127},
    {"stride and no padding", {.pad = 0, .stride = 2}, {kU8, 9, 0.02}, {kU8, 128, 0.7}, kU8, {90}, 0, 255},
    {"1x1", {.kernel = 1, .pad = 0}, {kU8, 9, 0.02}, {kU8, 128, 0.2}, kU8, {140}, 0, 255},
    {"depthwise", {.in = 6, .groups = 6}, {kU8, 9, 0.02}, {kU8, 100, 0.3}, kU8, {140}, 0, 255},
    {"depthwise, few wide", {.in = 20, .out = 20, .groups = 20}, {kU8, 77, 0.02}, {kU8, 100, 0.3}, kU8, {120}, 0, 248},
    {"depthwise s8", {.in = 6, .groups = 6}, {kS8, -7, 0.02}, {kS8, 10, 0.3}, kS8, {0}, -127, 127},
    {"groups", {.groups = 2}, {kU8, 77, 0.02}, {kU8, 100, 0.4}, kS8, {0}, -127, 127},
};

struct ConvParts {
  std::vector<int> x, w, bias;
  std::vector<double> w_scale;
};

ConvParts parts_of(const ConvCase& c) {
  const Case& s = c.shape;
  ConvParts p;
  p.x = random_integers(static_cast<size_t>(s.in * s.size * s.size), low_of(c.x.type), high_of(c.x.type), 5);
  p.w = random_integers(static_cast<size_t>(s.out * s.in / s.groups * s.kernel * s.kernel), c.w_low, c.w_high, 6);
  p.w[0] = c.w_low, p.w[1] = c.w_low + 1, p.w[2] = c.w_high;
  p.bias = random_integers(static_cast<size_t>(s.out), -3000, 3000, 7);
  for (size_t i = 0; i < c.w_zero.size(); ++i) p.w_scale.push_back(0.01 * static_cast<double>(i + 1));
  return p;
}

std::vector<float> floats_of(const std::vector<double>& v) { return {v.begin(), v.end()}; }

// The result in steps of y.
std::vector<double> exact(const ConvCase& c, const ConvParts& p) {
  const std::vector<int64_t> acc = accumulators(c.shape, p.x, c.x.zero, p.w, c.w_zero, p.bias);
  std::vector<double> steps;
  for (size_t i = 0; i < acc.size(); ++i) {
    const size_t o = i / (acc.size() / static_cast<size_t>(c.shape.out));
    steps.push_back(static_cast<double>(acc[i]) * (c.x.scale * p.w_scale[p.w_scale.size() == 1 ? 0 : o] / c.y.scale));
  }
  return steps;
}

std::vector<Attr> attributes(const Case& c) {
  return {attr("pads", {c.pad, c.pad, c.pad, c.pad}), attr("strides", {c.stride, c.stride}), attr("group", c.groups)};
}

std::vector<int64_t> weight_dims(const Case& c) { return {c.out, c.in / c.groups, c.kernel, c.kernel}; }

// x -> Q -> DQ -> Conv(DQ weights, DQ bias) -> Q
TestModel qdq_model(const ConvCase& c, const ConvParts& p, int64_t opset) {
  TestModel m(opset);
  const Case& s = c.shape;
  const std::string x = m.input("x", {1, s.in, s.size, s.size});
  const int64_t scales = static_cast<int64_t>(p.w_scale.size());
  const std::vector<int64_t> dims = scales == 1 ? std::vector<int64_t>{} : std::vector<int64_t>{scales};
  std::vector<float> bias_scale;
  for (double v : p.w_scale) bias_scale.push_back(static_cast<float>(v * c.x.scale));
  const auto axis = scales == 1 ? std::vector<Attr>{} : std::vector<Attr>{attr("axis", 0)};
  const std::string w = m.op("DequantizeLinear",
                             {m.integers(c.w_type, weight_dims(s), p.w), m.floats(dims, floats_of(p.w_scale)),
                              m.integers(c.w_type, dims, c.w_zero)},
                             axis);
  const std::string b = m.op("DequantizeLinear", {m.integers(kS32, {s.out}, p.bias), m.floats(dims, bias_scale)}, axis);
  const std::string y = m.op("Conv", {dequantise(m, quantise(m, x, c.x), c.x), w, b}, attributes(s));
  m.output(quantise(m, y, c.y));
  return m;
}

TEST(OnnxQuant, ConvolutionsGiveTheIntegersOfTheirFormula) {
  for (const ConvCase& c : kConvs) {
    const ConvParts p = parts_of(c);
    for (int64_t opset : {c.w_zero.size() == 1 ? 10 : 13, 21}) {
      const TestModel m = qdq_model(c, p, opset);
      const Outcome got = run_model(m, {real(p.x, c.x)});
      ASSERT_EQ(got.outputs.size(), 1u) << c.why;
      EXPECT_GE(got.int8_steps, 1) << c.why;
      expect_rounded(got.outputs[0], exact(c, p), c.y, c.why);
    }
  }
}

TEST(OnnxQuant, QLinearConvIsTheSame) {
  for (const ConvCase& c : kConvs) {
    const ConvParts p = parts_of(c);
    TestModel m(10);
    const Case& s = c.shape;
    const std::string x = m.input("x", {1, s.in, s.size, s.size});
    const Quantised qx = put(m, c.x), qy = put(m, c.y);
    const int64_t scales = static_cast<int64_t>(p.w_scale.size());
    const std::vector<int64_t> dims = scales == 1 ? std::vector<int64_t>{} : std::vector<int64_t>{scales};
    m.output(m.op("QLinearConv",
                  {m.op("QuantizeLinear", {x, qx.scale, qx.zero}), qx.scale, qx.zero,
                   m.integers(c.w_type, weight_dims(s), p.w), m.floats(dims, floats_of(p.w_scale)),
                   m.integers(c.w_type, dims, c.w_zero), qy.scale, qy.zero, m.integers(kS32, {s.out}, p.bias)},
                  attributes(s)));
    const Outcome got = run_model(m, {real(p.x, c.x)});
    ASSERT_EQ(got.outputs.size(), 1u) << c.why;
    EXPECT_GE(got.int8_steps, 1) << c.why;
    expect_rounded(got.outputs[0], exact(c, p), c.y, c.why);
  }
}

TEST(OnnxQuant, MatrixProducts) {
  const Steps x{kU8, 100, 0.02}, y{kU8, 120, 0.5};
  const std::vector<int> a = random_integers(3 * 8, 0, 255, 1), b = random_integers(8 * 5, 0, 255, 2);
  const std::vector<int> c = random_integers(5, -900, 900, 3);
  std::vector<double> want, want_with_c;
  for (size_t i = 0; i < 3; ++i)
    for (size_t j = 0; j < 5; ++j) {
      int sum = 0;
      for (size_t k = 0; k < 8; ++k) sum += (a[i * 8 + k] - x.zero) * (b[k * 5 + j] - 60);
      want.push_back(sum * (x.scale * 0.01 / y.scale));
      want_with_c.push_back((sum + c[j]) * (x.scale * 0.01 / y.scale));
    }
  for (const bool gemm : {false, true}) {
    TestModel m(gemm ? 13 : 10);
    const Quantised qx = put(m, x), qy = put(m, y);
    std::vector<std::string> in = {quantise(m, m.input("x", {3, 8}), x),
                                   qx.scale,
                                   qx.zero,
                                   m.integers(kU8, {8, 5}, b),
                                   m.floats({}, {0.01f}),
                                   m.integers(kU8, {}, {60})};
    if (gemm) in.push_back(m.integers(kS32, {5}, c));
    in.insert(in.end(), {qy.scale, qy.zero});
    m.output(m.op(gemm ? "com.microsoft.QGemm" : "QLinearMatMul", in));
    const Outcome got = run_model(m, {real(a, x)});
    ASSERT_EQ(got.outputs.size(), 1u);
    EXPECT_GE(got.int8_steps, 1);
    expect_rounded(got.outputs[0], gemm ? want_with_c : want, y, gemm ? "QGemm" : "QLinearMatMul");
  }
}

TEST(OnnxQuant, PicturesOfBytes) {
  const ConvCase& c = kConvs[0];
  const ConvParts p = parts_of(c);
  TestModel m = qdq_model(c, p, 13);
  // The model takes the integers themselves: its first QuantizeLinear goes.
  auto* graph = m.proto.mutable_graph();
  graph->mutable_input(0)->mutable_type()->mutable_tensor_type()->set_elem_type(kU8);
  std::string made;
  for (int i = 0; i < graph->node_size(); ++i)
    if (graph->node(i).input(0) == "x") made = graph->node(i).output(0), graph->mutable_node()->DeleteSubrange(i--, 1);
  for (auto& n : *graph->mutable_node())
    if (n.input(0) == made) n.mutable_input(0)->assign(1, 'x');
  std::vector<float> bytes(p.x.begin(), p.x.end());
  const Outcome got = run_model(m, {bytes});
  ASSERT_EQ(got.outputs.size(), 1u);
  EXPECT_GE(got.int8_steps, 1);
  expect_rounded(got.outputs[0], exact(c, p), c.y, "bytes");
}

TEST(OnnxQuant, WideWeightsAreSplitExactly) {
  for (const ConvCase& c : kConvs) {
    auto graph = import(qdq_model(c, parts_of(c), 13));
    ASSERT_TRUE(graph) << graph.error().text;
    ASSERT_TRUE(run_passes(*graph));
    const std::vector<float> before = run(*graph);
    const bool wide = c.w_type == kU8 || c.w_low == -128;
    const auto split = split_wide_weights(*graph);
    EXPECT_EQ(split.size(), wide ? 1u : 0u) << c.why;
    const std::vector<float> after = run(*graph);
    ASSERT_EQ(after.size(), before.size());
    for (size_t i = 0; i < after.size(); ++i)
      ASSERT_NEAR(after[i], before[i], 1) << c.why;  // float sums of another order
    const Frozen frozen = freeze(*graph, split);
    EXPECT_EQ(frozen.layers, 1) << c.why;
    EXPECT_TRUE(frozen.float_layers.empty()) << c.why;
    EXPECT_LT(frozen.largest_error, 1e-3f) << c.why;
  }
}

}  // namespace
}  // namespace octet::convert
