// Paddle's files: where they lie, what they must agree in, and how programs name things.
#include <cmath>
#include <functional>

#include "tests/converter/paddle/rig.h"

namespace octet::convert {
namespace {

namespace fs = std::filesystem;

TestProgram small_program() {
  TestProgram p;
  const std::string x = p.input("x", {1, 3, 8, 8});
  const std::string y = p.conv(x, p.random({4, 3, 3, 3}), 1);
  p.output(p.op("elementwise_add", {{"X", {y}}, {"Y", {p.random({4})}}}, {attr("axis", 1)}));
  return p;
}

std::string error_of(const std::string& path, const ConvertOptions& options = {}) {
  auto graph = import_paddle(path, options);
  return graph ? "" : graph.error().text;
}

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

TEST(PaddleImport, FilesByEveryName) {
  const TestProgram p = small_program();
  const std::pair<const char*, const char*> pairs[] = {{"model.pdmodel", "model.pdiparams"},
                                                       {"inference.pdmodel", "inference.pdiparams"},
                                                       {"anything.pdmodel", "anything.pdiparams"},
                                                       {"model_logits.pdmodel", "model.pdiparams"},
                                                       {"__model__", "__params__"},
                                                       {"model", "params"},
                                                       {"model", "weights"}};
  for (const auto& [program, parameters] : pairs) {
    const TempFile file(p.program_bytes(), program);
    write_file(file.folder / parameters, p.parameter_bytes());
    EXPECT_EQ(error_of(file.folder.string()), "") << program;
    EXPECT_EQ(error_of(file.path()), "") << program;
  }
  const TempFile separate(p.program_bytes(), "__model__");
  for (const auto& [name, record] : p.records) write_file(separate.folder / name, record);
  EXPECT_EQ(error_of(separate.folder.string()), "");
  fs::rename(separate.folder / p.records.begin()->first, separate.folder / "away");
  EXPECT_TRUE(contains(error_of(separate.folder.string()), p.records.begin()->first));
  const TempFile unusual(p.program_bytes(), "model.pdmodel");
  write_file(unusual.folder / "elsewhere.bin", p.parameter_bytes());
  EXPECT_EQ(error_of(unusual.path(), {.parameters = "elsewhere.bin"}), "");
  EXPECT_TRUE(contains(error_of(unusual.path(), {.parameters = "nothing.bin"}), "nothing.bin: no such file"));
}

TEST(PaddleImport, LimitsAndVersions) {
  const TempFile file(small_program().program_bytes(), "m.pdmodel");
  write_file(file.folder / "m.pdiparams", small_program().parameter_bytes());
  EXPECT_TRUE(contains(error_of(file.path(), {.memory_limit = 3}), "bytes, more than the memory_limit"));
  TestProgram wide;
  wide.output(wide.op("elementwise_add", {{"X", {wide.input("x", {1, 4000})}}, {"Y", {wide.random({4000})}}}));
  const TempFile large(wide.program_bytes(), "m.pdmodel");
  write_file(large.folder / "m.pdiparams", wide.parameter_bytes());
  EXPECT_TRUE(contains(error_of(large.path(), {.memory_limit = 3 * 15'000}), "with those before it is more than"));
  EXPECT_EQ(error_of(large.path(), {.memory_limit = 3 * 16'000}), "");
  EXPECT_TRUE(contains(error_of(file.path(), {.max_nodes = 1}), "more than the max_nodes of 1"));
  for (const auto& [version, warned] : {std::pair<int64_t, bool>{0, false}, {3'000'000, false}, {4'000'000, true}}) {
    TestProgram p = small_program();
    p.proto.mutable_version()->set_version(version);
    const TempFile other(p.program_bytes(), "m.pdmodel");
    write_file(other.folder / "m.pdiparams", p.parameter_bytes());
    std::string said;
    EXPECT_EQ(error_of(other.path(), {.log = [&](const std::string& line) { said += line; }}), "");
    EXPECT_EQ(contains(said, "was written by Paddle 4, and ops may have changed since Paddle 3"), warned) << said;
  }
}

TEST(PaddleImport, WhatIsWrongWithAFolder) {
  const TestProgram p = small_program();
  const TempFile empty("text", "readme.txt");
  EXPECT_TRUE(contains(error_of(empty.folder.string()), "holds no Paddle program"));
  const TempFile two(p.program_bytes(), "a.pdmodel");
  write_file(two.folder / "b.pdmodel", p.program_bytes());
  EXPECT_TRUE(contains(error_of(two.folder.string()), "several programs, a.pdmodel and b.pdmodel"));
  const TempFile pir("{}", "inference.json");
  write_file(pir.folder / "inference.pdiparams", "");
  EXPECT_TRUE(contains(error_of(pir.folder.string()), "base_code.magic"));
  EXPECT_TRUE(contains(error_of(pir.path()), "base_code.magic"));
  const TempFile text("not a program", "model.pdmodel");
  EXPECT_TRUE(contains(error_of(text.path()), "is not a Paddle program"));
}

TEST(PaddleImport, ParametersMustBeTheProgramsOwn) {
  TestProgram p = small_program();
  const std::string first = p.records.begin()->first;
  TestProgram other = p;
  other.records[first] = tensor_record(5, {4, 3, 1, 1}, std::string(48, '\0'));
  const TempModel model(p.program_bytes(), other.parameter_bytes());
  const std::string text = error_of(model.folder());
  EXPECT_TRUE(contains(text, "variable '" + first + "' has the shape {4, 3, 1, 1}, the program says {4, 3, 3, 3}"))
      << text;
}

TEST(PaddleImport, ParametersOfOtherTypes) {
  TestProgram p;
  const std::string x = p.input("x", {4});
  const std::string half = p.floats({4}, {0, 0, 0, 0});
  const uint16_t halves[] = {0x3c00, 0xc000, 0x3800, 0};  // 1, -2, 0.5, 0
  p.records[half] = tensor_record(4, {4}, {reinterpret_cast<const char*>(halves), sizeof halves});
  p.output(p.op("elementwise_mul", {{"X", {x}}, {"Y", {half}}}));
  const auto in = input_values(4);
  const auto out = results(p);
  ASSERT_EQ(out.size(), 4u);
  EXPECT_EQ(out, (std::vector<float>{in[0], -2 * in[1], 0.5f * in[2], 0 * in[3]}));
}

TEST(PaddleImport, NotFiniteParametersAreNamed) {
  TestProgram p;
  p.output(p.op("elementwise_add", {{"X", {p.input("x", {1})}}, {"Y", {p.floats({1}, {NAN}, "bad")}}}));
  auto graph = import(p);
  ASSERT_FALSE(graph);
  EXPECT_TRUE(contains(graph.error().text, "'bad' holds a value that is not finite")) << graph.error().text;
}

TEST(PaddleImport, FeedsAndFetchesAreOrderedByColumn) {
  TestProgram p;
  const std::string a = p.input("a", {1, 2}), b = p.input("b", {-1, 3});
  p.output(p.op("relu", {{"X", {b}}}));
  p.output(p.op("relu", {{"X", {a}}}));
  auto graph = import(p);
  ASSERT_TRUE(graph) << graph.error().text;
  ASSERT_EQ(graph->inputs.size(), 2u);
  EXPECT_EQ(tensor(*graph, graph->inputs[0]).name, "a");
  EXPECT_EQ(tensor(*graph, graph->inputs[1]).shape, (Shape{-1, 3}));
  EXPECT_EQ(tensor(*graph, graph->outputs[0]).shape, (Shape{-1, 3}));
}

TEST(PaddleImport, VariablesMayBeOverwritten) {
  TestProgram p;
  const std::string x = p.input("x", {3});
  const std::string y = p.op("scale", {{"X", {x}}}, {attr("scale", 2.0f), attr("bias", 0.0f)});
  auto* twice = p.proto.mutable_blocks(0)->add_ops();  // y = y + y in place
  twice->set_type("elementwise_add");
  for (const char* name : {"X", "Y"}) {
    auto* in = twice->add_inputs();
    in->set_parameter(name);
    in->add_arguments(y);
  }
  auto* out = twice->add_outputs();
  out->set_parameter("Out");
  out->add_arguments(y);
  p.output(y);
  const auto in = input_values(3), got = results(p);
  ASSERT_EQ(got.size(), 3u);
  for (size_t i = 0; i < 3; ++i) EXPECT_FLOAT_EQ(got[i], 4 * in[i]);
}

TEST(PaddleImport, ACutLeavesOutWhatNobodyReads) {
  TestProgram p;
  const std::string x = p.input("x", {1, 2}), other = p.input("other", {1, 2});
  const std::string y = p.op("relu", {{"X", {x}}});
  p.output(p.op("no_such_op", {{"X", {y, other}}}));
  auto whole = import(p);
  ASSERT_FALSE(whole);
  EXPECT_TRUE(contains(whole.error().text, "(no_such_op): this op is not supported")) << whole.error().text;
  auto cut = import(p, {.outputs = {y}});
  ASSERT_TRUE(cut) << cut.error().text;
  EXPECT_EQ(cut->inputs.size(), 1u);
}

// Weights as a parameter, or as ops of a program make them.
std::vector<float> conv_with(const std::function<std::string(TestProgram&)>& weights) {
  TestProgram p;
  p.output(p.conv(p.input("x", {1, 2, 4, 4}), weights(p)));
  return results(p);
}

TEST(PaddleConstants, WeightsMayBeComputed) {
  const std::vector<float> values = {1, 2, 3, 4, -1, -2, -3, -4};
  const auto expected = conv_with([&](TestProgram& p) { return p.floats({4, 2, 1, 1}, values); });
  const auto reshaped = [](TestProgram& p, const std::string& x) {
    return p.op("reshape2", {{"X", {x}}}, {attr("shape", {4, 2, 1, 1})});
  };
  EXPECT_EQ(conv_with([&](TestProgram& p) { return reshaped(p, p.floats({8}, values)); }), expected);
  EXPECT_EQ(
      conv_with([&](TestProgram& p) {
        Attr list{.name = "fp32_values", .floats = values};
        return reshaped(p, p.op("assign_value", {}, {attr("shape", std::vector<int64_t>{8}), attr("dtype", 5), list}));
      }),
      expected);
  EXPECT_EQ(conv_with([&](TestProgram& p) {
              const std::string halves = p.floats({4, 2, 1, 1}, {.5f, 1, 1.5f, 2, -.5f, -1, -1.5f, -2});
              const std::string two = p.op(
                  "fill_constant", {}, {attr("shape", std::vector<int64_t>{1}), attr("value", 2.0f), attr("dtype", 5)});
              return p.op("elementwise_mul", {{"X", {halves}}, {"Y", {two}}});
            }),
            expected);
  EXPECT_EQ(
      conv_with([&](TestProgram& p) {
        const std::string front = p.floats({2, 2, 1, 1}, {1, 2, 3, 4}), back = p.floats({2, 2, 1, 1}, {-1, -2, -3, -4});
        return p.op("concat", {{"X", {front, back}}}, {attr("axis", 0)});
      }),
      expected);
}

TEST(PaddleConstants, RepeatsFromTheSizeOfAFixedInput) {
  TestProgram p;
  const std::string x = p.input("x", {1, 3});
  const std::string sizes = p.op("shape", {{"Input", {x}}});
  p.output(p.op("tile", {{"X", {x}}, {"RepeatTimes", {sizes}}}));
  EXPECT_EQ(results(p).size(), 9u);
}

TEST(PaddleConstants, RangesOfFloatsUpToASize) {
  TestProgram p;
  const std::string x = p.input("x", {1, -1});
  const std::string size = p.op("slice", {{"Input", {p.op("shape", {{"Input", {x}}})}}},
                                {attr("axes", std::vector<int64_t>{0}), attr("starts", std::vector<int64_t>{1}),
                                 attr("ends", std::vector<int64_t>{2})});
  const std::string real = p.op("cast", {{"X", {size}}}, {attr("out_dtype", 5), attr("in_dtype", 3)});
  p.output(p.op("range", {{"Start", {p.floats({1}, {0.5f})}}, {"End", {real}}, {"Step", {p.floats({1}, {1})}}}));
  EXPECT_EQ(results(p, {{1, 3}}), (std::vector<float>{0.5f, 1.5f, 2.5f}));
}

TEST(PaddleConstants, CastsToBytes) {
  constexpr int kUint8 = 20, kFloat = 5;
  TestProgram p;
  const std::string x = p.op("elementwise_mul", {{"X", {p.input("x", {2})}}, {"Y", {p.floats({1}, {0})}}});
  const std::string sum = p.op("elementwise_add", {{"X", {x}}, {"Y", {p.floats({2}, {7.5f, 300})}}});
  const std::string bytes = p.op("cast", {{"X", {sum}}}, {attr("out_dtype", kUint8), attr("in_dtype", kFloat)});
  p.output(bytes);
  p.output(p.op("scale", {{"X", {bytes}}}, {attr("scale", 2.0f), attr("bias", 0.0f)}));
  EXPECT_EQ(results(p), (std::vector<float>{7, 255, 14, 510}));
}

}  // namespace
}  // namespace octet::convert
