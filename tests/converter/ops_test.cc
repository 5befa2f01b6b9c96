// Ops whose meaning or operands changed between opsets, and ops that are made of others: known results.
#include "tests/converter/rig.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace octet::convert {
namespace {

// Values computed by hand or by ONNX' definition; inputs are constants, so that only folding runs.
std::vector<float> folded(TestModel& m, const std::string& result) {
  m.output(m.op("Add", {m.op("Mul", {m.input("x", {1}), m.floats({}, {0})}), result}));
  const Graph g = converted(m);
  return run(g);
}

void expect_near(const std::vector<float>& got, const std::vector<float>& expected, const std::string& why) {
  ASSERT_EQ(got.size(), expected.size()) << why;
  for (size_t i = 0; i < got.size(); ++i) EXPECT_NEAR(got[i], expected[i], 1e-5) << why << " at " << i;
}

TEST(Ops, SoftmaxFlattensBefore13) {
  for (int64_t opset : {11, 13}) {
    TestModel m(opset);
    const auto got = folded(m, m.op("Softmax", {m.floats({1, 2, 2}, {0, 0, 0, 0})}, {attr("axis", 1)}));
    expect_near(got, std::vector<float>(4, opset < 13 ? 0.25f : 0.5f), "opset " + std::to_string(opset));
  }
}

TEST(Ops, SoftmaxDefaultAxis) {
  for (int64_t opset : {12, 13}) {
    TestModel m(opset);
    const auto got = folded(m, m.op("Softmax", {m.floats({1, 2, 3}, std::vector<float>(6, 1))}));
    expect_near(got, std::vector<float>(6, opset < 13 ? 1.0f / 6 : 1.0f / 3), "opset " + std::to_string(opset));
  }
}

TEST(Ops, SliceByAttributesAndOperands) {
  const std::vector<float> data = {0, 1, 2, 3, 4, 5};
  TestModel old(9), now(13);
  expect_near(folded(old, old.op("Slice", {old.floats({6}, data)},
                                 {attr("starts", std::vector<int64_t>{1}), attr("ends", std::vector<int64_t>{-1})})),
              {1, 2, 3, 4}, "attributes");
  expect_near(folded(now, now.op("Slice", {now.floats({6}, data), now.ints({-1}), now.ints({INT64_MIN}), now.ints({0}),
                                           now.ints({-2})})),
              {5, 3, 1}, "negative step");
}

TEST(Ops, SplitForms) {
  const std::vector<float> data = {0, 1, 2, 3, 4};
  struct Case {
    int64_t opset;
    const char* why;
    std::vector<std::string> (*make)(TestModel&, const std::string&);
    std::vector<float> second;
  };
  const Case cases[] = {
      {11,
       "attribute",
       [](TestModel& m, const std::string& x) {
         return m.ops("Split", {x}, 2, {attr("split", {2, 3})});
       },
       {2, 3, 4}},
      {13,
       "operand",
       [](TestModel& m, const std::string& x) {
         return m.ops("Split", {x, m.ints({4, 1})}, 2);
       },
       {4}},
      {18,
       "num_outputs",
       [](TestModel& m, const std::string& x) { return m.ops("Split", {x}, 2, {attr("num_outputs", 2)}); },
       {3, 4}},
  };
  for (const Case& c : cases) {
    TestModel m(c.opset);
    expect_near(folded(m, c.make(m, m.floats({5}, data))[1]), c.second, c.why);
  }
}

TEST(Ops, ReshapeZeroCopiesUnlessAllowed) {
  TestModel m(14);
  const std::string y = m.op("Reshape", {m.input("x", {2, 3, 4}), m.ints({0, -1})});
  m.output(y);
  EXPECT_EQ(tensor(converted(m), 0).shape.rank(), 2 + 1);
  auto g = import(m);
  ASSERT_TRUE(g);
  EXPECT_EQ(tensor(*g, g->outputs[0]).shape, (Shape{2, 12}));
}

TEST(Ops, AxesAsAttributeOrOperand) {
  for (int64_t opset : {11, 13, 18}) {
    TestModel m(opset);
    const std::string x = m.floats({2, 1, 2}, {1, 2, 3, 4});
    std::string y;
    if (opset < 13)
      y = m.op("ReduceSum", {m.op("Squeeze", {x}, {attr("axes", std::vector<int64_t>{1})})},
               {attr("axes", std::vector<int64_t>{-1}), attr("keepdims", 0)});
    else
      y = m.op("ReduceSum", {m.op("Squeeze", {x, m.ints({1})}), m.ints({-1})}, {attr("keepdims", 0)});
    expect_near(folded(m, y), {3, 7}, "opset " + std::to_string(opset));
  }
}

TEST(Ops, ReduceFamily) {
  const std::vector<float> data = {1, -2, 3, 4};
  const std::pair<const char*, float> cases[] = {
      {"ReduceSum", 6}, {"ReduceMean", 1.5f},           {"ReduceMax", 4},       {"ReduceMin", -2}, {"ReduceProd", -24},
      {"ReduceL1", 10}, {"ReduceL2", std::sqrt(30.0f)}, {"ReduceSumSquare", 30}};
  for (auto [name, expected] : cases) {
    TestModel m;
    expect_near(folded(m, m.op(name, {m.floats({4}, data)}, {attr("keepdims", 0)})), {expected}, name);
  }
}

TEST(Ops, UpsampleAndResize) {
  const std::vector<float> data = {1, 2, 3, 4};
  const std::vector<float> doubled = {1, 1, 2, 2, 1, 1, 2, 2, 3, 3, 4, 4, 3, 3, 4, 4};
  TestModel up(9), ten(10), now(13), axes(18);
  expect_near(folded(up, up.op("Upsample", {up.floats({1, 1, 2, 2}, data), up.floats({4}, {1, 1, 2, 2})})), doubled,
              "Upsample 9");
  expect_near(folded(ten, ten.op("Resize", {ten.floats({1, 1, 2, 2}, data), ten.floats({4}, {1, 1, 2, 2})})), doubled,
              "Resize 10");
  expect_near(folded(now, now.op("Resize", {now.floats({1, 1, 2, 2}, data), "", "", now.ints({1, 1, 4, 4})})), doubled,
              "sizes");
  expect_near(folded(axes, axes.op("Resize", {axes.floats({1, 1, 2, 2}, data), "", axes.floats({2}, {2, 2})},
                                   {attr("axes", {2, 3})})),
              doubled, "axes");
}

// The row at a place: Keys' kernel over the four pixels around it.
double cubic_at(const std::vector<float>& row, double at, double a, bool exclude) {
  double sum = 0, weights = 0;
  const int first = static_cast<int>(std::floor(at)) - 1, last = static_cast<int>(row.size()) - 1;
  for (int tap = first; tap < first + 4; ++tap) {
    if (exclude && (tap < 0 || tap > last)) continue;
    const double d = std::fabs(at - tap), d2 = d * d, d3 = d2 * d;
    const double w = d <= 1 ? (a + 2) * d3 - (a + 3) * d2 + 1 : a * (d3 - 5 * d2 + 8 * d - 4);
    sum += w * static_cast<double>(row[static_cast<size_t>(std::clamp(tap, 0, last))]);
    weights += w;
  }
  return exclude ? sum / weights : sum;
}

TEST(Ops, ResizeCubic) {
  const std::vector<float> row = {1, -2, 4, 0.5f, 3};
  const std::pair<const char*, double (*)(double)> modes[] = {
      {"half_pixel", [](double x) { return (x + 0.5) / 1.6 - 0.5; }},
      {"pytorch_half_pixel", [](double x) { return (x + 0.5) / 1.6 - 0.5; }},
      {"align_corners", [](double x) { return x * 4 / 7; }},
      {"asymmetric", [](double x) { return x / 1.6; }}};
  for (int64_t opset : {11, 13, 18, 19})
    for (const auto& [mode, place] : modes)
      for (float a : {-0.75f, -0.5f})
        for (int exclude : {0, 1}) {
          std::vector<float> expected;
          for (int x = 0; x < 8; ++x)
            expected.push_back(static_cast<float>(cubic_at(row, place(x), double{a}, exclude)));
          TestModel m(opset);
          std::vector<Attr> attrs = {attr("mode", "cubic"), attr("coordinate_transformation_mode", mode),
                                     attr("exclude_outside", exclude)};
          if (a != -0.75f) attrs.push_back(attr("cubic_coeff_a", a));
          expect_near(
              folded(m, m.op("Resize", {m.floats({1, 1, 1, 5}, row), "", m.floats({4}, {1, 1, 1, 1.6f})}, attrs)),
              expected, mode);
        }
  TestModel ten(10);
  ten.output(ten.op("Resize", {ten.input("x", {1, 2, 4, 4}), ten.floats({4}, {1, 1, 2, 2})}, {attr("mode", "cubic")}));
  EXPECT_NE(error_of(ten).find("mode 'cubic' is not supported"), std::string::npos) << error_of(ten);
}

TEST(Ops, SineAndCosine) {
  for (const auto& [name, f] : {std::pair<const char*, double (*)(double)>{"Sin", [](double x) { return std::sin(x); }},
                                {"Cos", [](double x) { return std::cos(x); }}}) {
    const std::vector<float> x = {0, -1, 2.5f, 100, 1e-4f};
    std::vector<float> expected;
    for (float v : x) expected.push_back(static_cast<float>(f(double{v})));
    TestModel m;
    expect_near(folded(m, m.op(name, {m.floats({5}, x)})), expected, name);
  }
}

TEST(Ops, ResizeOfChannelsIsRefused) {
  TestModel m;
  m.output(m.op("Resize", {m.input("x", {1, 2, 4, 4}), "", m.floats({4}, {1, 2, 1, 1})}));
  EXPECT_NE(error_of(m).find("resizes batch or channels"), std::string::npos);
}

TEST(Ops, ClipByAttributesAndOperands) {
  TestModel old(6 + 1), now(12);
  expect_near(folded(old, old.op("Clip", {old.floats({3}, {-5, 0.5f, 9})}, {attr("min", 0.0f), attr("max", 6.0f)})),
              {0, 0.5f, 6}, "attributes");
  expect_near(folded(now, now.op("Clip", {now.floats({3}, {-5, 0.5f, 9}), "", now.floats({}, {6})})), {-5, 0.5f, 6},
              "max alone");
}

TEST(Ops, AutoPad) {
  for (auto [mode, top, bottom] : {std::tuple{"SAME_UPPER", 0, 1}, {"SAME_LOWER", 1, 0}}) {
    TestModel m;
    m.output(m.op("Conv", {m.input("x", {1, 3, 8, 8}), m.random({4, 3, 3, 3})},
                  {attr("auto_pad", mode), attr("strides", {2, 2})}));
    const Graph g = converted(m);
    EXPECT_EQ(first<schema::Conv2dT>(g).pad_top, top);
    EXPECT_EQ(first<schema::Conv2dT>(g).pad_bottom, bottom);
    EXPECT_EQ(tensor(g, g.outputs[0]).shape, (Shape{1, 4, 4, 4}));
  }
}

// y[i * stride + k - pad] += x[i] * w[k]
std::vector<float> transposed_conv(const std::vector<float>& x, int in, const std::vector<float>& w, int kernel,
                                   int stride, int pad, int out) {
  std::vector<float> y(static_cast<size_t>(out * out), 0);
  for (int i = 0; i < in * in; ++i)
    for (int k = 0; k < kernel * kernel; ++k) {
      const int row = i / in * stride + k / kernel - pad, column = i % in * stride + k % kernel - pad;
      if (row >= 0 && row < out && column >= 0 && column < out)
        y[static_cast<size_t>(row * out + column)] += x[static_cast<size_t>(i)] * w[static_cast<size_t>(k)];
    }
  return y;
}

// Two channels of four, against sums done by hand.
TEST(Ops, ConvOverOneDimension) {
  const std::vector<float> x = {1, 2, 3, 4, 0, 1, 0, 1}, w = {1, 0, -1, 2, 1, 0};
  const std::vector<int64_t> two = {2};
  const std::pair<std::vector<Attr>, std::vector<float>> cases[] = {
      {{attr("pads", {1, 1})}, {-2, -1, 0, 4}},
      {{attr("pads", {0, 1}), attr("strides", two)}, {-1, 4}},
      {{attr("auto_pad", "SAME_UPPER"), attr("kernel_shape", std::vector<int64_t>{3}), attr("strides", two)}, {-1, 4}}};
  for (const auto& [attributes, expected] : cases) {
    TestModel m;
    expect_near(folded(m, m.op("Conv", {m.floats({1, 2, 4}, x), m.floats({1, 2, 3}, w)}, attributes)), expected,
                "Conv");
  }
  TestModel m;
  m.output(m.op("Conv", {m.input("x", {-1, 2, -1}), m.floats({1, 2, 3}, w)}));
  const auto g = import(m);
  ASSERT_TRUE(g) << g.error().text;
  EXPECT_EQ(g->tensors[static_cast<size_t>(g->outputs[0])].shape, (Shape{-1, 1, -1}));
  TestModel wrong;
  wrong.output(wrong.op("Conv", {wrong.input("x", {1, 2, 4}), wrong.floats({1, 2, 3}, w)}, {attr("strides", {1, 1})}));
  EXPECT_NE(error_of(wrong).find("strides"), std::string::npos) << error_of(wrong);
}

TEST(Ops, ConvTranspose) {
  for (auto [kernel, stride, pad, extra] :
       {std::tuple{2, 2, 0, 0}, {3, 2, 1, 1}, {4, 2, 1, 0}, {3, 1, 1, 0}, {2, 3, 0, 2}, {5, 3, 2, 1}}) {
    const int in = 4, out = (in - 1) * stride + kernel + extra - 2 * pad;
    std::vector<float> x(16), w(static_cast<size_t>(kernel * kernel));
    std::iota(x.begin(), x.end(), -3.0f);
    std::iota(w.begin(), w.end(), 1.0f);
    TestModel m;
    const std::string y = m.op("ConvTranspose", {m.floats({1, 1, in, in}, x), m.floats({1, 1, kernel, kernel}, w)},
                               {attr("strides", {stride, stride}), attr("pads", {pad, pad, pad, pad}),
                                attr("output_padding", {extra, extra})});
    expect_near(folded(m, y), transposed_conv(x, in, w, kernel, stride, pad, out),
                "kernel " + std::to_string(kernel) + " stride " + std::to_string(stride));
  }
}

TEST(Ops, ConvTransposeGroupsAndDynamicSizes) {
  TestModel m;
  m.output(m.op("ConvTranspose", {m.input("x", {1, 4, -1, -1}), m.random({4, 3, 2, 2}), m.random({6})},
                {attr("strides", {2, 2}), attr("group", 2)}));
  EXPECT_EQ(run(converted(m, {{1, 4, 3, 5}}), {{1, 4, 3, 5}}).size(), 6u * 6 * 10);
}

TEST(Ops, GemmForms) {
  TestModel m;
  const std::string y = m.op("Gemm", {m.floats({2, 1}, {1, 2}), m.floats({1, 2}, {3, 4}), m.floats({1}, {10})},
                             {attr("transA", 1), attr("transB", 1), attr("alpha", 2.0f), attr("beta", 0.5f)});
  expect_near(folded(m, y), {27}, "alpha, beta, both transposed");
}

TEST(Ops, DepthToSpaceAndBack) {
  for (const char* mode : {"DCR", "CRD"}) {
    TestModel m;
    const std::string y = m.op("DepthToSpace", {m.floats({1, 8, 1, 1}, {0, 1, 2, 3, 4, 5, 6, 7})},
                               {attr("blocksize", 2), attr("mode", mode)});
    const std::vector<float> dcr = {0, 2, 4, 6, 1, 3, 5, 7}, crd = {0, 1, 2, 3, 4, 5, 6, 7};
    expect_near(folded(m, y), std::string(mode) == "DCR" ? dcr : crd, mode);
  }
}

TEST(Ops, AveragePoolInCeilModeNeverCountsWhatIsBeyondThePadding) {
  for (int include : {0, 1}) {
    TestModel m;
    auto pool = [&](const std::vector<float>& values, int stride, int before, int after) {
      return m.op("AveragePool", {m.floats({1, 1, 1, static_cast<int64_t>(values.size())}, values)},
                  {attr("kernel_shape", {1, 3}), attr("strides", {1, stride}), attr("pads", {0, before, 0, after}),
                   attr("ceil_mode", 1), attr("count_include_pad", include)});
    };
    const std::string both = m.op("Concat", {pool({2, 4, 6, 8}, 3, 1, 0), pool({2, 4, 6}, 2, 0, 1)}, {attr("axis", 3)});
    expect_near(folded(m, both), include ? std::vector<float>{2, 7, 4, 3} : std::vector<float>{3, 7, 4, 6}, "averages");
  }
}

TEST(Ops, ConstantsOfAllKinds) {
  TestModel m;
  const std::string shape = m.op("Constant", {}, {attr("value_ints", {1, 2})});
  const std::string zeros = m.op("ConstantOfShape", {shape});
  const std::string tiled =
      m.op("Tile", {m.op("Add", {zeros, m.op("Constant", {}, {attr("value_float", 3.0f)})}), m.ints({2, 2})});
  expect_near(folded(m, tiled), std::vector<float>(8, 3), "constants");
}

TEST(Ops, TileByComputedRepeats) {
  TestModel m;
  const std::string x = m.input("x", {-1, 2}), y = m.input("y", {-1, 3});
  const std::string rows = m.op("Slice", {m.op("Shape", {y}), m.ints({0}), m.ints({1})});
  m.output(m.op("Tile", {x, m.op("Concat", {rows, m.ints({2})}, {attr("axis", 0)})}));
  const std::vector<Shape> sizes = {{2, 2}, {3, 3}};
  const std::vector<float> tiled = run(converted(m, sizes), sizes);
  ASSERT_EQ(tiled.size(), 24u);
  for (size_t i = 0; i < tiled.size(); ++i) EXPECT_EQ(tiled[i], tiled[i / 4 % 2 * 4 + i % 2]) << i;
  EXPECT_NE(tiled[0], tiled[4]);
}

TEST(Ops, InfinitiesAreNumbers) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  TestModel m;
  const std::string x = m.input("x", {1, 2});
  const std::string padded = m.op("Pad", {x, m.ints({0, 1, 0, 0}), m.floats({}, {-kInfinity})});
  m.output(m.op("Softmax", {m.op("Add", {padded, m.floats({3}, {0, 0, -kInfinity})})}, {attr("axis", 1)}));
  expect_near(run(converted(m)), {0, 1, 0}, "masked");
}

TEST(Ops, InfiniteBiasesStayOutOfWeights) {
  TestModel m;
  const std::string y = m.conv(m.input("x", {1, 2, 3, 3}), 2, 1, 3);
  m.output(
      m.op("Max", {m.op("Add", {y, m.floats({1}, {-std::numeric_limits<float>::infinity()})}), m.floats({1}, {7})}));
  EXPECT_EQ(run(converted(m)), (std::vector<float>{7}));
}

TEST(Ops, PicturesOfBytesAreTakenAsFloats) {
  TestModel m;
  m.output(m.op("Cast", {m.input("x", {1, 2})}, {attr("to", 1)}));
  m.proto.mutable_graph()->mutable_input(0)->mutable_type()->mutable_tensor_type()->set_elem_type(2);
  EXPECT_EQ(run(converted(m)).size(), 2u);
}

TEST(Ops, CastsOfHalfAndDoubleVanish) {
  TestModel m;
  m.output(m.op("Cast", {m.op("Relu", {m.op("Cast", {m.input("x", {4})}, {attr("to", 10)})})}, {attr("to", 11)}));
  EXPECT_EQ(converted(m).nodes.size(), 1u);
}

TEST(Ops, VariadicOps) {
  TestModel m;
  std::vector<std::string> xs = {m.floats({2}, {1, 8}), m.floats({2}, {2, 2}), m.floats({}, {6})};
  const std::string both =
      m.op("Concat", {m.op("Sum", xs), m.op("Mean", xs), m.op("Max", xs), m.op("Min", xs)}, {attr("axis", 0)});
  expect_near(folded(m, both), {9, 16, 3, 16.0f / 3, 6, 8, 1, 2}, "Sum, Mean, Max, Min");
}

TEST(Ops, DeformConv) {
  // Taps of one: 0 1 3 4, 1 2 4 5 and so on; the first moves down by a half, another to the left by a tenth.
  for (int64_t opset : {19, 22})
    for (bool mask : {false, true}) {
      TestModel m(opset);
      std::vector<float> offsets(32, 0);
      offsets[0] = 0.5f, offsets[5 * 4 + 1] = -0.1f;
      std::vector<std::string> operands = {m.floats({1, 1, 3, 3}, {0, 1, 2, 3, 4, 5, 6, 7, 8}),
                                           m.floats({1, 1, 2, 2}, {1, 1, 1, 1}), m.floats({1, 8, 2, 2}, offsets)};
      if (mask)
        operands.insert(operands.end(), {m.floats({1}, {1}), m.floats({1, 4, 2, 2}, std::vector<float>(16, 2))});
      std::vector<float> expected = {9.5f, 11.9f, 20, 24};
      if (mask)
        for (float& v : expected) v = 2 * v + 1;
      expect_near(folded(m, m.op("DeformConv", operands, {attr("kernel_shape", {2, 2})})), expected, "deform");
    }
  TestModel computed(19);
  computed.output(computed.op("DeformConv", {computed.input("x", {1, 1, 3, 3}), computed.input("w", {1, 1, 2, 2}),
                                             computed.input("o", {1, 8, 2, 2})}));
  EXPECT_NE(error_of(computed).find("weights must be constant"), std::string::npos) << error_of(computed);
}

TEST(Ops, DeformConvKeepsItsLayout) {
  TestModel m(19);
  const std::string x = m.conv(m.input("x", {1, 3, 6, 8}), 3, 4, 1);
  const std::string y = m.op("DeformConv", {x, m.random({6, 4, 3, 3}), m.conv(x, 4, 18, 3, 1), m.random({6})},
                             {attr("pads", {1, 1, 1, 1})});
  m.output(m.conv(y, 6, 2, 1));
  const Graph g = converted(m);
  EXPECT_EQ(count(g, schema::Op::DeformConv2d), 1);
  EXPECT_EQ(count(g, schema::Op::Transpose), 2) << dump(g);  // of the input and the output
}

TEST(Ops, SumsOfExponentials) {
  const std::vector<float> x = {0, 0, 1000, 1000, -1000, -1000};
  const float two = std::log(2.0f);
  for (int keep : {0, 1}) {
    TestModel m(18);
    const std::string y = m.op("ReduceLogSumExp", {m.floats({3, 2}, x), m.ints({1})}, {attr("keepdims", keep)});
    expect_near(folded(m, y), {two, 1000 + two, -1000 + two}, "ReduceLogSumExp");
  }
  TestModel all, log;
  expect_near(folded(all, all.op("ReduceLogSumExp", {all.floats({2}, {0, 0})})), {two}, "over all");
  expect_near(
      folded(log, log.op("ReduceLogSum", {log.floats({2, 2}, {1, 3, 2, 6})}, {attr("axes", std::vector<int64_t>{-1})})),
      {std::log(4.0f), std::log(8.0f)}, "ReduceLogSum");
}

// What ONNX Runtime writes into models that it has optimised.
TEST(Ops, FusedByOnnxRuntime) {
  const std::vector<float> x = {-2, -1, 0.5f, 3};
  const auto conv = [&](const std::vector<Attr>& attributes, bool add) {
    TestModel m;
    std::vector<std::string> operands = {m.floats({1, 1, 2, 2}, x), m.floats({1, 1, 1, 1}, {2}), m.floats({1}, {1})};
    if (add) operands.push_back(m.floats({1, 1, 2, 2}, {1, 2, 3, 4}));
    return folded(m, m.op("com.microsoft.FusedConv", operands, attributes));
  };
  expect_near(conv({}, false), {-3, -1, 2, 7}, "FusedConv");
  expect_near(conv({attr("activation", "Relu")}, true), {0, 1, 5, 11}, "Relu of a sum");
  expect_near(conv({attr("activation", "LeakyRelu"), float_list("activation_params", {0.5f})}, false),
              {-1.5f, -0.5f, 2, 7}, "LeakyRelu");
  expect_near(conv({attr("activation", "Clip"), float_list("activation_params", {-2, 4})}, false), {-2, -1, 2, 4},
              "Clip");
  TestModel wrong;
  wrong.output(wrong.op("com.microsoft.FusedConv", {wrong.floats({1, 1, 2, 2}, x), wrong.floats({1, 1, 1, 1}, {2})},
                        {attr("activation", "LeakyRelu"), float_list("activation_params", {1, 2})}));
  EXPECT_NE(error_of(wrong).find("activation_params"), std::string::npos) << error_of(wrong);
  const auto gelu = [](float v) { return 0.5f * v * (1 + std::erf(v / std::sqrt(2.0f))); };
  TestModel bias, quick;
  expect_near(folded(bias, bias.op("com.microsoft.BiasGelu", {bias.floats({2, 2}, x), bias.floats({2}, {1, 2})})),
              {gelu(-1), gelu(1), gelu(1.5f), gelu(5)}, "BiasGelu");
  const auto swish = [](float v, float alpha) { return v / (1 + std::exp(-alpha * v)); };
  expect_near(folded(quick, quick.op("com.microsoft.QuickGelu", {quick.floats({2, 2}, x)})),
              {swish(-2, 1.702f), swish(-1, 1.702f), swish(0.5f, 1.702f), swish(3, 1.702f)}, "QuickGelu");
}

TEST(Ops, CumSum) {
  const std::vector<float> data = {1, 2, 3, 4, 5, 6};
  const std::tuple<int, int, int, std::vector<float>> cases[] = {{1, 0, 0, {1, 3, 6, 4, 9, 15}},
                                                                 {-1, 1, 0, {0, 1, 3, 0, 4, 9}},
                                                                 {1, 0, 1, {6, 5, 3, 15, 11, 6}},
                                                                 {0, 1, 1, {4, 5, 6, 0, 0, 0}}};
  for (int64_t opset : {11, 14})
    for (const auto& [axis, exclusive, reverse, expected] : cases) {
      TestModel m(opset);
      expect_near(folded(m, m.op("CumSum", {m.floats({2, 3}, data), m.ints({axis})},
                                 {attr("exclusive", exclusive), attr("reverse", reverse)})),
                  expected, "CumSum along " + std::to_string(axis));
    }
  TestModel m(14);
  m.output(m.op("CumSum", {m.input("x", {2, 3}), m.input("axis", {1}, 7)}));
  EXPECT_NE(error_of(m).find("the axis"), std::string::npos) << error_of(m);
}

TEST(Ops, SpeltOutActivations) {
  struct Case {
    const char* op;
    std::vector<Attr> attributes;
    double (*value)(double);
  };
  const Case cases[] = {
      {"Softplus", {}, [](double x) { return std::log1p(std::exp(x)); }},
      {"Softsign", {}, [](double x) { return x / (1 + std::fabs(x)); }},
      {"Mish", {}, [](double x) { return x * std::tanh(std::log1p(std::exp(x))); }},
      {"Elu", {attr("alpha", 0.5f)}, [](double x) { return x > 0 ? x : 0.5 * std::expm1(x); }},
      {"Selu", {}, [](double x) { return 1.0507009873554805 * (x > 0 ? x : 1.6732632423543772 * std::expm1(x)); }},
      {"Celu", {attr("alpha", 2.0f)}, [](double x) { return x > 0 ? x : 2 * std::expm1(x / 2); }}};
  const std::vector<float> x = {-20, -3, -0.75f, 0, 0.5f, 2, 20};
  for (const Case& c : cases) {
    TestModel m(18);
    std::vector<float> wanted;
    for (float v : x) wanted.push_back(static_cast<float>(c.value(double{v})));
    expect_near(folded(m, m.op(c.op, {m.floats({7}, x)}, c.attributes)), wanted, c.op);
  }
}

TEST(Ops, ThresholdedRelu) {
  TestModel m, plain;
  expect_near(folded(m, m.op("ThresholdedRelu", {m.floats({4}, {-3, 1.5f, 2, 2.5f})}, {attr("alpha", 2.0f)})),
              {0, 0, 0, 2.5f}, "alpha 2");
  expect_near(folded(plain, plain.op("ThresholdedRelu", {plain.floats({3}, {0.5f, 1, 1.25f})})), {0, 0, 1.25f},
              "alpha 1");
}

}  // namespace
}  // namespace octet::convert
