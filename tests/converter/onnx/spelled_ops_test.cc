// Ops that the importer spells by others: known results, by hand, by C's functions or by the definition written out.
#include <algorithm>
#include <cmath>
#include <numbers>

#include "tests/converter/rig.h"

namespace octet::convert {
namespace {

using Floats = std::vector<float>;

// The values as something that the run computes, not the importer.
std::string given(TestModel& m, const std::vector<int64_t>& dims, const Floats& values) {
  const std::string z = m.proto.graph().input_size() ? "x" : m.input("x", {1});
  return m.op("Add", {m.op("Mul", {z, m.floats({}, {0})}), m.floats(dims, values)});
}

void expect_near(const Floats& got, const Floats& expected, const std::string& why, float tolerance = 1e-5f) {
  ASSERT_EQ(got.size(), expected.size()) << why;
  for (size_t i = 0; i < got.size(); ++i)
    EXPECT_TRUE(std::fabs(got[i] - expected[i]) <= tolerance * std::max(1.0f, std::fabs(expected[i])))
        << why << " at " << i << ": " << got[i] << " for " << expected[i];
}

Floats counted(int n) {
  Floats v;
  for (int i = 0; i < n; ++i) v.push_back(static_cast<float>(i));
  return v;
}

Floats noise(size_t n, uint32_t seed) {
  Floats v;
  for (size_t i = 0; i < n; ++i) {
    seed = seed * 1664525 + 1013904223;
    v.push_back(static_cast<float>(seed >> 8) / (1 << 24) - 0.5f);
  }
  return v;
}

TEST(SpelledOps, Curves) {
  struct Case {
    const char* op;
    double (*exact)(double);
    Floats at;
  };
  const Case cases[] = {{"Atan", std::atan, {-1e9f, -1, -0.3f, 0, 1e-3f, 0.5f, 1, 2, 77}},
                        {"Asin", std::asin, {-1, -0.9f, -1e-3f, 0, 0.5f, 1}},
                        {"Acos", std::acos, {-1, -0.9f, 0, 0.5f, 1}},
                        {"Tan", std::tan, {-1.5f, 0, 1, 7}},
                        {"Sinh", std::sinh, {-89, -1, 0, 0.01f, 3, 89}},
                        {"Cosh", std::cosh, {-89, -1, 0, 3, 89}},
                        {"Asinh", std::asinh, {-1e30f, -2, 0, 1, 1e4f}},
                        {"Acosh", std::acosh, {1, 2, 1e30f}},
                        {"Atanh", std::atanh, {-0.99f, 0, 0.5f}}};
  for (const Case& c : cases) {
    TestModel m;
    m.output(m.op(c.op, {given(m, {static_cast<int64_t>(c.at.size())}, c.at)}));
    Floats exact;
    for (float x : c.at) exact.push_back(static_cast<float>(c.exact(double{x})));
    expect_near(run(converted(m)), exact, c.op, 2e-6f);
  }
}

TEST(SpelledOps, Masks) {
  TestModel m;
  const std::string x = given(m, {3, 3}, {1, 2, 3, 4, 5, 6, 7, 8, 9});
  m.output(m.op("Trilu", {x}));
  m.output(m.op("Trilu", {x, m.integers(7, {}, {})}, {attr("upper", 0)}));
  m.proto.mutable_graph()->mutable_initializer(m.proto.graph().initializer_size() - 1)->add_int64_data(-1);
  expect_near(run(converted(m)), {1, 2, 3, 0, 5, 6, 0, 0, 9, 0, 0, 0, 4, 0, 0, 7, 8, 0}, "Trilu");
  TestModel hot;
  const std::string places = hot.op("Cast", {given(hot, {4}, {0, -1, 2, 9})}, {attr("to", 7)});
  hot.output(hot.op("OneHot", {places, hot.ints({3}), hot.floats({2}, {-1, 5})}, {attr("axis", 0)}));
  expect_near(run(converted(hot)), {5, -1, -1, -1, -1, -1, -1, -1, -1, 5, 5, -1}, "OneHot");
  for (int64_t opset : {11, 13}) {
    TestModel h(opset);
    h.output(h.op("Hardmax", {given(h, {1, 2, 2}, {1, 3, 3, 2})}, {attr("axis", 1)}));
    expect_near(run(converted(h)), opset < 13 ? Floats{0, 1, 0, 0} : Floats{0, 1, 1, 0}, "Hardmax");
  }
  TestModel inf;
  const std::string y = inf.op("Div", {given(inf, {3}, {1, -1, 1}), given(inf, {3}, {0, 0, 1})});
  inf.output(inf.op("IsInf", {y}));
  inf.output(inf.op("IsInf", {y}, {attr("detect_negative", 0)}));
  inf.output(inf.op("IsInf", {y}, {attr("detect_positive", 0)}));
  expect_near(run(converted(inf)), {1, 1, 0, 1, 0, 0, 0, 1, 0}, "IsInf");
}

TEST(SpelledOps, Norms) {
  TestModel m(23);
  const std::string x = given(m, {2, 2}, {3, 4, 0, 0});
  m.output(m.op("LpNormalization", {x}, {attr("axis", 1)}));
  m.output(m.op("LpNormalization", {x}, {attr("axis", 0), attr("p", 1)}));
  m.output(m.op("MeanVarianceNormalization", {x}, {attr("axes", std::vector<int64_t>{1})}));
  m.output(m.op("RMSNormalization", {x, m.floats({2}, {1, 2})}, {attr("epsilon", 0.5f)}));
  m.output(m.op("com.microsoft.SkipLayerNormalization",
                {x, given(m, {2, 2}, {1, 2, 0, 2}), m.floats({2}, {1, 1}), m.floats({2}, {0, 1})}));
  const float r = std::sqrt(13.0f);
  expect_near(run(converted(m)), {0.6f, 0.8f, 0, 0, 1, 1, 0, 0, -1, 1, 0, 0, 3 / r, 8 / r, 0, 0, -1, 2, -1, 2},
              "norms");
}

TEST(SpelledOps, EinsumWithDots) {
  const std::pair<const char*, Floats> cases[] = {{"...ij,jk->...ik", {1, 2, 3, 4, 5, 6, 7, 8}},
                                                  {"...ij,jk", {1, 2, 3, 4, 5, 6, 7, 8}},
                                                  {"...ij,jk->k...i", {1, 3, 5, 7, 2, 4, 6, 8}}};
  for (const auto& [equation, expected] : cases) {
    TestModel m;
    m.output(m.op("Einsum", {given(m, {2, 2, 2}, {1, 2, 3, 4, 5, 6, 7, 8}), m.floats({2, 2}, {1, 0, 0, 1})},
                  {attr("equation", equation)}));
    expect_near(run(converted(m)), expected, equation);
  }
  TestModel one;  // dims of 1 are stretched
  one.output(one.op("Einsum", {given(one, {1, 2}, {1, 2}), given(one, {3, 2}, {1, 1, 2, 2, 3, 3})},
                    {attr("equation", "...i,...i->...")}));
  expect_near(run(converted(one)), {3, 6, 9}, "broadcast");
}

TEST(SpelledOps, FloatMod) {
  TestModel m;
  m.output(m.op("Mod", {given(m, {5}, {5.5f, -5.5f, 2.9999998f, 6, 0.3f}), given(m, {5}, {2, 2, 1, -3, 0.1f})},
                {attr("fmod", 1)}));
  expect_near(run(converted(m)), {1.5f, -1.5f, 0.9999998f, 0, std::fmod(0.3f, 0.1f)}, "fmod");
}

TEST(SpelledOps, PadsWrapAndDepthMovesOfOpenSizes) {
  TestModel m(19);
  m.output(m.op("Pad", {given(m, {3}, {1, 2, 3}), m.ints({2, 1})}, {attr("mode", "wrap")}));
  expect_near(run(converted(m)), {2, 3, 1, 2, 3, 1}, "wrap");
  TestModel d;
  d.output(d.op("DepthToSpace", {d.input("x", {-1, 4, -1, -1})}, {attr("blocksize", 2)}));
  const Floats x = run(converted(d, {{1, 4, 1, 2}}), {{1, 4, 1, 2}});
  TestModel fixed;
  fixed.output(fixed.op("DepthToSpace", {fixed.input("x", {1, 4, 1, 2})}, {attr("blocksize", 2)}));
  expect_near(x, run(converted(fixed)), "open sizes");
}

TEST(SpelledOps, TransposedConvolutionsOfLinesAndWithDilation) {
  TestModel m;
  const std::string x = given(m, {1, 1, 3}, {1, 2, 3});
  m.output(m.op("ConvTranspose", {x, m.floats({1, 1, 2}, {1, 10})}, {attr("strides", std::vector<int64_t>{2})}));
  m.output(m.op("ConvTranspose", {x, m.floats({1, 1, 2}, {1, 10}), m.floats({1}, {5})},
                {attr("dilations", std::vector<int64_t>{2}), attr("pads", {1, 0})}));
  m.output(m.op("ConvTranspose", {given(m, {1, 1, 1, 2}, {1, 2}), m.floats({1, 1, 2, 2}, {1, 10, 100, 1000})},
                {attr("dilations", {2, 1})}));
  m.output(m.op("ConvTranspose", {given(m, {1, 1, 1}, {3}), m.floats({1, 1, 2}, {1, 10})},
                {attr("output_shape", std::vector<int64_t>{3})}));
  expect_near(run(converted(m)), {1, 10, 2, 20, 3, 30, 7, 18, 25, 35, 1, 12, 20, 0, 0, 0, 100, 1200, 2000, 3, 30, 0},
              "lines");
}

TEST(SpelledOps, SecondOutputs) {
  TestModel m;
  const std::string x = given(m, {1, 2, 3, 3}, {9, 1, 2, 3, 9, 4, 5, 6, 7, 0, 0, 0, 0, 0, 0, 0, 0, 5});
  m.output(m.ops("MaxPool", {x}, 2, {attr("kernel_shape", {2, 2})})[1]);
  m.output(m.ops("MaxPool", {x}, 2,
                 {attr("kernel_shape", {2, 2}), attr("strides", {2, 2}), attr("pads", {1, 1, 0, 0}),
                  attr("storage_order", 1)})[1]);
  m.output(m.ops("Dropout", {x}, 2)[1]);
  Floats expected = {0, 4, 4, 4, 9, 10, 12, 17, 0, 6, 2, 4, 9, 12, 10, 17};
  expected.insert(expected.end(), 18, 1.0f);
  expect_near(run(converted(m)), expected, "places and masks");
}

// Numbers that ONNX Runtime 1.30 gave.
TEST(SpelledOps, Resizes) {
  struct Case {
    const char* why;
    int width;
    std::vector<Attr> attributes;
    Floats scales;
    std::vector<int64_t> sizes;
    Floats expected;
  };
  const Case cases[] = {
      {"a tie that floats decide", 10, {attr("nearest_mode", "floor")}, {1, 1, 1, 0.6f}, {}, {0, 2, 3, 5, 6, 8}},
      {"a kept ratio",
       8,
       {attr("keep_aspect_ratio_policy", "not_larger"), attr("axes", {2, 3})},
       {},
       {2, 4},
       {0, 2, 4, 6}},
      {"a crop",
       8,
       {attr("coordinate_transformation_mode", "tf_crop_and_resize"), attr("mode", "linear"),
        attr("extrapolation_value", -1.0f)},
       {},
       {1, 1, 1, 3},
       {1.75f, 5.25f, -1}}};
  for (const Case& c : cases) {
    TestModel m(18);
    const std::string x = given(m, {1, 1, 1, c.width}, counted(c.width));
    const std::string roi = m.floats({8}, {0, 0, 0, 0.25f, 1, 1, 1, 1.25f});
    m.output(m.op("Resize",
                  {x, roi, c.scales.empty() ? "" : m.floats({4}, c.scales), c.sizes.empty() ? "" : m.ints(c.sizes)},
                  c.attributes));
    SCOPED_TRACE(c.why);
    expect_near(run(converted(m)), c.expected, c.why);
  }
}

float gate(float x) { return 1 / (1 + std::exp(-x)); }

// Both recurrences as ONNX writes them, of one batch: rows of W, R and the biases gate by gate.
struct Recurrence {
  bool gru, reset_after, backwards;
  int64_t inputs = 2, hidden = 3, steps = 4;
};

Floats recurrent(const Recurrence& c, const Floats& x, const Floats& w, const Floats& r, const Floats& b) {
  const int64_t gates = c.gru ? 3 : 4, rows = gates * c.hidden;
  Floats h(static_cast<size_t>(c.hidden)), cell = h, all(static_cast<size_t>(c.hidden * c.steps));
  const auto dot = [&](const Floats& m, int64_t row, const float* v, int64_t n) {
    float sum = 0;
    for (int64_t i = 0; i < n; ++i) sum += m[static_cast<size_t>(row * n + i)] * v[i];
    return sum;
  };
  for (int64_t i = 0; i < c.steps; ++i) {
    const int64_t t = c.backwards ? c.steps - 1 - i : i;
    const auto of_input = [&](int64_t g, int64_t k) {
      return dot(w, g * c.hidden + k, x.data() + t * c.inputs, c.inputs) + b[static_cast<size_t>(g * c.hidden + k)];
    };
    const auto of_state = [&](int64_t g, int64_t k, const Floats& s) {
      return dot(r, g * c.hidden + k, s.data(), c.hidden) + b[static_cast<size_t>(rows + g * c.hidden + k)];
    };
    Floats next = h, reset = h;
    for (int64_t k = 0; k < c.hidden; ++k) reset[static_cast<size_t>(k)] *= gate(of_input(1, k) + of_state(1, k, h));
    for (int64_t k = 0; k < c.hidden; ++k) {
      const auto at = static_cast<size_t>(k);
      if (c.gru) {
        const float z = gate(of_input(0, k) + of_state(0, k, h));
        const float last =
            c.reset_after ? gate(of_input(1, k) + of_state(1, k, h)) * of_state(2, k, h) : of_state(2, k, reset);
        next[at] = (1 - z) * std::tanh(of_input(2, k) + last) + z * h[at];
      } else {
        cell[at] = gate(of_input(2, k) + of_state(2, k, h)) * cell[at] +
                   gate(of_input(0, k) + of_state(0, k, h)) * std::tanh(of_input(3, k) + of_state(3, k, h));
        next[at] = gate(of_input(1, k) + of_state(1, k, h)) * std::tanh(cell[at]);
      }
    }
    h = next;
    std::copy(h.begin(), h.end(), all.begin() + t * c.hidden);
  }
  return all;
}

TEST(SpelledOps, Recurrences) {
  const Recurrence cases[] = {{false, false, false}, {false, false, true}, {true, false, false}, {true, true, true}};
  for (const Recurrence& c : cases) {
    const int64_t rows = (c.gru ? 3 : 4) * c.hidden;
    const Floats x = noise(static_cast<size_t>(c.steps * c.inputs), 1),
                 w = noise(static_cast<size_t>(rows * c.inputs), 2), r = noise(static_cast<size_t>(rows * c.hidden), 3),
                 b = noise(static_cast<size_t>(2 * rows), 4);
    TestModel m;
    const std::string y =
        m.ops(c.gru ? "GRU" : "LSTM",
              {given(m, {c.steps, 1, c.inputs}, x), m.floats({1, rows, c.inputs}, w), m.floats({1, rows, c.hidden}, r),
               m.floats({1, 2 * rows}, b)},
              2,
              {attr("direction", c.backwards ? "reverse" : "forward"), attr("hidden_size", static_cast<int>(c.hidden)),
               attr("linear_before_reset", c.reset_after ? 1 : 0)})[0];
    m.output(y);
    expect_near(run(converted(m)), recurrent(c, x, w, r, b),
                std::string(c.gru ? "GRU " : "LSTM ") + (c.backwards ? "reverse" : "forward"));
  }
  TestModel open;
  open.output(open.op("LSTM", {open.input("x", {-1, 1, 2}), open.random({1, 12, 2}), open.random({1, 12, 3})}));
  EXPECT_NE(error_of(open).find("needs a known number of steps"), std::string::npos) << error_of(open);
}

// One head of size 1: softmax over the products of two numbers.
TEST(SpelledOps, AttentionAndFusedMatMul) {
  TestModel m;
  const std::string x = given(m, {1, 2, 1}, {1, 2});
  m.output(m.op("com.microsoft.Attention", {x, m.floats({1, 3}, {1, 1, 1}), m.floats({3}, {0, 0, 0})},
                {attr("num_heads", 1)}));
  m.output(m.op("com.microsoft.Attention", {x, m.floats({1, 3}, {1, 1, 1}), "", m.integers(6, {1, 2}, {1, 0})},
                {attr("num_heads", 1)}));
  m.output(
      m.op("com.microsoft.FusedMatMul", {x, given(m, {1, 2, 1}, {3, 4})}, {attr("transA", 1), attr("alpha", 0.5f)}));
  const auto mixed = [](float q) { return 1 + gate(q); };
  expect_near(run(converted(m)), {mixed(1), mixed(2), 1, 1, 5.5f}, "attention");
}

}  // namespace
}  // namespace octet::convert
