// Paddle's ops with their own attributes, against numbers worked out here. Inputs hold input_values(), in [-2, 2).
#include <cmath>

#include "tests/converter/paddle/rig.h"

namespace octet::convert {
namespace {

using Values = std::vector<float>;

void expect_near(const Values& got, const Values& want, const std::string& what) {
  ASSERT_EQ(got.size(), want.size()) << what;
  for (size_t i = 0; i < got.size(); ++i)
    ASSERT_NEAR(got[i], want[i], 1e-5 + 1e-5 * std::fabs(want[i])) << what << " at " << i;
}

// One op on an input x of that shape.
Values one(const std::string& type, const std::vector<int64_t>& dims, const std::vector<Attr>& attrs = {},
           const std::string& x = "X", const std::string& output = "Out", int64_t version = 2004000) {
  TestProgram p(version);
  p.output(p.op(type, {{x, {p.input("x", dims)}}}, attrs, output));
  return results(p);
}

Values mapped(size_t count, double (*f)(double)) {
  Values v = input_values(count);
  for (float& x : v) x = static_cast<float>(f(x));
  return v;
}

TEST(PaddleOps, Activations) {
  struct Case {
    const char* type;
    std::vector<Attr> attrs;
    double (*f)(double);
  };
  const Case cases[] = {
      {"relu", {}, [](double x) { return std::max(x, 0.0); }},
      {"relu6", {attr("threshold", 1.0f)}, [](double x) { return std::clamp(x, 0.0, 1.0); }},
      {"leaky_relu", {}, [](double x) { return x < 0 ? 0.02 * x : x; }},
      {"leaky_relu", {attr("alpha", 0.1f)}, [](double x) { return x < 0 ? 0.1 * x : x; }},
      {"swish", {}, [](double x) { return x / (1 + std::exp(-x)); }},
      {"swish", {attr("beta", 2.0f)}, [](double x) { return x / (1 + std::exp(-2 * x)); }},
      {"hard_sigmoid", {}, [](double x) { return std::clamp(0.2 * x + 0.5, 0.0, 1.0); }},
      {"hard_sigmoid",
       {attr("slope", 0.5f), attr("offset", 0.25f)},
       [](double x) { return std::clamp(0.5 * x + 0.25, 0.0, 1.0); }},
      {"hard_swish", {}, [](double x) { return x * std::clamp(x + 3, 0.0, 6.0) / 6; }},
      {"hard_swish",
       {attr("threshold", 2.0f), attr("scale", 4.0f), attr("offset", 1.0f)},
       [](double x) { return x * std::clamp(x + 1, 0.0, 2.0) / 4; }},
      {"gelu", {}, [](double x) { return 0.5 * x * (1 + std::erf(x / std::sqrt(2.0))); }},
      {"gelu",
       {flag("approximate", true)},
       [](double x) { return 0.5 * x * (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x))); }},
      {"mish", {}, [](double x) { return x * std::tanh(std::log1p(std::exp(x))); }},
      {"softplus", {attr("beta", 2.0f)}, [](double x) { return std::log1p(std::exp(2 * x)) / 2; }},
      {"elu", {attr("alpha", 0.5f)}, [](double x) { return x < 0 ? 0.5 * std::expm1(x) : x; }},
      {"round", {}, [](double x) { return std::round(x); }},
      {"square", {}, [](double x) { return x * x; }},
      {"pow", {attr("factor", 2.0f)}, [](double x) { return x * x; }},
      {"clip", {attr("min", -0.5f), attr("max", 0.25f)}, [](double x) { return std::clamp(x, -0.5, 0.25); }},
      {"scale", {attr("scale", 3.0f), attr("bias", 1.0f)}, [](double x) { return 3 * x + 1; }},
      {"scale",
       {attr("scale", 3.0f), attr("bias", 1.0f), flag("bias_after_scale", false)},
       [](double x) { return 3 * (x + 1); }},
      {"dropout", {attr("dropout_prob", 0.25f)}, [](double x) { return 0.75 * x; }},
      {"dropout",
       {attr("dropout_prob", 0.25f), attr("dropout_implementation", "upscale_in_train")},
       [](double x) { return x; }},
  };
  for (const Case& c : cases) expect_near(one(c.type, {4, 50}, c.attrs), mapped(200, c.f), c.type);
}

TEST(PaddleOps, ElementwiseAlignsTheShorterOperandAtTheAxis) {
  const Values x = input_values(24);
  for (bool swapped : {false, true})
    for (const auto& [axis, dims] :
         {std::pair<int, std::vector<int64_t>>{1, {3}}, {-1, {4}}, {0, {2}}, {0, {2, 3}}, {1, {3, 1}}, {2, {4, 1}}}) {
      TestProgram p;
      const std::string in = p.input("x", {2, 3, 4});
      int64_t count = 1;
      for (int64_t d : dims) count *= d;
      Values y;
      for (int64_t i = 0; i < count; ++i) y.push_back(static_cast<float>(i + 1));
      const std::string c = p.floats(dims, y);
      p.output(p.op("elementwise_sub", {{"X", {swapped ? c : in}}, {"Y", {swapped ? in : c}}}, {attr("axis", axis)}));
      Values want;
      for (size_t i = 0; i < 24; ++i) {
        const size_t n = i / 12, h = i / 4 % 3, w = i % 4;
        const size_t at = axis == -1 || axis == 2 ? w : axis == 1 ? h : dims.size() == 1 ? n : n * 3 + h;
        want.push_back(swapped ? y[at] - x[i] : x[i] - y[at]);
      }
      expect_near(results(p), want, "axis " + std::to_string(axis));
    }
}

// x [1, 1, h, w] pooled.
TEST(PaddleOps, AdaptivePoolsHaveBinsOfUnequalSizes) {
  for (const char* kind : {"avg", "max"})
    for (const auto& [h, w, oh, ow] : {std::array<int, 4>{7, 5, 3, 2}, {8, 6, 4, 3}, {4, 4, 1, 1}, {2, 3, 4, 5}}) {
      const Values x = input_values(static_cast<size_t>(h * w));
      Values want;
      for (int i = 0; i < oh; ++i)
        for (int j = 0; j < ow; ++j) {
          double sum = 0, top = -1e9;
          const int y0 = i * h / oh, y1 = ((i + 1) * h + oh - 1) / oh, x0 = j * w / ow,
                    x1 = ((j + 1) * w + ow - 1) / ow;
          for (int y = y0; y < y1; ++y)
            for (int k = x0; k < x1; ++k) {
              const double v = x[static_cast<size_t>(y * w + k)];
              sum += v, top = std::max(top, v);
            }
          want.push_back(static_cast<float>(*kind == 'm' ? top : sum / ((y1 - y0) * (x1 - x0))));
        }
      expect_near(
          one("pool2d", {1, 1, h, w}, {attr("ksize", {oh, ow}), flag("adaptive", true), attr("pooling_type", kind)}),
          want, kind);
      TestProgram p;  // the same with sizes that are not known
      p.output(p.op("pool2d", {{"X", {p.input("x", {1, 1, -1, -1})}}},
                    {attr("ksize", {oh, ow}), flag("adaptive", true), attr("pooling_type", kind)}));
      expect_near(results(p, {{1, 1, h, w}}), want, kind);
    }
}

TEST(PaddleOps, PoolsCountThePaddingUnlessExclusive) {
  const Values x = input_values(16);
  for (bool exclusive : {true, false}) {
    Values want;
    for (int i = 0; i < 2; ++i)
      for (int j = 0; j < 2; ++j) {
        double sum = 0;
        int inside = 0;
        for (int y = i * 2 - 1; y < i * 2 + 2; ++y)
          for (int k = j * 2 - 1; k < j * 2 + 2; ++k)
            if (y >= 0 && y < 4 && k >= 0 && k < 4) sum += x[static_cast<size_t>(y * 4 + k)], ++inside;
        want.push_back(static_cast<float>(sum / (exclusive ? inside : 9)));
      }
    expect_near(one("pool2d", {1, 1, 4, 4},
                    {attr("ksize", {3, 3}), attr("strides", {2, 2}), attr("paddings", {1, 1}),
                     attr("pooling_type", "avg"), flag("exclusive", exclusive)}),
                want, "exclusive");
  }
}

float sample(const Values& x, int size, double at) {
  const int a = std::min(static_cast<int>(at), size - 1), b = std::min(a + 1, size - 1);
  return static_cast<float>(x[static_cast<size_t>(a)] +
                            (x[static_cast<size_t>(b)] - x[static_cast<size_t>(a)]) * (at - a));
}

// Along w only: [1, 1, 1, 5] to 5 -> 8 and others.
TEST(PaddleOps, InterpolationModes) {
  const Values x = input_values(5);
  for (const char* type : {"bilinear_interp_v2", "nearest_interp_v2"})
    for (bool corners : {false, true})
      for (int mode : {0, 1})
        for (int out : {1, 8, 13}) {
          const bool nearest = *type == 'n';
          const double ratio = out <= 1 ? 0 : corners ? 4.0 / (out - 1) : 5.0 / out;
          Values want;
          for (int i = 0; i < out; ++i) {
            if (nearest)
              want.push_back(x[static_cast<size_t>(std::min(4, static_cast<int>(ratio * i + (corners ? 0.5 : 0))))]);
            else
              want.push_back(sample(x, 5, corners || mode ? ratio * i : std::max(ratio * (i + 0.5) - 0.5, 0.0)));
          }
          const std::string what =
              std::string(type) + (corners ? " corners " : " ") + std::to_string(mode) + " to " + std::to_string(out);
          expect_near(
              one(type, {1, 1, 1, 5},
                  {attr("out_h", 1), attr("out_w", out), flag("align_corners", corners), attr("align_mode", mode)}),
              want, what);
        }
}

TEST(PaddleOps, InterpolationSizesFromTheGraph) {
  // As segmenters do: the size of another tensor, sliced out of its shape.
  TestProgram p;
  const std::string x = p.input("x", {1, 2, -1, -1}), other = p.input("other", {1, 1, -1, -1});
  const std::string shape = p.op("shape", {{"Input", {other}}});
  const std::string size = p.op("slice", {{"Input", {shape}}},
                                {attr("axes", std::vector<int64_t>{0}), attr("starts", std::vector<int64_t>{2}),
                                 attr("ends", std::vector<int64_t>{4})});
  p.output(p.op("bilinear_interp_v2", {{"X", {x}}, {"OutSize", {size}}},
                {flag("align_corners", false), attr("align_mode", 0)}));
  EXPECT_EQ(results(p, {{1, 2, 3, 4}, {1, 1, 6, 10}}).size(), 120u);
  EXPECT_EQ(results(p, {{1, 2, 3, 4}, {1, 1, 5, 7}}).size(), 70u);
}

TEST(PaddleOps, SlicesDropDims) {
  const Values x = input_values(24);
  const std::vector<Attr> attrs = {attr("axes", {0, 2}), attr("starts", {1, -3}), attr("ends", {2, 1 << 30}),
                                   attr("decrease_axis", std::vector<int64_t>{0})};
  expect_near(one("slice", {2, 3, 4}, attrs, "Input"), {x[13], x[14], x[15], x[17], x[18], x[19], x[21], x[22], x[23]},
              "slice");
  // One element of a shape is a vector of one before 2.5, a scalar since.
  for (int64_t version : {2004002, 2005000}) {
    TestProgram p(version);
    const std::string shape = p.op("shape", {{"Input", {p.input("x", {2, 7})}}});
    const std::vector<int64_t> zero{0}, one_{1}, two{2};
    const std::string part =
        p.op("slice", {{"Input", {shape}}},
             {attr("axes", zero), attr("starts", one_), attr("ends", two), attr("decrease_axis", zero)});
    p.output(p.op("cast", {{"X", {part}}}, {attr("out_dtype", 5)}));
    auto graph = import(p);
    ASSERT_TRUE(graph) << graph.error().text;
    EXPECT_EQ(tensor(*graph, graph->outputs[0]).shape.rank(), version < 2005000 ? 1 : 0);
  }
}

TEST(PaddleOps, NegativeStridesReachTheFirstElement) {
  const Values x = input_values(5);
  expect_near(one("strided_slice", {5},
                  {attr("axes", std::vector<int64_t>{0}), attr("starts", std::vector<int64_t>{4}),
                   attr("ends", std::vector<int64_t>{-1}), attr("strides", std::vector<int64_t>{-2})},
                  "Input"),
              {x[4], x[2], x[0]}, "strided_slice");
  expect_near(one("flip", {5}, {attr("axis", std::vector<int64_t>{0})}), {x[4], x[3], x[2], x[1], x[0]}, "flip");
}

TEST(PaddleOps, ReshapeBySizesInTensors) {
  TestProgram p;
  const std::string x = p.input("x", {-1, 6});
  const std::string shape = p.op("shape", {{"Input", {x}}});
  const std::vector<int64_t> zero{0}, one_{1};
  const std::string batch =
      p.op("slice", {{"Input", {shape}}},
           {attr("axes", zero), attr("starts", zero), attr("ends", one_), attr("decrease_axis", zero)});
  const std::string three = p.op("fill_constant", {}, {attr("shape", one_), attr("dtype", 2), attr("str_value", "3")});
  const std::string y =
      p.op("reshape2", {{"X", {x}}, {"ShapeTensor", {batch, three, three}}}, {attr("shape", {-1, 3, -1})});
  (void)y;
  TestProgram q = p;
  const std::string two = q.op("fill_constant", {}, {attr("shape", one_), attr("dtype", 2), attr("str_value", "2")});
  q.output(
      q.op("reduce_sum",
           {{"X", {q.op("reshape2", {{"X", {x}}, {"ShapeTensor", {batch, three, two}}}, {attr("shape", {-1, 3, 2})})}}},
           {attr("dim", std::vector<int64_t>{2})}));
  const Values v = input_values(12), got = results(q, {{2, 6}});
  ASSERT_EQ(got.size(), 6u);
  for (size_t i = 0; i < 6; ++i) EXPECT_NEAR(got[i], v[2 * i] + v[2 * i + 1], 1e-5);
}

TEST(PaddleOps, SplitsWithARest) {
  TestProgram p;
  const auto parts =
      p.ops("split", {{"X", {p.input("x", {2, 5})}}}, "Out", 3, {attr("axis", 1), attr("sections", {1, -1, 2})});
  for (const auto& part : parts) p.output(part);
  const Values x = input_values(10);
  expect_near(results(p), {x[0], x[5], x[1], x[2], x[6], x[7], x[3], x[4], x[8], x[9]}, "split");
}

TEST(PaddleOps, MatmulsTransposeAndFlatten) {
  const Values x = input_values(6);
  const Values w = {1, 2, 3, 4, 5, 6};
  auto product = [&](bool tx, bool ty) {
    // x: [2, 3] or [3, 2] turned; w: [3, 2] or [2, 3] turned
    Values out;
    for (size_t i = 0; i < 2; ++i)
      for (size_t j = 0; j < 2; ++j) {
        float sum = 0;
        for (size_t k = 0; k < 3; ++k) sum += x[tx ? k * 2 + i : i * 3 + k] * w[ty ? j * 3 + k : k * 2 + j];
        out.push_back(sum);
      }
    return out;
  };
  for (bool tx : {false, true})
    for (bool ty : {false, true}) {
      TestProgram p;
      const std::string in = p.input("x", tx ? std::vector<int64_t>{3, 2} : std::vector<int64_t>{2, 3});
      const std::string y = p.floats(ty ? std::vector<int64_t>{2, 3} : std::vector<int64_t>{3, 2}, w);
      p.output(p.op("matmul_v2", {{"X", {in}}, {"Y", {y}}}, {flag("trans_x", tx), flag("trans_y", ty)}));
      expect_near(results(p), product(tx, ty), "matmul_v2");
      TestProgram q;
      const std::string in1 = q.input("x", tx ? std::vector<int64_t>{3, 2} : std::vector<int64_t>{2, 3});
      const std::string y1 = q.floats(ty ? std::vector<int64_t>{2, 3} : std::vector<int64_t>{3, 2}, w);
      q.output(q.op("matmul", {{"X", {in1}}, {"Y", {y1}}},
                    {flag("transpose_X", tx), flag("transpose_Y", ty), attr("alpha", 0.5f)}));
      Values half = product(tx, ty);
      for (float& v : half) v /= 2;
      expect_near(results(q), half, "matmul");
    }
  TestProgram p;
  p.output(p.op("mul", {{"X", {p.input("x", {2, 1, 3})}}, {"Y", {p.floats({3, 2}, w)}}}, {attr("x_num_col_dims", 1)}));
  expect_near(results(p), product(false, false), "mul");
}

TEST(PaddleOps, ConvolutionsPadThemselves) {
  // A 1-channel 3x3 kernel of ones with stride 2 on 4x5: SAME pads 0 above, 1 below; 1 to the left, 1 to the right.
  const auto convolution = [](int64_t rows, int64_t columns) {
    TestProgram p;
    const std::string x = p.input("x", {1, 1, rows, columns}), w = p.floats({1, 1, 3, 3}, Values(9, 1));
    p.output(p.op("conv2d", {{"Input", {x}}, {"Filter", {w}}},
                  {attr("strides", {2, 2}), attr("padding_algorithm", "SAME"), attr("paddings", {7, 7})}, "Output"));
    return p;
  };
  const Values v = input_values(20);
  Values want;
  for (int i = 0; i < 2; ++i)
    for (int j = 0; j < 3; ++j) {
      float sum = 0;
      for (int y = i * 2; y < i * 2 + 3; ++y)
        for (int k = j * 2 - 1; k < j * 2 + 2; ++k)
          if (y < 4 && k >= 0 && k < 5) sum += v[static_cast<size_t>(y * 5 + k)];
      want.push_back(sum);
    }
  expect_near(results(convolution(4, 5)), want, "SAME");
  expect_near(results(convolution(-1, -1), {{1, 1, 4, 5}}), want, "SAME of a size that is open");
  TestProgram q;  // [top, bottom, left, right]
  const std::string x1 = q.input("x", {1, 1, 4, 5}), w1 = q.floats({1, 1, 3, 3}, Values(9, 1));
  q.output(q.op("depthwise_conv2d", {{"Input", {x1}}, {"Filter", {w1}}},
                {attr("strides", {2, 2}), attr("paddings", {0, 1, 1, 1})}, "Output"));
  expect_near(results(q), want, "four paddings");
}

TEST(PaddleOps, Normalisations) {
  const Values v = input_values(24);
  auto standardised = [&](size_t group) {
    Values out = v;
    for (size_t begin = 0; begin < 24; begin += group) {
      double mean = 0, square = 0;
      for (size_t i = 0; i < group; ++i) mean += v[begin + i] / static_cast<double>(group);
      for (size_t i = 0; i < group; ++i) square += std::pow(v[begin + i] - mean, 2) / static_cast<double>(group);
      for (size_t i = 0; i < group; ++i)
        out[begin + i] = static_cast<float>((v[begin + i] - mean) / std::sqrt(square + 1e-5));
    }
    return out;
  };
  expect_near(one("layer_norm", {2, 3, 4}, {attr("begin_norm_axis", 2)}, "X", "Y"), standardised(4), "layer_norm");
  expect_near(one("instance_norm", {1, 4, 2, 3}, {}, "X", "Y"), standardised(6), "instance_norm");
  expect_near(one("group_norm", {1, 4, 2, 3}, {attr("groups", 2)}, "X", "Y"), standardised(12), "group_norm");
}

TEST(PaddleOps, SamplesGathersAndScatters) {
  const Values v = input_values(6);
  {
    TestProgram p;  // align_corners is the default: places -1 and 1 are the outer pixels
    const std::string x = p.input("x", {1, 1, 2, 3});
    p.output(p.op("grid_sampler", {{"X", {x}}, {"Grid", {p.floats({1, 1, 2, 2}, {-1, 1, 1, -1})}}}, {}, "Output"));
    expect_near(results(p), {v[3], v[2]}, "grid_sampler");
  }
  auto integers = [](TestProgram& p, const std::vector<int64_t>& dims, const std::vector<float>& values) {
    return p.op("cast", {{"X", {p.floats(dims, values)}}}, {attr("in_dtype", 5), attr("out_dtype", 3)});
  };
  {
    TestProgram p;
    const std::string x = p.input("x", {2, 3});
    p.output(p.op("take_along_axis", {{"Input", {x}}, {"Index", {integers(p, {1, 3}, {1, 0, 1})}}}, {attr("Axis", 0)},
                  "Result"));
    expect_near(results(p), {v[3], v[1], v[5]}, "take_along_axis");
  }
  {
    TestProgram p;
    const std::string x = p.input("x", {2, 3}), index = integers(p, {2, 1}, {2, 0}), value = p.floats({2, 1}, {7, 8});
    p.output(p.op("put_along_axis", {{"Input", {x}}, {"Index", {index}}, {"Value", {value}}},
                  {attr("Axis", 1), attr("Reduce", "add")}, "Result"));
    expect_near(results(p), {v[0], v[1], v[2] + 7, v[3] + 8, v[4], v[5]}, "put_along_axis");
  }
  for (const char* type : {"scatter", "scatter_nd_add"}) {
    TestProgram p;
    const bool add = std::string(type) == "scatter_nd_add";
    const std::string x = p.input("x", {3, 2}), updates = p.floats({1, 2}, {7, 8});
    const std::string index = integers(p, add ? std::vector<int64_t>{1, 1} : std::vector<int64_t>{1}, {1});
    p.output(p.op(type, {{"X", {x}}, {add ? "Index" : "Ids", {index}}, {"Updates", {updates}}}));
    expect_near(results(p), {v[0], v[1], 7 + (add ? v[2] : 0), 8 + (add ? v[3] : 0), v[4], v[5]}, type);
  }
}

TEST(PaddleOps, Pads) {
  // pad3d names the last dim first; pad2d the height.
  EXPECT_EQ(one("pad2d", {1, 1, 2, 2}, {attr("paddings", {1, 0, 0, 2}), attr("pad_value", 5.0f)}).size(), 12u);
  const Values v = one("pad3d", {1, 1, 1, 2, 2}, {attr("paddings", {1, 0, 0, 2, 0, 0}), attr("value", 5.0f)});
  const Values x = input_values(4);
  expect_near(v, {5, x[0], x[1], 5, x[2], x[3], 5, 5, 5, 5, 5, 5}, "pad3d");
}

TEST(PaddleOps, ArgMaxTakesTheFirst) {
  TestProgram p;
  const std::string x = p.input("x", {1, 3, 2});
  const std::string twice = p.op("concat", {{"X", {x, x}}}, {attr("axis", 1)});
  p.output(p.op("arg_max", {{"X", {twice}}}, {attr("axis", 1), attr("dtype", 2), flag("keepdims", false)}));
  const Values v = input_values(6), got = results(p);
  ASSERT_EQ(got.size(), 2u);
  for (size_t c = 0; c < 2; ++c) {
    size_t best = 0;
    for (size_t i = 1; i < 3; ++i)
      if (v[i * 2 + c] > v[best * 2 + c]) best = i;
    EXPECT_EQ(got[c], static_cast<float>(best));
  }
}

}  // namespace
}  // namespace octet::convert
