// The encodings of trained and given quantisation: each becomes the same int8 network.
#include <cmath>
#include <random>

#include "converter/quant/freeze.h"
#include "converter/quant/grid.h"
#include "octet/convert.h"
#include "tests/converter/paddle/rig.h"

namespace octet::convert {
namespace {

constexpr int kOut = 4, kIn = 3;
constexpr float kInputScale = 1.5f;

struct Weights {
  std::vector<int8_t> stored;
  std::vector<float> scale;  // what 127 stands for, by output channel
  std::vector<float> real() const {
    std::vector<float> v;
    for (size_t i = 0; i < stored.size(); ++i)
      v.push_back(stored[i] * (scale[i / (stored.size() / scale.size())] / 127));
    return v;
  }
};

Weights weights() {
  Weights w;
  std::mt19937 random(3);
  for (int c = 0; c < kOut; ++c) {
    w.scale.push_back(0.1f * static_cast<float>(c + 1));
    for (int i = 0; i < kIn * 9; ++i)
      w.stored.push_back(static_cast<int8_t>(i == c ? 127 : static_cast<int>(random() % 255) - 127));
  }
  return w;
}

const std::vector<int64_t> kShape = {kOut, kIn, 3, 3};
using Build = std::string (*)(TestProgram&, const std::string& x);

std::string dygraph(TestProgram& p, const std::string& x) {
  const std::string q = p.op("fake_quantize_dequantize_moving_average_abs_max",
                             {{"X", {x}}, {"InScale", {p.floats({1}, {kInputScale})}}, {"InState", {"left_out"}}},
                             {attr("bit_length", 8)});
  const std::string w =
      p.op("fake_channel_wise_quantize_dequantize_abs_max", {{"X", {p.floats(kShape, weights().real())}}},
           {attr("quant_axis", 0), attr("bit_length", 8)});
  return p.conv(q, w, 1);
}

std::string legacy(TestProgram& p, const std::string& x) {
  const std::string q = p.op("fake_quantize_range_abs_max", {{"X", {x}}, {"InScale", {p.floats({1}, {kInputScale})}}});
  const Weights w = weights();
  const std::string y = p.conv(q, p.floats(kShape, {w.stored.begin(), w.stored.end()}), 1);
  return p.op("fake_channel_wise_dequantize_max_abs",
              {{"X", {y}}, {"Scales", {p.floats({kOut}, w.scale), p.floats({1}, {kInputScale})}}});
}

std::string linear(TestProgram& p, const std::string& x) {
  const std::string scale = p.floats({1}, {kInputScale}), zero = p.floats({1}, {0});
  const std::string q =
      p.op("quantize_linear", {{"X", {x}}, {"Scale", {scale}}, {"ZeroPoint", {zero}}}, {attr("quant_axis", -1)}, "Y");
  const std::string d =
      p.op("dequantize_linear", {{"X", {q}}, {"Scale", {scale}}, {"ZeroPoint", {zero}}}, {attr("quant_axis", -1)}, "Y");
  const Weights w = weights();
  const std::string dw =
      p.op("dequantize_linear", {{"X", {p.int8s(kShape, w.stored)}}, {"Scale", {p.floats({kOut}, w.scale)}}},
           {attr("quant_axis", 0)}, "Y");
  const std::string y = p.conv(d, dw, 1);
  const std::string o = p.op("quantize_linear", {{"X", {y}}, {"Scale", {scale}}}, {flag("only_observer", true)}, "Y");
  return p.op("dequantize_linear", {{"X", {o}}, {"Scale", {scale}}}, {flag("only_observer", true)}, "Y");
}

TestProgram network(Build build, bool residual = false) {
  TestProgram p;
  const std::string x = p.input("x", {1, kIn, 8, 8});
  std::string y = build(p, x);
  y = p.op("batch_norm",
           {{"X", {y}},
            {"Scale", {p.floats({kOut}, {1, -2, 0.5f, 3})}},
            {"Bias", {p.random({kOut})}},
            {"Mean", {p.random({kOut})}},
            {"Variance", {p.floats({kOut}, {1, 2, 3, 4})}}},
           {}, "Y");
  if (residual) y = p.op("elementwise_add", {{"X", {y}}, {"Y", {p.conv(x, p.random({kOut, kIn, 1, 1}))}}});
  p.output(p.op("relu", {{"X", {y}}}));
  return p;
}

std::vector<float> run_model(const TestProgram& p, bool simulate, Precision precision, bool* int8 = nullptr) {
  const TempModel model(p);
  auto bytes = convert_model(model.folder(), {.simulate = simulate});
  if (!bytes) return ADD_FAILURE() << bytes.error().text, std::vector<float>{};
  auto loaded = Model::from_bytes(*bytes, "test");
  if (!loaded) return ADD_FAILURE() << loaded.error().text, std::vector<float>{};
  auto session = Session::create(*loaded, {.precision = precision, .profile = true});
  if (!session) return ADD_FAILURE() << session.error().text, std::vector<float>{};
  if (auto ready = session->prepare(); !ready) return ADD_FAILURE() << ready.error().text, std::vector<float>{};
  const auto in = input_values(session->input(0).f32().size());
  std::copy(in.begin(), in.end(), session->input(0).f32().begin());
  if (auto done = session->run(); !done) return ADD_FAILURE() << done.error().text, std::vector<float>{};
  if (int8)
    for (const StepProfile& s : session->profile())
      *int8 = *int8 || (s.op.find("conv") != std::string::npos && s.precision == Precision::kInt8);
  const auto out = session->output(0).f32();
  return {out.begin(), out.end()};
}

TEST(PaddleQuant, AllEncodingsGiveTheSameInt8Network) {
  const std::vector<float> want = run_model(network(dygraph), true, Precision::kF32);
  ASSERT_FALSE(want.empty());
  for (Build build : {Build(dygraph), Build(legacy), Build(linear)})
    for (bool residual : {false, true}) {
      const TestProgram p = network(build, residual);
      auto graph = import(p);
      ASSERT_TRUE(graph) << graph.error().text;
      ASSERT_TRUE(run_passes(*graph));
      const Frozen frozen = freeze(*graph);
      EXPECT_EQ(frozen.layers, 1);
      EXPECT_EQ(frozen.float_layers.size(), residual ? 1u : 0u);
      EXPECT_LT(frozen.largest_error, 1e-4f);
      const Weights w = weights();
      bool found = false;
      for (const Tensor& t : graph->tensors) {
        if (t.dtype != DType::kS8) continue;
        found = true;
        // From [O][I][kh][kw] to [O][kh][kw][I]; a batch norm of negative scale turns signs.
        for (size_t i = 0; i < w.stored.size(); ++i) {
          const size_t o = i / 27, c = i / 9 % 3, k = i % 9;
          EXPECT_EQ(std::abs(t.values<int8_t>()[(o * 9 + k) * 3 + c]), std::abs(w.stored[i]));
        }
      }
      EXPECT_TRUE(found);
      bool int8 = false;
      const auto simulated = run_model(p, true, Precision::kF32), got = run_model(p, false, Precision::kInt8, &int8);
      EXPECT_TRUE(int8);
      ASSERT_EQ(got.size(), simulated.size());
      for (size_t i = 0; i < got.size(); ++i) EXPECT_NEAR(got[i], simulated[i], 2e-5f * 20);
      for (size_t i = 0; i < want.size() && !residual; ++i) EXPECT_NEAR(simulated[i], want[i], 2e-5f * 20);
    }
}

TEST(PaddleQuant, WeightsAloneStayInt8InTheFile) {
  TestProgram p;
  const std::string x = p.input("x", {1, kIn, 8, 8});
  const Weights w = weights();
  const std::string filter = p.int8s(kShape, w.stored);
  std::vector<float> steps;
  for (float s : w.scale) steps.push_back(s / 127);
  p.output(p.op("conv2d", {{"Input", {x}}, {"Filter", {filter}}},
                {{.name = filter + "_quant_scale", .floats = steps}, attr("paddings", {1, 1})}, "Output"));
  TestProgram plain;
  plain.output(plain.conv(plain.input("x", {1, kIn, 8, 8}), plain.floats(kShape, w.real()), 1));
  auto graph = import(p);
  ASSERT_TRUE(graph) << graph.error().text;
  ASSERT_TRUE(run_passes(*graph));
  const Frozen frozen = freeze(*graph);
  EXPECT_EQ(frozen.weights_only, 1);
  EXPECT_EQ(frozen.layers, 0);
  const auto got = run_model(p, false, Precision::kF32), want = run_model(plain, false, Precision::kF32);
  ASSERT_EQ(got.size(), want.size());
  for (size_t i = 0; i < got.size(); ++i) EXPECT_NEAR(got[i], want[i], 1e-5f);
}

TEST(PaddleQuant, DeadScalesLeaveTheLayerFloat) {
  TestProgram p;
  const std::string x = p.input("x", {1, kIn, 8, 8});
  const std::string q =
      p.op("fake_quantize_dequantize_moving_average_abs_max", {{"X", {x}}, {"InScale", {p.floats({1}, {NAN})}}});
  p.output(p.conv(q, p.floats(kShape, weights().real()), 1));
  auto graph = import(p);
  ASSERT_TRUE(graph) << graph.error().text;
  ASSERT_TRUE(run_passes(*graph));
  EXPECT_EQ(freeze(*graph).layers, 0);
}

// A block with a residual and a pool, whose ranges training saw: as attributes of the ops, or as pairs that only observe.
TestProgram observed_block(bool pairs) {
  TestProgram p;
  const std::string x = p.input("x", {1, kIn, 8, 8}), zero = p.floats({1}, {0});
  const auto seen = [&](const std::string& t, float magnitude) {
    if (!pairs) {
      auto* ops = p.proto.mutable_blocks(0)->mutable_ops();
      auto* a = ops->Mutable(ops->size() - 1)->add_attrs();
      a->set_name("out_threshold"), a->set_type(1), a->set_f(magnitude);
      return t;
    }
    const std::string scale = p.floats({1}, {magnitude});
    const std::string q = p.op("quantize_linear", {{"X", {t}}, {"Scale", {scale}}}, {flag("only_observer", true)}, "Y");
    return p.op("dequantize_linear", {{"X", {q}}, {"Scale", {scale}}}, {flag("only_observer", true)}, "Y");
  };
  const std::string y = seen(dygraph(p, x), 6.1f);
  const std::string q = p.op("fake_quantize_dequantize_moving_average_abs_max",
                             {{"X", {y}}, {"InScale", {p.floats({1}, {6})}}}, {attr("bit_length", 8)});
  const std::string w = p.op("fake_channel_wise_quantize_dequantize_abs_max", {{"X", {p.random({kOut, kOut, 1, 1})}}},
                             {attr("quant_axis", 0)});
  const std::string z = seen(p.conv(q, w), 8);
  std::string sum = p.op("elementwise_add", {{"X", {y}}, {"Y", {z}}});
  sum = seen(p.op("relu", {{"X", {sum}}}), 10);
  p.output(seen(
      p.op("pool2d", {{"X", {sum}}}, {attr("ksize", {2, 2}), attr("strides", {2, 2}), attr("pooling_type", "avg")}),
      10));
  return p;
}

TEST(PaddleQuant, ObservedRangesLetMoreOpsRunInInt8WhenAsked) {
  for (bool pairs : {false, true}) {
    const TestProgram p = observed_block(pairs);
    const std::vector<float> want = run_model(p, true, Precision::kF32);
    const TempModel file(p);
    std::string log;
    auto bytes = convert_model(file.folder(), {.log = [&](const std::string& line) { log = line; }});
    ASSERT_TRUE(bytes) << bytes.error().text;
    EXPECT_NE(log.find("; 2 more ops have known scales"), std::string::npos) << log;
    auto model = Model::from_bytes(*bytes, "test");
    ASSERT_TRUE(model) << model.error().text;
    struct Case {
      std::vector<std::string> int8_ops;
      size_t others;  // than convolutions, in int8
      float error;
    };
    for (const Case& c : {Case{{}, 0, 2e-5f}, Case{{"conv2d", "elementwise_add"}, 1, 0.1f},
                          Case{{"conv2d", "elementwise_add", "pool2d"}, 2, 0.12f}}) {
      auto session = Session::create(*model, {.precision = Precision::kInt8, .int8_ops = c.int8_ops, .profile = true});
      ASSERT_TRUE(session) << session.error().text;
      ASSERT_TRUE(session->prepare());
      const auto in = input_values(session->input(0).f32().size());
      std::copy(in.begin(), in.end(), session->input(0).f32().begin());
      ASSERT_TRUE(session->run());
      size_t convs = 0, others = 0;
      for (const StepProfile& s : session->profile())
        if (s.precision == Precision::kInt8) convs += s.op == "conv2d", others += s.op == "add" || s.op == "pool2d";
      EXPECT_EQ(convs, 2u);
      EXPECT_EQ(others, c.others);
      EXPECT_EQ(session->warnings().empty(), c.int8_ops.empty());
      const auto got = session->output(0).f32();
      ASSERT_EQ(got.size(), want.size());
      for (size_t i = 0; i < got.size(); ++i) EXPECT_NEAR(got[i], want[i], c.error) << c.others;
    }
  }
}

TEST(PaddleQuant, SomethingElseThanEightBitsIsRefused) {
  TestProgram p;
  const std::string x = p.input("x", {1, 3});
  p.output(p.op("fake_quantize_dequantize_moving_average_abs_max", {{"X", {x}}, {"InScale", {p.floats({1}, {1})}}},
                {attr("bit_length", 4)}));
  auto graph = import(p);
  ASSERT_FALSE(graph);
  EXPECT_NE(graph.error().text.find("quantises to 4 bits"), std::string::npos);
}

TEST(Grid, RandomWeightsLieOnNone) {
  std::mt19937 random(1);
  std::normal_distribution<float> normal;
  for (int trial = 0; trial < 100; ++trial) {
    std::vector<float> w(9);
    for (float& v : w) v = normal(random);
    EXPECT_FALSE(weights_on_grid(w, 1));
  }
}

TEST(Grid, FindsTheStepThoughTheLargestIsNot127) {
  for (int largest : {127, 126, 100, 64, 3, 1}) {
    std::vector<float> w;
    for (int i = 0; i < 20; ++i) w.push_back(0.013f * static_cast<float>((i * 7919) % (2 * largest + 1) - largest));
    w.push_back(0.013f * static_cast<float>(largest));
    const auto grid = weights_on_grid(w, 1);
    ASSERT_TRUE(grid);
    for (size_t i = 0; i < w.size(); ++i) EXPECT_NEAR(static_cast<float>(grid->values[i]) * grid->step[0], w[i], 1e-6f);
  }
  const auto zero = weights_on_grid(std::vector<float>(4, 0.0f), 2);
  ASSERT_TRUE(zero);
  EXPECT_EQ(zero->step, (std::vector<float>{0, 0}));
}

}  // namespace
}  // namespace octet::convert
