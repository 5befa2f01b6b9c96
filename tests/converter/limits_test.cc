// Sources that are hostile or simply too much: refused early, by name, and never written as files that cannot be read.
#include <sys/stat.h>

#include <fstream>
#include <limits>

#include "converter/graph/emit.h"
#include "octet/convert.h"
#include "octet/quantize.h"
#include "tests/converter/rig.h"

namespace octet::convert {
namespace {

namespace fs = std::filesystem;

struct Converted {
  std::string error, warnings;
  std::vector<std::byte> bytes;
};

Converted converted_file(const std::string& path, ConvertOptions options = {}) {
  Converted c;
  options.log = [&](const std::string& line) { c.warnings += line + "\n"; };
  auto bytes = convert_model(path, options);
  if (!bytes)
    c.error = bytes.error().text;
  else
    c.bytes = std::move(*bytes);
  return c;
}

Converted converted_file(const TestModel& model, const ConvertOptions& options = {}) {
  const TempFile file(model.proto.SerializeAsString());
  Converted c = converted_file(file.path(), options);
  if (!c.error.empty()) EXPECT_EQ(c.error.find(file.path() + ": "), 0u) << c.error;
  return c;
}

bool contains(const std::string& text, const std::string& part) { return text.find(part) != text.npos; }

TEST(Limits, WeightsThatAreNotFiniteAreRefusedByTheNodesName) {
  TestModel m;
  const std::string x = m.input("x", {1, 1, 4, 4});
  m.output(m.op("Conv", {x, m.floats({1, 1, 1, 1}, {std::numeric_limits<float>::infinity()})}));
  EXPECT_TRUE(contains(converted_file(m).error, "node_Conv")) << converted_file(m).error;
  const TempFile file(m.proto.SerializeAsString());
  const auto source = load_source(file.path());
  ASSERT_FALSE(source);
  EXPECT_TRUE(contains(source.error().text, file.path() + ": ") && contains(source.error().text, "node_Conv"));
}

TEST(Limits, WhatFoldingMakesInfiniteIsNotWritten) {
  TestModel m;
  const std::string x = m.input("x", {1, 1, 4, 4});
  const std::string y = m.op("Conv", {x, m.floats({1, 1, 1, 1}, {1e30f})});
  m.output(m.op("BatchNormalization",
                {y, m.floats({1}, {1e30f}), m.floats({1}, {0}), m.floats({1}, {0}), m.floats({1}, {1})}));
  const Converted c = converted_file(m);  // kept apart or refused: emit() has had it loaded
  EXPECT_TRUE(c.error.empty() != c.bytes.empty());
  if (!c.error.empty()) EXPECT_TRUE(contains(c.error, "node_")) << c.error;
}

TEST(Limits, MoreOperandsThanTheRuntimeReads) {
  TestModel m;
  const std::vector<std::string> operands(20'000, m.input("x", {1, 1}));
  m.output(m.op("Concat", operands, {attr("axis", 1)}));
  EXPECT_TRUE(contains(converted_file(m).error, "20000 inputs")) << converted_file(m).error;
}

TEST(Limits, WhatTheLoaderWouldRefuseIsNotEmitted) {
  Graph g;
  g.source = "m.onnx";
  g.inputs = {g.add({.name = "x", .shape = {1, 4}})};
  g.outputs = {g.add({.name = "y", .shape = {1, 4}})};
  g.nodes.push_back({.name = "act", .op = make_op(schema::UnaryT{}), .inputs = g.inputs, .outputs = g.outputs});
  ASSERT_TRUE(emit(g));
  g.tensors[1].quant = {{std::numeric_limits<float>::infinity()}, {0}};
  const auto bytes = emit(g);
  ASSERT_FALSE(bytes);
  EXPECT_EQ(bytes.error().text.find("m.onnx: what was made of it cannot be loaded: m.onnx: tensor 'y': scale inf"), 0u)
      << bytes.error().text;
}

TEST(Limits, AFileThatCannotBeLoadedReplacesNothing) {
  const TempFile old("old", "m.octet");
  const std::string text = "no model";
  const auto done = write_model(old.path(), std::as_bytes(std::span(text)), "m.onnx");
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().text.find("m.onnx: what was made of it cannot be loaded: "), 0u) << done.error().text;
  EXPECT_EQ(fs::file_size(old.path()), 3u);
  EXPECT_EQ(std::distance(fs::directory_iterator(old.folder), {}), 1);
}

TEST(Limits, VersionsThatAreNotKnownBringAWarning) {
  for (const auto& [opset, warning] : {std::pair<int64_t, const char*>{7, ""},
                                       {22, ""},
                                       {23, "opset 23 is newer than 22"},
                                       {999, "known are 7 to 22"}}) {
    TestModel m(opset);
    m.output(m.op("Relu", {m.input("x", {1, 4})}));
    const Converted c = converted_file(m);
    EXPECT_EQ(c.error, "");
    EXPECT_EQ(c.warnings.empty(), !*warning) << opset << c.warnings;
    EXPECT_TRUE(contains(c.warnings, warning)) << c.warnings;
  }
  TestModel old(6);
  old.output(old.op("Relu", {old.input("x", {1, 4})}));
  EXPECT_TRUE(contains(converted_file(old).error, "opset 6 is older than 7; known are 7 to 22"));
}

TEST(Limits, OfMemoryHoldWeightsInTheFileAndBesideIt) {
  TestModel m;
  std::string sum = m.input("x", {1, 1000});
  for (int i = 0; i < 20; ++i) {  // 4 kB that 20 constants name
    auto* t = m.proto.mutable_graph()->add_initializer();
    t->set_name("w" + std::to_string(i));
    t->set_data_type(1);
    t->add_dims(1000);
    t->set_data_location(1);
    auto* e = t->add_external_data();
    e->set_key("location"), e->set_value("weights.bin");
    sum = m.op("Add", {sum, t->name()});
  }
  m.output(sum);
  const TempFile file(m.proto.SerializeAsString());
  std::ofstream(file.folder / "weights.bin") << std::string(4000, '\0');
  EXPECT_EQ(converted_file(file.path(), {.memory_limit = 1 << 20}).error, "");
  const std::string error = converted_file(file.path(), {.memory_limit = 60'000 * 3}).error;
  EXPECT_TRUE(contains(error, "tensor 'w15' external data: all together is more than the memory_limit")) << error;
  TestModel inside;
  inside.output(inside.op("Add", {inside.input("x", {1000}), inside.random({1000})}));
  EXPECT_TRUE(contains(converted_file(inside, {.memory_limit = 9000}).error, "bytes, more than the memory_limit"));
}

TEST(Limits, OfMemoryHoldFolding) {
  TestModel m;
  const std::string wide = m.op("Expand", {m.random({1, 1000}), m.ints({300, 1000})});
  m.output(m.op("Add", {m.input("x", {300, 1000}), wide}));
  const Converted whole = converted_file(m), bounded = converted_file(m, {.memory_limit = 3'000'000});
  ASSERT_EQ(whole.error + bounded.error, "");
  EXPECT_GT(whole.bytes.size(), 1'200'000u);
  EXPECT_LT(bounded.bytes.size(), 20'000u) << "the run computes it";
}

TEST(Limits, OfNodes) {
  TestModel m;
  std::string x = m.input("x", {1, 4});
  for (int i = 0; i < 5; ++i) x = m.op("Relu", {x});
  m.output(x);
  EXPECT_EQ(converted_file(m, {.max_nodes = 5}).error, "");
  EXPECT_TRUE(contains(converted_file(m, {.max_nodes = 4}).error, "has 5 nodes, more than the max_nodes of 4"));
}

TEST(Limits, OfNesting) {  // groups in groups, which no field of ours is
  const TempFile onnx(std::string(1'000'000, static_cast<char>(15 << 3 | 3)));
  EXPECT_TRUE(contains(converted_file(onnx.path()).error, "is not an ONNX file, or is damaged"));
  const TempFile paddle(std::string(1'000'000, static_cast<char>(15 << 3 | 3)), "m.pdmodel");
  EXPECT_TRUE(contains(converted_file(paddle.path()).error, "is not a Paddle program, or is damaged"));
}

TEST(Limits, FilesElsewhereAreNotReadForTheCacheEither) {
  TestModel m;
  auto* t = m.proto.mutable_graph()->add_initializer();
  t->set_name("w");
  t->set_data_type(1);
  t->set_data_location(1);
  auto* e = t->add_external_data();
  e->set_key("location");
  m.output(m.op("Add", {m.input("x", {1}), "w"}));
  for (const char* location : {"../secret.bin", "/etc/passwd", "pipe", "."}) {
    e->set_value(location);
    const TempFile file(m.proto.SerializeAsString());
    ASSERT_EQ(mkfifo((file.folder / "pipe").c_str(), 0600), 0);
    const auto model = convert_beside(file.path());
    ASSERT_FALSE(model) << location;
    EXPECT_TRUE(contains(model.error().text, file.path() + ": external data: ")) << model.error().text;
  }
}

}  // namespace
}  // namespace octet::convert
