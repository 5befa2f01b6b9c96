// Quantised ONNX: each op, type and opset gives the integers that its formula gives, in the int8 runtime.
#include <cmath>
#include <random>

#include "converter/quant/freeze.h"
#include "converter/quant/shared_scales.h"
#include "converter/quant/wide_weights.h"
#include "octet/convert.h"
#include "tests/converter/rig.h"

namespace octet::convert {
namespace {

constexpr int kU8 = 2, kS8 = 3, kS32 = 6;
int low_of(int type) { return type == kU8 ? 0 : -128; }
int high_of(int type) { return type == kU8 ? 255 : 127; }

// A scale and zero point in a model, and what they make of numbers.
struct Steps {
  int type = kU8, zero = 0;
  double scale = 1;
  int quantised(double v) const {
    return std::clamp(static_cast<int>(std::nearbyint(v / scale)) + zero, low_of(type), high_of(type));
  }
  double real(int q) const { return (q - zero) * scale; }
};

struct Quantised {
  std::string scale, zero;
};

Quantised put(TestModel& m, const Steps& s) {
  return {m.floats({}, {static_cast<float>(s.scale)}), m.integers(s.type, {}, {s.zero})};
}

std::string quantise(TestModel& m, const std::string& x, const Steps& s) {
  const Quantised q = put(m, s);
  return m.op("QuantizeLinear", {x, q.scale, q.zero});
}

std::string dequantise(TestModel& m, const std::string& x, const Steps& s) {
  const Quantised q = put(m, s);
  return m.op("DequantizeLinear", {x, q.scale, q.zero});
}

std::vector<int> random_integers(size_t count, int low, int high, uint32_t seed) {
  std::mt19937 random(seed);
  std::vector<int> v(count);
  for (int& q : v) q = low + static_cast<int>(random() % static_cast<uint32_t>(high - low + 1));
  return v;
}

std::vector<float> real(const std::vector<int>& q, const Steps& s) {
  std::vector<float> v;
  for (int i : q) v.push_back(static_cast<float>(s.real(i)));
  return v;
}

struct Outcome {
  std::vector<std::vector<float>> outputs;
  int int8_steps = 0;
};

Outcome run_model(const TestModel& m, const std::vector<std::vector<float>>& inputs,
                  Precision precision = Precision::kInt8, bool simulate = false) {
  const TempFile file(m.proto.SerializeAsString());
  auto bytes = convert_model(file.path(), {.simulate = simulate});
  if (!bytes) return ADD_FAILURE() << bytes.error().text, Outcome{};
  auto loaded = Model::from_bytes(*bytes, "test");
  if (!loaded) return ADD_FAILURE() << loaded.error().text, Outcome{};
  auto session = Session::create(*loaded, {.precision = precision, .profile = true});
  if (!session) return ADD_FAILURE() << session.error().text, Outcome{};
  if (auto ready = session->prepare(); !ready) return ADD_FAILURE() << ready.error().text, Outcome{};
  for (size_t i = 0; i < inputs.size(); ++i) {
    const auto to = session->input(static_cast<int>(i)).f32();
    EXPECT_EQ(to.size(), inputs[i].size());
    std::copy_n(inputs[i].begin(), std::min(to.size(), inputs[i].size()), to.begin());
  }
  if (auto done = session->run(); !done) return ADD_FAILURE() << done.error().text, Outcome{};
  Outcome outcome;
  for (size_t i = 0; i < loaded->outputs().size(); ++i) {
    const octet::Tensor t = session->output(static_cast<int>(i));
    outcome.outputs.emplace_back(t.f32().begin(), t.f32().end());
  }
  for (const StepProfile& s : session->profile())
    outcome.int8_steps += s.precision == Precision::kInt8 && s.op.find("quantize") == std::string::npos;
  return outcome;
}

// Outputs of integers against exact values in steps before rounding; a tie may go either way.
void expect_rounded(const std::vector<float>& got, const std::vector<double>& exact, const Steps& s,
                    const std::string& why) {
  ASSERT_EQ(got.size(), exact.size()) << why;
  for (size_t i = 0; i < got.size(); ++i) {
    const double wanted = std::clamp<double>(exact[i] + s.zero, low_of(s.type), high_of(s.type));
    ASSERT_LE(std::fabs(got[i] - wanted), 0.5 + 1e-4) << why << " at " << i;
    ASSERT_EQ(got[i], std::nearbyint(got[i])) << why;
  }
}

// Weights [out][in / groups][k][k].
struct Case {
  int in = 4, out = 6, kernel = 3, pad = 1, stride = 1, groups = 1, size = 7;
};

struct ConvCase {
  const char* why;
  Case shape;
  Steps x, y;
  int w_type;
  std::vector<int> w_zero;  // one or one a channel
  int w_low, w_high;
};

// sum (x - zx) (w - zw) + bias, in units of x_scale * w_scale.
std::vector<int64_t> accumulators(const Case& c, const std::vector<int>& x, int zx, const std::vector<int>& w,
                                  const std::vector<int>& zw, const std::vector<int>& bias) {
  std::vector<int64_t> acc;
  const int to = (c.size + 2 * c.pad - c.kernel) / c.stride + 1, each = c.in / c.groups;
  for (int o = 0; o < c.out; ++o)
    for (int y = 0; y < to; ++y)
      for (int z = 0; z < to; ++z) {
        int64_t sum = bias.empty() ? 0 : bias[static_cast<size_t>(o)];
        for (int i = 0; i < each; ++i)
          for (int ky = 0; ky < c.kernel; ++ky)
            for (int kx = 0; kx < c.kernel; ++kx) {
              const int row = y * c.stride + ky - c.pad, column = z * c.stride + kx - c.pad;
              if (row < 0 || column < 0 || row >= c.size || column >= c.size) continue;
              const int channel = o / (c.out / c.groups) * each + i;
              const int a = x[static_cast<size_t>((channel * c.size + row) * c.size + column)] - zx;
              const int b = w[static_cast<size_t>(((o * each + i) * c.kernel + ky) * c.kernel + kx)] -
                            zw[zw.size() == 1 ? 0 : static_cast<size_t>(o)];
              sum += a * b;
            }
        acc.push_back(sum);
      }
  return acc;
}

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
    EXPECT_EQ(split_wide_weights(*graph), 1);
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

TEST(OnnxQuant, WideWeightsAreSplitExactly) {
  for (const ConvCase& c : kConvs) {
    auto graph = import(qdq_model(c, parts_of(c), 13));
    ASSERT_TRUE(graph) << graph.error().text;
    ASSERT_TRUE(run_passes(*graph));
    const std::vector<float> before = run(*graph);
    const bool wide = c.w_type == kU8 || c.w_low == -128;
    EXPECT_EQ(split_wide_weights(*graph), wide ? 1 : 0) << c.why;
    const std::vector<float> after = run(*graph);
    ASSERT_EQ(after.size(), before.size());
    for (size_t i = 0; i < after.size(); ++i)
      ASSERT_NEAR(after[i], before[i], 1) << c.why;  // float sums of another order
    const Frozen frozen = freeze(*graph);
    EXPECT_GE(frozen.layers, 1) << c.why;
    EXPECT_TRUE(frozen.float_layers.empty()) << c.why;
    EXPECT_LT(frozen.largest_error, 1e-3f) << c.why;
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
