// Quantised ONNX: the ops beside layers, dynamic graphs, and what cannot be.
#include "tests/converter/onnx_quant_rig.h"

namespace octet::convert {
namespace {

struct Elementwise {
  const char* op;
  double (*f)(double a, double b);
};

TEST(OnnxQuant, MicrosoftsElementwiseOps) {
  const Elementwise kOps[] = {{"QLinearAdd", [](double a, double b) { return a + b; }},
                              {"QLinearMul", [](double a, double b) { return a * b; }},
                              {"QLinearSigmoid", [](double a, double) { return 1 / (1 + std::exp(-a)); }},
                              {"QLinearLeakyRelu", [](double a, double) { return a < 0 ? 0.3 * a : a; }}};
  for (const Elementwise& op : kOps)
    for (int type : {kU8, kS8}) {
      const Steps a{type, low_of(type) + 100, 0.03}, b{type, low_of(type) + 77, 0.05}, y{type, low_of(type) + 90, 0.04};
      const bool binary = std::string(op.op) == "QLinearAdd" || std::string(op.op) == "QLinearMul";
      const auto qa = random_integers(96, low_of(type), high_of(type), 1),
                 qb = random_integers(96, low_of(type), high_of(type), 2);
      TestModel m(13);
      const Quantised pa = put(m, a), pb = put(m, b), py = put(m, y);
      std::vector<std::string> in = {quantise(m, m.input("a", {1, 6, 4, 4}), a), pa.scale, pa.zero};
      if (binary) in.insert(in.end(), {quantise(m, m.input("b", {1, 6, 4, 4}), b), pb.scale, pb.zero});
      in.insert(in.end(), {py.scale, py.zero});
      m.output(m.op(
          std::string("com.microsoft.") + op.op, in,
          std::string(op.op) == "QLinearLeakyRelu" ? std::vector<Attr>{attr("alpha", 0.3f)} : std::vector<Attr>{}));
      std::vector<std::vector<float>> inputs = {real(qa, a)};
      if (binary) inputs.push_back(real(qb, b));
      const Outcome got = run_model(m, inputs);
      std::vector<double> want;
      for (size_t i = 0; i < qa.size(); ++i) want.push_back(op.f(a.real(qa[i]), b.real(qb[i])) / y.scale);
      ASSERT_EQ(got.outputs.size(), 1u) << op.op;
      EXPECT_GE(got.int8_steps, 1) << op.op;
      expect_rounded(got.outputs[0], want, y, op.op);
    }
}

TEST(OnnxQuant, ConcatenationRescalesEachPart) {
  const Steps a{kU8, 10, 0.03}, b{kU8, 128, 0.007}, y{kU8, 60, 0.041};
  const auto qa = random_integers(32, 0, 255, 1), qb = random_integers(48, 0, 255, 2);
  std::vector<double> want;
  for (int q : qa) want.push_back(a.real(q) / y.scale);
  for (int q : qb) want.push_back(b.real(q) / y.scale);
  for (const bool qdq : {true, false}) {
    TestModel m(13);
    const std::string xa = quantise(m, m.input("a", {1, 2, 4, 4}), a), xb = quantise(m, m.input("b", {1, 3, 4, 4}), b);
    const Quantised pa = put(m, a), pb = put(m, b), py = put(m, y);
    if (qdq)
      m.output(quantise(m, m.op("Concat", {dequantise(m, xa, a), dequantise(m, xb, b)}, {attr("axis", 1)}), y));
    else
      m.output(m.op("com.microsoft.QLinearConcat", {py.scale, py.zero, xa, pa.scale, pa.zero, xb, pb.scale, pb.zero},
                    {attr("axis", 1)}));
    // A model of nothing but moves is none of int8.
    m.output(m.op("com.microsoft.QLinearAdd", {xa, pa.scale, pa.zero, xa, pa.scale, pa.zero, py.scale, py.zero}));
    const Outcome got = run_model(m, {real(qa, a), real(qb, b)});
    ASSERT_EQ(got.outputs.size(), 2u);
    expect_rounded(got.outputs[0], want, y, "concat");
  }
}

TEST(OnnxQuant, AveragePools) {
  const Steps x{kU8, 30, 0.03}, y{kU8, 25, 0.021};
  const auto q = random_integers(2 * 6 * 6, 0, 255, 1);
  const Quantised none;
  for (const bool global : {false, true})
    for (const bool last : {false, true}) {
      TestModel m(13);
      const Quantised px = put(m, x), py = put(m, y);
      std::string in = m.input("x", {1, 2, 6, 6});
      if (last) in = m.op("Transpose", {in}, {attr("perm", {0, 2, 3, 1})});
      std::vector<Attr> attrs = {attr("channels_last", last ? 1 : 0)};
      if (!global) attrs.insert(attrs.end(), {attr("kernel_shape", {3, 3}), attr("strides", {3, 3})});
      std::string out = m.op(global ? "com.microsoft.QLinearGlobalAveragePool" : "com.microsoft.QLinearAveragePool",
                             {quantise(m, in, x), px.scale, px.zero, py.scale, py.zero}, attrs);
      if (last) out = m.op("Transpose", {out}, {attr("perm", {0, 3, 1, 2})});
      m.output(out);
      const Outcome got = run_model(m, {real(q, x)});
      std::vector<double> want;
      const size_t window = global ? 6 : 3;
      for (size_t c = 0; c < 2; ++c)
        for (size_t r = 0; r < 6; r += window)
          for (size_t k = 0; k < 6; k += window) {
            double sum = 0;
            for (size_t i = 0; i < window * window; ++i)
              sum += x.real(q[(c * 6 + r + i / window) * 6 + k + i % window]);
            want.push_back(sum / static_cast<double>(window * window) / y.scale);
          }
      ASSERT_EQ(got.outputs.size(), 1u);
      EXPECT_GE(got.int8_steps, 1);
      expect_rounded(got.outputs[0], want, y, global ? "global" : "pool");
    }
}

TEST(OnnxQuant, SoftmaxAndWhere) {
  const Steps x{kU8, 128, 0.05}, other{kU8, 0, 0.02}, y{kU8, 0, 1.0 / 256};
  const auto q = random_integers(3 * 10, 0, 255, 1), p = random_integers(3 * 10, 0, 255, 2);
  TestModel m(13);
  const Quantised px = put(m, x), py = put(m, y), po = put(m, other);
  const std::string qx = quantise(m, m.input("x", {3, 10}), x), qo = quantise(m, m.input("o", {3, 10}), other);
  m.output(m.op("com.microsoft.QLinearSoftmax", {qx, px.scale, px.zero, py.scale, py.zero},
                {attr("axis", 1), attr("opset", 13)}));
  const std::string condition = m.op("Greater", {"x", m.floats({}, {0})});
  m.output(
      m.op("com.microsoft.QLinearWhere", {condition, qx, px.scale, px.zero, qo, po.scale, po.zero, px.scale, px.zero}));
  m.output(m.op("com.microsoft.QLinearAdd", {qx, px.scale, px.zero, qo, po.scale, po.zero, py.scale, py.zero}));
  const Outcome got = run_model(m, {real(q, x), real(p, other)});
  ASSERT_EQ(got.outputs.size(), 3u);
  std::vector<double> want, chosen;
  for (size_t r = 0; r < 3; ++r) {
    double sum = 0;
    for (size_t c = 0; c < 10; ++c) sum += std::exp(x.real(q[r * 10 + c]));
    for (size_t c = 0; c < 10; ++c) want.push_back(std::exp(x.real(q[r * 10 + c])) / sum / y.scale);
  }
  for (size_t i = 0; i < q.size(); ++i)
    chosen.push_back((x.real(q[i]) > 0 ? x.real(q[i]) : other.real(p[i])) / x.scale);
  expect_rounded(got.outputs[0], want, y, "softmax");
  expect_rounded(got.outputs[1], chosen, x, "where");
}

// Integers that only move stay what they stand for; other ops see the integers.
TEST(OnnxQuant, IntegersBetweenQuantiseAndDequantise) {
  const Steps x{kS8, -20, 0.05};
  const auto q = random_integers(4 * 16, -128, 127, 1);
  TestModel m(13);
  const std::string qx = quantise(m, m.input("x", {1, 4, 4, 4}), x);
  std::string moved = m.op("Transpose", {m.op("Concat", {qx, qx}, {attr("axis", 1)})}, {attr("perm", {0, 2, 3, 1})});
  m.output(dequantise(m, moved, x));
  m.output(m.op("MaxPool", {qx}, {attr("kernel_shape", {4, 4})}));
  m.output(m.op("Mul", {m.op("Cast", {qx}, {attr("to", 1)}), m.floats({}, {2})}));
  const Steps wider{kS8, 10, 0.1};
  m.output(quantise(m, dequantise(m, qx, x), wider));
  m.output(dequantise(m, qx, wider));  // other parameters than the integers were made with
  const Outcome got = run_model(m, {real(q, x)});
  ASSERT_EQ(got.outputs.size(), 5u);
  for (size_t i = 0; i < 64; ++i) {
    const size_t c = i / 16, pixel = i % 16;
    for (size_t copy : {0u, 4u})
      ASSERT_FLOAT_EQ(got.outputs[0][pixel * 8 + c + copy], static_cast<float>(x.real(q[i])));
    ASSERT_FLOAT_EQ(got.outputs[2][i], static_cast<float>(2 * q[i]));
    ASSERT_NEAR(got.outputs[3][i], std::clamp(x.real(q[i]) / 0.1 + 10, -128.0, 127.0), 0.5 + 1e-4);
    ASSERT_NEAR(got.outputs[4][i], wider.real(q[i]), 1e-4);
  }
  for (size_t c = 0; c < 4; ++c)
    EXPECT_EQ(got.outputs[1][c], static_cast<float>(*std::max_element(q.begin() + static_cast<long>(c * 16),
                                                                      q.begin() + static_cast<long>(c * 16 + 16))));
}

// x -> DynamicQuantizeLinear -> ConvInteger -> Cast -> * scales -> + bias
TestModel dynamic_model(const std::vector<int>& w, int w_type, int w_zero) {
  TestModel m(11);
  const auto q = m.ops("DynamicQuantizeLinear", {m.input("x", {1, 4, 7, 7})}, 3);
  const std::string y =
      m.op("ConvInteger", {q[0], m.integers(w_type, {6, 4, 3, 3}, w), q[2], m.integers(w_type, {}, {w_zero})},
           {attr("pads", {1, 1, 1, 1})});
  const std::string scale = m.op("Mul", {q[1], m.floats({}, {0.01f})});
  m.output(m.op("Mul", {m.op("Cast", {y}, {attr("to", 1)}), scale}));
  return m;
}

TEST(OnnxQuant, DynamicGraphsComputeWhatTheySay) {
  const Case c;
  for (const auto& [type, zero] : {std::pair{kU8, 140}, {kS8, 0}}) {
    const auto w = random_integers(6 * 4 * 9, low_of(type), high_of(type), 3);
    const TestModel m = dynamic_model(w, type, zero);
    std::mt19937 random(1);
    std::vector<float> x(4 * 49);
    for (float& v : x) v = std::uniform_real_distribution<float>(-1.3f, 2.1f)(random);
    const float low = *std::min_element(x.begin(), x.end()), high = *std::max_element(x.begin(), x.end());
    const float scale = (high - low) / 255, zx = std::nearbyint(-low / scale);
    std::vector<int> q;
    for (float v : x) q.push_back(std::clamp(static_cast<int>(std::nearbyint(v / scale) + zx), 0, 255));
    const auto acc = accumulators(c, q, static_cast<int>(zx), w, {zero}, {});
    const Outcome got = run_model(m, {x}, Precision::kF32);
    ASSERT_EQ(got.outputs.size(), 1u);
    ASSERT_EQ(got.outputs[0].size(), acc.size());
    for (size_t i = 0; i < acc.size(); ++i)
      ASSERT_NEAR(got.outputs[0][i], static_cast<double>(acc[i]) * static_cast<double>(scale) * 0.01, 2e-4) << i;
    auto graph = import(m);
    ASSERT_TRUE(graph) << graph.error().text;
    EXPECT_EQ(remove_rounding(*graph), 1);
    ASSERT_TRUE(run_passes(*graph));
    EXPECT_EQ(count(*graph, schema::Op::FakeQuantize), 0);
    EXPECT_EQ(split_wide_weights(*graph).size(), 1u);
    EXPECT_EQ(freeze(*graph).weights_only, 1);
  }
}

TEST(OnnxQuant, MatMulInteger) {
  const auto w = random_integers(8 * 5, -127, 127, 3);
  TestModel m(11);
  const auto q = m.ops("DynamicQuantizeLinear", {m.input("x", {3, 8})}, 3);
  const std::string y = m.op("MatMulInteger", {q[0], m.integers(kS8, {8, 5}, w), q[2]});
  m.output(m.op("Mul", {m.op("Cast", {y}, {attr("to", 1)}), m.op("Mul", {q[1], m.floats({}, {0.5f})})}));
  std::vector<float> x;
  for (int i = 0; i < 24; ++i) x.push_back(static_cast<float>(i * 37 % 256));  // 0 to 255: scale 1
  x[0] = 0, x[1] = 255;
  const Outcome got = run_model(m, {x}, Precision::kF32);
  ASSERT_EQ(got.outputs.size(), 1u);
  for (size_t i = 0; i < 3; ++i)
    for (size_t j = 0; j < 5; ++j) {
      float sum = 0;
      for (size_t k = 0; k < 8; ++k) sum += x[i * 8 + k] * static_cast<float>(w[k * 5 + j]);
      EXPECT_FLOAT_EQ(got.outputs[0][i * 5 + j], 0.5f * sum);
    }
}

TEST(OnnxQuant, OneScaleForBoxesAndScoresIsNamed) {
  TestModel m(13);
  const Steps boxes{kU8, 0, 1.25}, scores{kU8, 0, 1.0 / 256};
  const std::string b = dequantise(m, quantise(m, m.input("b", {1, 4, 10}), boxes), boxes);
  const std::string s = dequantise(m, quantise(m, m.input("s", {1, 8, 10}), scores), scores);
  const std::string both = m.op("Concat", {b, s}, {attr("axis", 1)});
  m.output(dequantise(m, quantise(m, both, boxes), boxes));
  auto graph = import(m);
  ASSERT_TRUE(graph) << graph.error().text;
  ASSERT_TRUE(run_passes(*graph));
  const auto lines = shared_scales(*graph);
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_NE(lines[0].find("tensor '" + both + "' has one scale of 1.25"), std::string::npos) << lines[0];
  EXPECT_NE(lines[0].find("octet-convert quantize"), std::string::npos) << lines[0];
}

TEST(OnnxQuant, WhatCannotBeIsSaid) {
  {
    TestModel m(13);
    m.output(m.op("QuantizeLinear",
                  {m.input("x", {1, 3, 4, 4}), m.floats({3}, {1, 2, 3}), m.integers(kU8, {3}, {0, 0, 0})}));
    EXPECT_NE(error_of(m).find("a scale for each channel of an activation"), std::string::npos) << error_of(m);
  }
  {
    TestModel m(13);
    m.output(m.op("QuantizeLinear", {m.input("x", {1, 3}), m.floats({}, {1}), m.integers(5, {}, {0})}));
    EXPECT_NE(error_of(m).find("something else than 8 bits"), std::string::npos) << error_of(m);
  }
  {
    TestModel m(13);
    m.output(m.op("QuantizeLinear", {m.input("x", {1, 3}), m.floats({}, {0}), m.integers(kU8, {}, {0})}));
    EXPECT_NE(error_of(m).find("must be above 0"), std::string::npos) << error_of(m);
  }
  {
    TestModel m(13);
    m.output(m.op("DequantizeLinear", {m.integers(kU8, {2, 3}, {1, 2, 3, 4, 5, 6}), m.floats({3}, {1, 1, 1})},
                  {attr("axis", 0)}));
    EXPECT_NE(error_of(m).find("3 scales for 2 channels"), std::string::npos) << error_of(m);
  }
  {
    TestModel m(13);
    const auto q = m.ops("DynamicQuantizeLinear", {m.input("x", {1, 3})}, 3);
    m.output(m.op("Sub", {m.op("Cast", {q[0]}, {attr("to", 1)}), m.floats({}, {1})}));
    EXPECT_NE(error_of(m).find("reads what DynamicQuantizeLinear makes"), std::string::npos) << error_of(m);
  }
}

}  // namespace
}  // namespace octet::convert
