// Models on their way out: what ONNX says of them, read again by our own importer, computes the same; and what an int8
// model's export holds.

#include <cmath>

#include "converter/graph/emit.h"
#include "converter/graph/shapes.h"
#include "converter/load.h"
#include "octet/export.h"
#include "quant_graph.h"
#include "tests/converter/rig.h"

namespace octet::convert {
namespace {

Model loaded(const Graph& g) {
  auto bytes = emit(g);
  if (!bytes) return ADD_FAILURE() << bytes.error().text, Model();
  auto model = Model::from_bytes(*bytes, "test.octet");
  if (!model) return ADD_FAILURE() << model.error().text << "\n" << dump(g), Model();
  return *model;
}

std::string exported(const Model& model, const ExportOptions& options) {
  auto bytes = export_onnx(model, options);
  if (!bytes) return ADD_FAILURE() << bytes.error().text, "";
  return {reinterpret_cast<const char*>(bytes->data()), bytes->size()};
}

onnx::ModelProto parsed(const std::string& bytes) {
  onnx::ModelProto proto;
  EXPECT_TRUE(proto.ParseFromString(bytes));
  return proto;
}

int nodes_of(const onnx::ModelProto& proto, const std::string& op) {
  int n = 0;
  for (const auto& node : proto.graph().node()) n += node.op_type() == op;
  return n;
}

void expect_same_again(const Graph& g, const std::vector<Shape>& sizes, int opset, const std::string& why) {
  const TempFile file(exported(loaded(g), {.opset = opset, .as_float = true}));
  auto again = import_onnx(file.path(), {});
  ASSERT_TRUE(again) << why << ": " << again.error().text;
  auto done = run_passes(*again);
  ASSERT_TRUE(done) << why << ": " << done.error().text;
  const std::vector<float> before = run(g, sizes), after = run(*again, sizes);
  ASSERT_EQ(before.size(), after.size()) << why;
  ASSERT_FALSE(before.empty()) << why;
  for (size_t i = 0; i < before.size(); ++i)
    ASSERT_NEAR(before[i], after[i], 1e-5f * std::max(1.0f, std::fabs(before[i])))
        << why << ", opset " << opset << ", at " << i << "\n"
        << dump(g) << dump(*again);
}

void expect_same_again(const TestModel& m, const std::vector<Shape>& sizes, int opset, const std::string& why) {
  expect_same_again(converted(m, sizes), sizes, opset, why);
}

struct Case {
  const char* why;
  void (*build)(TestModel&);
  std::vector<Shape> sizes = {};
};

std::string image(TestModel& m) { return m.input("x", {1, 6, 8, 10}); }
std::string ints1(TestModel& m, int64_t v) { return m.ints({v}); }
using Ints = std::vector<int64_t>;

void unary(TestModel& m, const char* op) { m.output(m.op(op, {image(m)})); }

const Case kCases[] = {
    {"convolutions: stride, pads, groups, depthwise",
     [](TestModel& m) {
       const std::string a = m.op("Relu", {m.conv(image(m), 6, 8, 3, 1, 2)});
       m.output(m.conv(m.conv(a, 8, 8, 3, 1, 1, 8), 8, 4, 1, 0, 1, 2));
     }},
    {"activations of convolutions",
     [](TestModel& m) {
       std::string x = image(m);
       const std::string c = m.conv(x, 6, 6, 1);
       x = m.op("Mul", {c, m.op("Sigmoid", {c})});
       x = m.op("HardSwish", {m.conv(x, 6, 6, 1)});
       x = m.op("LeakyRelu", {m.conv(x, 6, 6, 1)}, {attr("alpha", 0.2f)});
       x = m.op("Clip", {m.conv(x, 6, 6, 1), m.floats({}, {-0.5f}), m.floats({}, {1.5f})});
       x = m.op("HardSigmoid", {m.conv(x, 6, 6, 1)}, {attr("alpha", 0.3f), attr("beta", 0.4f)});
       m.output(m.op("Tanh", {m.conv(x, 6, 6, 1)}));
     }},
    {"residuals",
     [](TestModel& m) {
       const std::string a = m.conv(image(m), 6, 6, 3, 1), b = m.op("Relu", {m.op("Add", {m.conv(a, 6, 6, 3, 1), a})});
       m.output(m.op("Add", {m.op("Relu", {m.conv(b, 6, 6, 1)}), b}));
     }},
    {"PRelu and BatchNormalization alone",
     [](TestModel& m) {
       const std::string x = m.op("BatchNormalization", {image(m), m.random({6}), m.random({6}), m.random({6}),
                                                         m.floats({6}, std::vector<float>(6, 0.5f))});
       m.output(m.op("PRelu", {x, m.random({6, 1, 1})}));
     }},
    {"layers behind a flattening",
     [](TestModel& m) {
       const std::string x = m.op("Flatten", {m.conv(image(m), 6, 2, 1)});
       const std::string y = m.op("Gemm", {x, m.random({5, 160}), m.random({5})}, {attr("transB", 1)});
       m.output(m.op("MatMul", {m.op("Relu", {y}), m.random({5, 3})}));
     }},
    {"a product of activations",
     [](TestModel& m) {
       const std::string x = m.op("Reshape", {m.conv(image(m), 6, 4, 1), m.ints({1, 4, 80})});
       m.output(m.op("MatMul", {m.op("Softmax", {m.op("Transpose", {x}, {attr("perm", Ints{0, 2, 1})})}), x}));
     }},
    {"pools",
     [](TestModel& m) {
       const std::string x = m.conv(image(m), 6, 4, 1);
       const std::vector<Attr> window = {attr("kernel_shape", Ints{3, 3}), attr("strides", Ints{2, 2}),
                                         attr("pads", Ints{1, 1, 1, 1}), attr("ceil_mode", 1)};
       m.output(m.op("MaxPool", {x}, window));
       m.output(m.op("AveragePool", {x}, window));
       m.output(m.op("GlobalAveragePool", {x}));
     }},
    {"resizes by scales and by sizes",
     [](TestModel& m) {
       const std::string x = m.conv(image(m), 6, 4, 1);
       m.output(m.op("Resize", {x, "", m.floats({4}, {1, 1, 2, 2})}));
       m.output(m.op("Resize", {x, "", "", m.ints({1, 4, 5, 7})},
                     {attr("mode", "linear"), attr("coordinate_transformation_mode", "align_corners")}));
       m.output(m.op("Resize", {x, "", m.floats({4}, {1, 1, 1.5f, 2})},
                     {attr("mode", "cubic"), attr("cubic_coeff_a", -0.5f), attr("exclude_outside", 1)}));
     }},
    {"concat, split, pad, slice in channels and pixels",
     [](TestModel& m) {
       const std::string a = m.conv(image(m), 6, 4, 1), b = m.conv("x", 6, 2, 1);
       const auto parts =
           m.ops("Split", {m.op("Concat", {a, b}, {attr("axis", 1)}), m.ints({3, 3})}, 2, {attr("axis", 1)});
       m.output(m.conv(m.op("Pad", {parts[1], m.ints({0, 0, 1, 0, 0, 0, 2, 1}), m.floats({}, {0.5f})}), 3, 2, 3));
       m.output(m.op("Slice", {parts[0], m.ints({6, 1}), m.ints({0, 9}), m.ints({2, 3}), m.ints({-2, 3})}));
     }},
    {"a detector's tail",
     [](TestModel& m) {
       const std::string x = m.op("Reshape", {m.conv(image(m), 6, 10, 1), m.ints({1, 2, 5, 8, 10})});
       const std::string t = m.op("Sigmoid", {m.op("Transpose", {x}, {attr("perm", Ints{0, 1, 3, 4, 2})})});
       m.output(m.op("Reshape", {m.op("Mul", {t, m.random({1, 2, 8, 10, 5})}), m.ints({1, -1, 5})}));
     }},
    {"arithmetic with constants of every rank",
     [](TestModel& m) {
       std::string x = m.conv(image(m), 6, 4, 1);
       x = m.op("Add", {m.op("Sub", {x, m.random({4, 1, 1})}), m.floats({}, {2})});
       x = m.op("Div", {m.op("Mul", {x, m.random({1, 4, 8, 10})}), m.floats({1}, {3})});
       m.output(m.op("Max", {m.op("Min", {x, m.random({10})}), m.op("Pow", {x, m.floats({}, {2})})}));
     }},
    {"functions",
     [](TestModel& m) {
       const std::string x = m.op("Abs", {m.conv(image(m), 6, 4, 1)});
       for (const char* op : {"Exp", "Log", "Sqrt", "Neg", "Floor", "Ceil", "Round", "Erf", "Reciprocal", "Sin", "Cos"})
         m.output(m.op(op, {m.op("Add", {x, m.floats({}, {1.25f})})}));
     }},
    {"reductions that keep and that drop dims",
     [](TestModel& m) {
       const std::string x = m.conv(image(m), 6, 4, 1);
       m.output(m.op("ReduceMean", {x}, {attr("axes", Ints{2, 3}), attr("keepdims", 1)}));
       m.output(m.op("ReduceMax", {x}, {attr("axes", Ints{2}), attr("keepdims", 0)}));
       m.output(m.op("ReduceSum", {x, m.ints({1})}, {attr("keepdims", 1)}));
       m.output(m.op("ReduceMin", {x}, {attr("axes", Ints{-1}), attr("keepdims", 1)}));
     }},
    {"sums up to each element",
     [](TestModel& m) {
       const std::string x = m.conv(image(m), 6, 4, 1);
       m.output(m.op("CumSum", {x, m.ints({1})}, {attr("exclusive", 1)}));
       m.output(m.op("CumSum", {x, m.ints({-1})}, {attr("reverse", 1)}));
     }},
    {"softmax and argmax over channels",
     [](TestModel& m) {
       const std::string x = m.conv(image(m), 6, 4, 1);
       m.output(m.op("Softmax", {x}, {attr("axis", 1)}));
       m.output(m.op("ArgMax", {x}, {attr("axis", 1), attr("keepdims", 0)}));
     }},
    {"gathers, comparisons, choices",
     [](TestModel& m) {
       const std::string x = m.conv(image(m), 6, 4, 1);
       m.output(m.op("Where", {m.op("Greater", {x, m.floats({}, {0})}), x, m.random({4, 1, 1})}));
       m.output(m.op("Gather", {x, m.ints({2, 0})}, {attr("axis", 1)}));
       const std::string indices = m.op("Cast", {m.op("ArgMax", {x}, {attr("axis", 1)})}, {attr("to", 7)});
       m.output(m.op("Cast", {indices}, {attr("to", 1)}));
     }},
    {"the best",
     [](TestModel& m) {
       const std::string x = m.op("Reshape", {m.conv(image(m), 6, 4, 1), m.ints({1, 320})});
       for (const std::string& y : m.ops("TopK", {x, m.ints({5})}, 2)) m.output(y);
     }},
    {"boxes that overlap",
     [](TestModel& m) {
       const std::string x = m.op("Sigmoid", {m.op("Reshape", {m.conv(image(m), 6, 5, 1), m.ints({1, 80, 5})})});
       const std::string boxes = m.op("Slice", {x, ints1(m, 0), ints1(m, 4), ints1(m, 2)});
       const std::string scores = m.op("Transpose", {m.op("Slice", {x, ints1(m, 4), ints1(m, 5), ints1(m, 2)})},
                                       {attr("perm", Ints{0, 2, 1})});
       m.output(m.op("NonMaxSuppression", {boxes, scores, ints1(m, 9), m.floats({1}, {0.5f}), m.floats({1}, {0.1f})},
                     {attr("center_point_box", 1)}));
     }},
    {"sizes that are computed",
     [](TestModel& m) {
       const std::string x = m.conv(m.input("x", {-1, 6, -1, -1}), 6, 4, 1);
       const std::string n = m.op("Gather", {m.op("Shape", {x}), m.ints({0})});
       m.output(m.op("Reshape", {x, m.op("Concat", {n, m.ints({4, -1})}, {attr("axis", 0)})}));
       const std::string hw = m.op("Slice", {m.op("Shape", {m.op("MaxPool", {x}, {attr("kernel_shape", Ints{2, 2})})}),
                                             ints1(m, 2), ints1(m, 4)});
       const std::string nc = m.op("Slice", {m.op("Shape", {x}), ints1(m, 0), ints1(m, 2)});
       m.output(m.op("Resize", {x, "", "", m.op("Concat", {nc, hw}, {attr("axis", 0)})}));
     },
     {{2, 6, 7, 9}}},
    {"places of what is not 0, ranges, expansion",
     [](TestModel& m) {
       const std::string x = m.op("Relu", {m.conv(image(m), 6, 2, 1)});
       m.output(m.op("NonZero", {x}));
       m.output(m.op("Expand",
                     {m.op("ReduceMax", {x}, {attr("axes", Ints{1}), attr("keepdims", 1)}), m.ints({1, 3, 8, 10})}));
     }},
    {"Abs alone", [](TestModel& m) { unary(m, "Abs"); }},
};

// Places in and around the image.
std::string places(TestModel& m) {
  return m.op("Sub", {m.op("Mul", {m.random({1, 4, 5, 2}), m.floats({}, {2.5f})}), m.floats({}, {0.25f})});
}

const Case kTransformerCases[] = {
    {"normalisation",
     [](TestModel& m) {
       const std::string x = m.op("Transpose", {m.conv(image(m), 6, 4, 1)}, {attr("perm", Ints{0, 2, 3, 1})});
       m.output(m.op("LayerNormalization", {x, m.random({4}), m.random({4})}, {attr("epsilon", 0.01f)}));
     }},
    {"GELU of both spellings",
     [](TestModel& m) {
       for (const char* spelling : {"none", "tanh"})
         m.output(m.op("Gelu", {m.conv(image(m), 6, 4, 1)}, {attr("approximate", spelling)}));
     }},
    {"samples of an image",
     [](TestModel& m) {
       const std::string x = m.conv(image(m), 6, 4, 1), at = places(m);
       m.output(m.op("GridSample", {x, at}, {attr("padding_mode", "border"), attr("align_corners", 1)}));
       m.output(m.op("GridSample", {x, at}, {attr("mode", "nearest")}));
     }},
    {"gathers and scatters",
     [](TestModel& m) {
       const std::string x = m.op("Reshape", {m.conv(image(m), 6, 4, 1), m.ints({4, 80})});
       const std::string some = m.op("Reshape", {m.ints({0, 3, 2, 1, 1, 3}), m.ints({2, 3})});
       m.output(m.op("GatherElements", {x, some}, {attr("axis", 1)}));
       m.output(m.op("ScatterElements", {x, some, m.random({2, 3})}, {attr("axis", 0)}));
       m.output(m.op("ScatterND", {x, m.op("Reshape", {m.ints({1, 7, 3, 9}), m.ints({2, 2})}), m.random({2})}));
     }},
};

TEST(Export, TransformersComputeTheSameWhenReadAgain) {
  for (const Case& c : kTransformerCases)
    for (int opset : {16, 17, 18, 20, 21}) {
      TestModel m(20);
      c.build(m);
      expect_same_again(m, c.sizes, opset, c.why);
    }
}

TEST(Export, DeformableConvolutions) {
  TestModel m(20);
  const std::string x = m.conv(image(m), 6, 4, 1), offsets = m.conv(x, 4, 2 * 18, 3, 1),
                    mask = m.conv(x, 4, 2 * 9, 3, 1);
  const std::vector<Attr> window = {attr("pads", Ints{1, 1, 1, 1}), attr("group", 2), attr("offset_group", 2)};
  m.output(m.op("DeformConv", {x, m.random({6, 2, 3, 3}), offsets, m.random({6}), mask}, window));
  m.output(m.op("DeformConv", {x, m.random({6, 2, 3, 3}), offsets}, window));
  for (int opset : {19, 21}) expect_same_again(m, {}, opset, "deformable");
  auto bytes = export_onnx(loaded(converted(m)), {.opset = 18, .as_float = true});
  ASSERT_FALSE(bytes);
  EXPECT_NE(bytes.error().text.find("--opset 19"), std::string::npos) << bytes.error().text;
}

TEST(Export, SamplesNeedAnOpset) {
  TestModel m(20);
  m.output(m.op("GridSample", {image(m), places(m)}));
  auto bytes = export_onnx(loaded(converted(m)), {.opset = 13, .as_float = true});
  ASSERT_FALSE(bytes);
  EXPECT_NE(bytes.error().text.find("--opset 16"), std::string::npos) << bytes.error().text;
}

TEST(Export, BoxesCutIntoBins) {
  for (int64_t opset : {10, 16}) {
    TestModel m(opset);
    const std::string x = image(m), boxes = m.floats({2, 4}, {0, 0, 5, 4, 2, 1, 6, 6});
    for (const char* mode : {"avg", "max"})
      m.output(
          m.op("RoiAlign", {image(m), boxes, m.ints({0, 0})},
               {attr("mode", mode), attr("output_height", 2), attr("output_width", 3), attr("spatial_scale", .5f)}));
    for (int to : {13, 16, 21})
      if (opset < 16 || to >= 16) expect_same_again(m, {}, to, "boxes");
    auto bytes = export_onnx(loaded(converted(m)), {.opset = 13, .as_float = true});
    ASSERT_EQ(static_cast<bool>(bytes), opset < 16);
    EXPECT_TRUE(bytes || bytes.error().text.find("--opset 16") != std::string::npos);
  }
}

TEST(Export, FloatModelsComputeTheSameWhenReadAgain) {
  for (const Case& c : kCases)
    for (int opset : {13, 17, 18}) {
      TestModel m(14);  // HardSwish
      c.build(m);
      expect_same_again(m, c.sizes, opset, c.why);
    }
}

TEST(Export, FewTransposes) {
  TestModel m(14);
  std::string x = m.conv(image(m), 6, 4, 3, 1);
  x = m.op("Concat", {m.op("MaxPool", {x}, {attr("kernel_shape", Ints{1, 1})}), x}, {attr("axis", 1)});
  m.output(m.op("Softmax", {m.op("Add", {m.conv(x, 8, 4, 1), m.random({4, 1, 1})})}, {attr("axis", 1)}));
  EXPECT_EQ(nodes_of(parsed(exported(loaded(converted(m)), {.as_float = true})), "Transpose"), 0);
}

TEST(Export, InputsAndOutputsKeepNamesAndSizes) {
  TestModel m(14);
  const std::string y = m.conv(m.input("pictures", {-1, 3, 8, 8}), 3, 4, 1);
  m.output(y);
  const auto proto = parsed(exported(loaded(converted(m, {{1, 3, 8, 8}})), {.opset = 15, .as_float = true}));
  EXPECT_EQ(proto.opset_import(0).version(), 15);
  EXPECT_EQ(proto.graph().input(0).name(), "pictures");
  EXPECT_EQ(proto.graph().input(0).type().tensor_type().shape().dim(1).dim_value(), 3);
  EXPECT_TRUE(proto.graph().input(0).type().tensor_type().shape().dim(0).has_dim_param());
  EXPECT_EQ(proto.graph().output(0).name(), y);
}

TEST(Export, AnOutputListedTwiceIsOneTensor) {
  TestModel m(14);
  const std::string y = m.conv(image(m), 6, 4, 1);
  m.output(y);
  m.output(y);
  expect_same_again(m, {}, 17, "an output listed twice");
}

TEST(Export, AnOutputThatIsAnInputStaysIt) {
  TestModel m(14);
  const std::string x = image(m);
  m.output(m.conv(x, 6, 4, 1));
  m.output(x);
  expect_same_again(m, {}, 17, "an input as an output");
}

TEST(Export, AnOutputNamedAsAnInputIsRefused) {
  GraphBuilder b;
  const TensorId x = b.input({1, 4, 4});
  const TensorId y = b.make("input", {4, 4});
  b.g.nodes.push_back({.name = "turn",
                       .op = make_op([] {
                         schema::ReshapeT reshape;
                         reshape.shape = {4, 4};
                         return reshape;
                       }()),
                       .inputs = {x},
                       .outputs = {y}});
  const auto bytes = export_onnx(loaded(b.finish(y)), {.as_float = true});
  ASSERT_FALSE(bytes);
  EXPECT_NE(bytes.error().text.find("output 'input' has the name of an input or another output"), std::string::npos)
      << bytes.error().text;
}

TEST(Export, OldOpsetsAndFloatModelsAreRefused) {
  TestModel m(14);
  m.output(m.conv(image(m), 6, 4, 1));
  const Model model = loaded(converted(m));
  const auto refusal = [&](const ExportOptions& options) {
    auto bytes = export_onnx(model, options);
    return bytes ? "" : bytes.error().text;
  };
  EXPECT_NE(refusal({.opset = 12, .as_float = true}).find("--opset 12: from 13"), std::string::npos);
  EXPECT_NE(refusal({.opset = 99, .as_float = true}).find("--opset 99"), std::string::npos);
  EXPECT_NE(refusal({}).find("not quantised; --float"), std::string::npos);
}

TEST(Export, PaddlesOwnOpsAreRefusedByName) {
  GraphBuilder b;
  const TensorId boxes = b.input({1, 4, 4});
  const TensorId scores = b.make("scores", {1, 2, 4});
  b.g.inputs.push_back(scores);
  std::vector<TensorId> kept = {b.make("kept", {-1, 6}), b.make("places", {-1, 1}), b.make("counts", {1})};
  b.g.tensors[static_cast<size_t>(kept[1])].dtype = b.g.tensors[static_cast<size_t>(kept[2])].dtype = DType::kS32;
  b.g.nodes.push_back(
      {.name = "head", .op = make_op(schema::MatrixNmsT()), .inputs = {boxes, scores}, .outputs = kept});
  auto bytes = export_onnx(loaded(b.finish(kept[0])), {.as_float = true});
  ASSERT_FALSE(bytes);
  for (const char* part : {"matrix_nms 'head'", "--outputs", "'input'"})
    EXPECT_NE(bytes.error().text.find(part), std::string::npos) << bytes.error().text;
}

// conv -> depthwise -> conv, quantised: the middle tensor has a scale for each channel.
Model quantised_chain(schema::ActKind act, const char* per_channel) {
  GraphBuilder b;
  const TensorId x = b.input({1, 8, 8, 4});
  auto source =
      source_of(b.finish(b.conv("last", b.depthwise("dw", b.conv("first", x, 8, act)), 4, schema::ActKind::none)));
  if (!source) return ADD_FAILURE() << source.error().text, Model();
  QuantizeOptions options;
  options.per_channel = per_channel;
  auto made = quantize(*source,
                       {2,
                        [](Session& s, size_t i) -> Result<void> {
                          if (auto ready = s.prepare(); !ready) return ready;
                          std::mt19937 random(static_cast<uint32_t>(i));
                          std::uniform_real_distribution<float> values(-1, 2);
                          for (float& v : s.input(0).f32()) v = values(random);
                          return {};
                        }},
                       options);
  if (!made) return ADD_FAILURE() << made.error().text, Model();
  auto model = Model::from_bytes(made->bytes, "chain.octet");
  if (!model) return ADD_FAILURE() << model.error().text, Model();
  return *model;
}

TEST(Export, ScalesOfChannelsGoIntoTheProducersWeights) {
  const auto proto = parsed(exported(quantised_chain(schema::ActKind::relu, "depthwise"), {}));
  EXPECT_EQ(nodes_of(proto, "Conv"), 3);
  EXPECT_EQ(nodes_of(proto, "Mul"), 0) << "nothing is left to scale";
  EXPECT_EQ(nodes_of(proto, "QuantizeLinear"), 3) << "the input and what lies between the layers";
  EXPECT_EQ(nodes_of(proto, "DequantizeLinear"), 9) << "the same, weights and biases";
  for (const auto& node : proto.graph().node())
    if (node.op_type() == "QuantizeLinear") {
      EXPECT_EQ(node.attribute_size(), 0) << "per tensor: " << node.name();
    }
}

TEST(Export, ZeroPointsOfChannelsStay) {
  const auto proto = parsed(exported(quantised_chain(schema::ActKind::silu, "depthwise"), {}));
  for (const auto& node : proto.graph().node())
    if (node.op_type() == "QuantizeLinear") {
      EXPECT_EQ(node.attribute_size(), 0) << "per tensor: " << node.name();
    }
  EXPECT_EQ(nodes_of(proto, "Add"), 1) << "the zero points are added";
  EXPECT_EQ(nodes_of(proto, "Sub"), 1) << "and taken away";
  EXPECT_EQ(nodes_of(proto, "Mul"), 2) << "SiLU's, and the scales'";
}

TEST(Export, FloatOfAnInt8ModelHasItsWeights) {
  const Model model = quantised_chain(schema::ActKind::silu, "all");
  const TempFile file(exported(model, {.as_float = true}));
  auto again = import_onnx(file.path(), {});
  ASSERT_TRUE(again) << again.error().text;
  auto session = Session::create(model, {.precision = Precision::kF32});
  ASSERT_TRUE(session) << session.error().text;
  uint32_t seed = 7;  // the rig's values
  for (float& v : session->input(0).f32()) {
    seed = seed * 1664525 + 1013904223;
    v = static_cast<float>(seed >> 8) / (1 << 22) - 2;
  }
  ASSERT_TRUE(session->run());
  const auto before = session->output(0).f32();
  const std::vector<float> after = run(*again);
  ASSERT_EQ(before.size(), after.size());
  for (size_t i = 0; i < before.size(); ++i)
    ASSERT_NEAR(before[i], after[i], 1e-5f * std::max(1.0f, std::fabs(before[i]))) << i;
}

// As PP-LiteSeg pools pictures whose sizes its bins do not divide.
TEST(Export, AdaptiveAveragesOfUnequalWindows) {
  TestModel m;
  m.output(m.op("AveragePool", {image(m)}, {attr("kernel_shape", Ints{2, 2})}));
  Graph g = converted(m);
  for (Node& n : g.nodes)
    if (as<schema::Pool2dT>(n))
      n.op = make_op(schema::Pool2dT{.kind = schema::PoolKind::average,
                                     .kernel_h = 3,
                                     .kernel_w = 4,
                                     .stride_h = 1,
                                     .stride_w = 1,
                                     .adaptive = true});
  ASSERT_TRUE(infer_all(g));
  ASSERT_EQ(tensor(g, g.outputs[0]).shape, (Shape{1, 6, 3, 4}));
  expect_same_again(g, {}, 13, "8 x 10 to 3 x 4");
}

}  // namespace
}  // namespace octet::convert
