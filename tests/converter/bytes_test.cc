// u8 and s8 that a model computes: its outputs keep the type, and what computes with them does so in wider integers.
#include "octet/convert.h"
#include "tests/converter/rig.h"

namespace octet::convert {
namespace {

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
    EXPECT_TRUE(convert_model(file.path()));
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

}  // namespace
}  // namespace octet::convert
