// What the importer accepts and refuses: files, constants, inputs, outputs.
#include "tests/converter/rig.h"

#include <cmath>

#include "converter/import/onnx/tensor.h"
#include "octet/convert.h"
#include "schema/format.h"

namespace octet::convert {
namespace {

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

TestModel small_model() {
  TestModel m;
  m.output(m.op("Relu", {m.conv(m.input("x", {1, 3, 8, 8}), 3, 4, 3, 1)}));
  return m;
}

TEST(Import, TruncatedFilesAreRefusedOrComplete) {
  const std::string bytes = small_model().proto.SerializeAsString();
  for (size_t n = 0; n < bytes.size(); ++n) {
    const TempFile file(bytes.substr(0, n));
    auto graph = import_onnx(file.path(), {});
    if (graph) continue;  // cut between two fields, what is left may be a model
    EXPECT_TRUE(contains(graph.error().text, file.path())) << graph.error().text;
  }
}

TEST(Import, DamagedBytesNeverCrash) {
  const std::string bytes = small_model().proto.SerializeAsString();
  for (size_t n = 0; n < bytes.size(); n += 3)
    for (int flip : {0x01, 0x80, 0xff}) {
      std::string damaged = bytes;
      damaged[n] = static_cast<char>(damaged[n] ^ flip);
      const TempFile file(damaged);
      auto graph = import_onnx(file.path(), {});
      if (graph) (void)run_passes(*graph);
    }
}

TEST(Import, ErrorsNameFileNodeAndOp) {
  TestModel m;
  m.output(m.op("NoSuchOp", {m.input("x", {1, 3})}));
  const std::string text = error_of(m);
  EXPECT_TRUE(contains(text, "model.onnx: node 'node_NoSuchOp1' (NoSuchOp): this op is not supported")) << text;
}

TEST(Import, BrokenGraphs) {
  struct Case {
    const char* why;
    const char* expected;
    void (*build)(TestModel&);
  };
  const Case cases[] = {
      {"unknown tensor", "is not made by an earlier node", [](TestModel& m) { m.output(m.op("Relu", {"nothing"})); }},
      {"missing input", "needs at least 2 inputs", [](TestModel& m) { m.output(m.op("Add", {m.input("x", {1})})); }},
      {"wrong attribute type", "attribute 'axis' has the wrong type",
       [](TestModel& m) { m.output(m.op("Concat", {m.input("x", {1})}, {attr("axis", 1.0f)})); }},
      {"axis", "axis 4 is out of range",
       [](TestModel& m) {
         m.output(m.op("Softmax", {m.input("x", {1, 2})}, {attr("axis", 4)}));
       }},
      {"channels", "the weights {4, 3, 3, 3} want 3",
       [](TestModel& m) {
         m.output(m.conv(m.input("x", {1, 2, 8, 8}), 3, 4, 3));
       }},
      {"kernel larger than input", "smaller than the window",
       [](TestModel& m) {
         m.output(m.conv(m.input("x", {1, 3, 2, 2}), 3, 4, 3));
       }},
      {"broadcast", "cannot broadcast",
       [](TestModel& m) {
         m.output(m.op("Add", {m.input("x", {2, 3}), m.input("y", {2, 4})}));
       }},
      {"reshape", "cannot reshape",
       [](TestModel& m) {
         m.output(m.op("Reshape", {m.input("x", {2, 3}), m.ints({4, 2})}));
       }},
      {"output", "output 'nothing' is not made",
       [](TestModel& m) {
         m.input("x", {1});
         m.output("nothing");
       }},
      {"stride 0", "strides is 0",
       [](TestModel& m) {
         m.output(m.conv(m.input("x", {1, 3, 8, 8}), 3, 4, 3, 1, 0));
       }},
      {"not finite", "tensor 'c1' holds a value that is not a number",
       [](TestModel& m) {
         m.output(m.op("Add", {m.input("x", {1}), m.floats({1}, {NAN})}));
       }},
      {"size and data", "needs 12",
       [](TestModel& m) {
         m.output(m.op("Add", {m.input("x", {3}), m.floats({3}, {1, 2})}));
       }},
  };
  for (const Case& c : cases) {
    TestModel m;
    c.build(m);
    const std::string text = error_of(m);
    EXPECT_TRUE(contains(text, c.expected)) << c.why << ": " << text;
  }
}

TEST(Import, ElementTypes) {
  struct Case {
    int32_t type;
    std::string raw;
    std::vector<float> expected;
  };
  auto bytes = [](auto... v) {
    std::string s;
    ((s.append(reinterpret_cast<const char*>(&v), sizeof v)), ...);
    return s;
  };
  const Case cases[] = {{1, bytes(1.5f, -2.0f), {1.5f, -2}},
                        {10, bytes(uint16_t{0x3c00}, uint16_t{0xc100}, uint16_t{0x0001}), {1, -2.5f, 5.9604645e-8f}},
                        {11, bytes(0.25, 3.0), {0.25f, 3}},
                        {16, bytes(uint16_t{0x3fc0}), {1.5f}}};
  for (const Case& c : cases) {
    onnx::TensorProto p;
    p.set_data_type(c.type);
    p.add_dims(static_cast<int64_t>(c.expected.size()));
    p.set_raw_data(c.raw);
    SourceFiles none;
    auto t = read_tensor(p, none);
    ASSERT_TRUE(t) << t.error().text;
    EXPECT_EQ(std::vector<float>(t->values<float>().begin(), t->values<float>().end()), c.expected) << c.type;
  }
  onnx::TensorProto half;  // half floats as int32_data
  half.set_data_type(10);
  half.add_dims(1);
  half.add_int32_data(0x3c00);
  SourceFiles none;
  EXPECT_EQ(read_tensor(half, none)->values<float>()[0], 1.0f);
}

TEST(Import, ExternalDataStaysBelowTheModel) {
  const TempFile file(std::string(16, '\0'), "weights.bin");
  const TempFile other(std::string(16, '\0'), "secret.bin");
  auto read = [&](const std::string& location, const std::string& offset) {
    onnx::TensorProto p;
    p.set_data_type(1);
    p.add_dims(2);
    p.set_data_location(1);
    for (auto [k, v] : {std::pair<std::string, std::string>{"location", location}, {"offset", offset}}) {
      auto* e = p.add_external_data();
      e->set_key(k);
      e->set_value(v);
    }
    SourceFiles files{.folder = file.folder};
    auto t = read_tensor(p, files);
    return t ? std::string("read") : t.error().text;
  };
  EXPECT_EQ(read("weights.bin", "8"), "read");
  EXPECT_TRUE(contains(read("weights.bin", "12"), "does not hold"));
  EXPECT_TRUE(contains(read("weights.bin", "x"), "bad offset"));
  EXPECT_TRUE(contains(read("missing.bin", "0"), "cannot read"));
  for (const std::string& escape :
       {"../" + other.folder.filename().string() + "/secret.bin", other.path(), std::string(), std::string("..")})
    EXPECT_TRUE(contains(read(escape, "0"), "is not a file below")) << escape;
  std::filesystem::create_symlink(other.path(), file.folder / "link.bin");
  EXPECT_TRUE(contains(read("link.bin", "0"), "is not a file below"));
}

TEST(Import, OldFilesListConstantsAsInputs) {
  TestModel m = small_model();
  for (const auto& t : m.proto.graph().initializer()) m.proto.mutable_graph()->add_input()->set_name(t.name());
  auto g = import(m);
  ASSERT_TRUE(g) << g.error().text;
  EXPECT_EQ(g->inputs.size(), 1u);
}

TEST(Import, OutputsKeepNamesAndLayout) {
  TestModel m;
  const std::string x = m.input("x", {1, 3, 8, 8}), y = m.op("Relu", {m.conv(x, 3, 4, 3, 1)});
  m.output(y);
  m.output(m.op("Identity", {y}));
  m.output(m.op("Identity", {x}));
  const Graph g = converted(m);
  ASSERT_EQ(g.outputs.size(), 3u);
  EXPECT_EQ(tensor(g, g.outputs[0]).name, y);
  EXPECT_EQ(tensor(g, g.outputs[0]).shape, (Shape{1, 4, 8, 8}));
  EXPECT_EQ(tensor(g, g.outputs[2]).shape, (Shape{1, 3, 8, 8}));
}

TEST(Import, OutputsCanBeCut) {
  TestModel m;
  const std::string y = m.conv(m.input("x", {1, 3, 8, 8}), 3, 4, 3, 1);
  m.output(m.op("NonMaxSuppression", {y}));
  EXPECT_TRUE(contains(error_of(m), "NonMaxSuppression"));
  EXPECT_EQ(error_of(m, {.outputs = {y}, .input_shapes = {}}), "");
  EXPECT_TRUE(contains(error_of(m, {.outputs = {"nothing"}, .input_shapes = {}}), "output 'nothing' is not made"));
}

TEST(Import, DynamicInputs) {
  TestModel m;
  m.output(m.conv(m.input("x", {-1, 3, -1, -1}), 3, 4, 3, 1, 2));
  const Graph g = converted(m, {{2, 3, 10, 12}});
  EXPECT_EQ(tensor(g, g.outputs[0]).shape, (Shape{-1, 4, -1, -1}));
  const Graph fixed = converted(m, {}, {.outputs = {}, .input_shapes = {{"x", {1, 3, 6, 6}}}});
  EXPECT_EQ(tensor(fixed, fixed.outputs[0]).shape, (Shape{1, 4, 3, 3}));
  EXPECT_TRUE(contains(error_of(m, {.outputs = {}, .input_shapes = {{"y", {1}}}}), "'y'"));
  EXPECT_TRUE(contains(error_of(m, {.outputs = {}, .input_shapes = {{"x", {1}}}}), "not {1}"));
}

// u8 and s8 that a model computes: its outputs keep the type, what computes with them does so in wider integers.
enum : int { kUint8 = 2, kInt8 = 3 };

void declare_output(TestModel& m, const std::string& name, int type) {
  m.output(name);
  m.proto.mutable_graph()->mutable_output()->rbegin()->mutable_type()->mutable_tensor_type()->set_elem_type(type);
}

DType output_type(const Graph& g) { return tensor(g, g.outputs[0]).dtype; }

TEST(Bytes, CastsOfWhatIsComputed) {
  for (const auto& [type, dtype, expected] :
       {std::tuple{kUint8, DType::kU8, std::vector<float>{0, 2, 200}}, {kInt8, DType::kS8, {-3, 2, 127}}}) {
    TestModel m;
    const std::string x = m.op("Mul", {m.input("x", {3}), m.floats({}, {0})});
    declare_output(m, m.op("Cast", {m.op("Add", {x, m.floats({3}, {-3.7f, 2.9f, 200})})}, {attr("to", type)}), type);
    const Graph g = converted(m);
    EXPECT_EQ(output_type(g), dtype);
    EXPECT_EQ(run(g), expected) << "towards 0, within the type";
  }
}

TEST(Bytes, AMaskOfClasses) {
  TestModel m;
  const std::string y = m.conv(m.input("x", {1, 3, 5, 4}), 3, 6, 3, 1);
  const std::string classes = m.op("ArgMax", {y}, {attr("axis", 1), attr("keepdims", 1)});
  declare_output(m, m.op("Cast", {classes}, {attr("to", kUint8)}), kUint8);
  m.output(classes);
  const Graph g = converted(m);
  EXPECT_EQ(output_type(g), DType::kU8);
  const std::vector<float> all = run(g);
  for (size_t i = 0; i < 20; ++i) EXPECT_EQ(all[i], all[i + 20]) << i;
}

TEST(Bytes, WhatReadsThemIsWider) {
  TestModel m;
  const std::string x = m.op("Mul", {m.input("x", {1, 2, 2, 1}), m.floats({}, {0})});
  const std::string bytes =
      m.op("Cast", {m.op("Add", {x, m.floats({1, 2, 2, 1}, {250, 1, 2, 3})})}, {attr("to", kUint8)});
  const std::string turned =
      m.op("Transpose", {m.op("Slice", {bytes, m.ints({0}), m.ints({2}), m.ints({1})})}, {attr("perm", {0, 2, 1, 3})});
  declare_output(m, turned, kUint8);
  m.output(m.op("Cast", {m.op("Add", {turned, turned})}, {attr("to", 1)}));
  const Graph g = converted(m);
  EXPECT_EQ(output_type(g), DType::kU8);
  EXPECT_EQ(run(g), (std::vector<float>{250, 2, 1, 3, 500, 4, 2, 6}));
}

TEST(Bytes, OutputsOfQuantisedModels) {
  for (const int type : {kUint8, kInt8}) {
    TestModel m;
    const std::string scale = m.floats({}, {0.5f}), zero = m.integers(type, {}, {3});
    declare_output(m, m.op("QuantizeLinear", {m.input("x", {4}), scale, zero}), type);
    const Graph g = converted(m);
    EXPECT_EQ(output_type(g), type == kUint8 ? DType::kU8 : DType::kS8);
    const TempFile file(m.proto.SerializeAsString());
    const auto written = convert_model(file.path());
    ASSERT_TRUE(written) << written.error().text;
    schema::FileHeader h;
    std::memcpy(&h, written->data(), sizeof h);
    EXPECT_EQ(h.version_minor, 2u) << "older readers refuse computed bytes as damage";
  }
}

// What is given as bytes and only moved.
TEST(Bytes, OfAnInput) {
  TestModel m;
  declare_output(m, m.op("Transpose", {m.input("x", {1, 2, 3, 1}, kUint8)}, {attr("perm", {0, 2, 1, 3})}), kUint8);
  auto g = import(m);
  ASSERT_TRUE(g) << g.error().text;
  ASSERT_TRUE(run_passes(*g));
  EXPECT_EQ(output_type(*g), DType::kU8);
  const TempFile file(m.proto.SerializeAsString());
  EXPECT_TRUE(convert_model(file.path()));
}

TEST(Import, OtherFormatsAreKnownByTheirNames) {
  const std::pair<const char*, const char*> cases[] = {
      {"a.tflite", "is a TensorFlow Lite model: python -m tf2onnx.convert --tflite"},
      {"a.PT", "is a PyTorch model: load it in Python and call torch.onnx.export"},
      {"a.xml", "is an OpenVINO model, which cannot"},
      {"net.param", "is an ncnn model, which cannot"},
      {"saved_model.pb", "is a TensorFlow graph: python -m tf2onnx.convert"}};
  for (const auto& [name, text] : cases) {
    const TempFile file("anything", name);
    const auto g = import_onnx(file.path(), {});
    ASSERT_FALSE(g) << name;
    EXPECT_NE(g.error().text.find(text), std::string::npos) << g.error().text;
  }
}

}  // namespace
}  // namespace octet::convert
