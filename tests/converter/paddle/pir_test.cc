// Programs of Paddle 3: the same network as in the legacy form, ops with their operands, branches, quantised ones, hostile files.
#include <cmath>

#include "octet/convert.h"
#include "tests/converter/paddle/pir_program.h"
#include "tests/converter/paddle/rig.h"

namespace octet::convert {
namespace {

struct TempPir {
  TempPir(const std::string& program, const std::string& parameters) : file(program, "inference.json") {
    write_file(file.folder / "inference.pdiparams", parameters);
  }
  explicit TempPir(const TestPir& p) : TempPir(p.program_bytes(), p.parameter_bytes()) {}
  std::string folder() const { return file.folder.string(); }
  TempFile file;
};

Result<Graph> import_pir(const TestPir& program, const ConvertOptions& options = {}) {
  const TempPir model(program);
  return import_paddle(model.folder(), options);
}

std::vector<float> results_of(const TestPir& program, const std::vector<Shape>& sizes = {}) {
  auto graph = import_pir(program);
  if (!graph) return ADD_FAILURE() << graph.error().text, std::vector<float>{};
  return run(*graph, sizes);
}

std::string refusal(const TestPir& program) {
  auto graph = import_pir(program);
  return graph ? "" : graph.error().text;
}

TEST(PaddlePir, ANetworkIsThatOfItsLegacyForm) {
  TestPir p;
  const int64_t x = p.input("x", {1, 3, 6, 6});
  int64_t y = p.op("conv2d", {x, p.random({4, 3, 3, 3})},
                   {{"strides", pir_ints({1, 1})}, {"paddings", pir_ints({1, 1})}, {"groups", pir_int(1)}});
  y = p.op("add", {y, p.op("reshape", {p.random({4}), p.integers({1, -1, 1, 1})})});
  const int64_t scale = p.random({4}), bias = p.random({4}), mean = p.random({4});
  const int64_t variance = p.floats({4}, {1, 2, 3, 4});
  y = p.op("batch_norm_", {y, mean, variance, scale, bias}, {{"epsilon", pir_float(1e-3)}}, 6);
  y = p.op("relu_", {y});
  y = p.op("pool2d", {y, p.integers({2, 2})}, {{"strides", pir_ints({2, 2})}, {"pooling_type", pir_text("max")}});
  y = p.op("flatten", {y}, {{"start_axis", pir_int(1)}, {"stop_axis", pir_int(3)}});
  y = p.op("matmul", {y, p.random({5, 36})}, {{"transpose_y", pir_flag(true)}});
  y = p.op("scale_", {y, p.full(0.5)}, {{"bias", pir_float(1)}, {"bias_after_scale", pir_flag(true)}});
  p.output(p.op("softmax", {y}, {{"axis", pir_int(-1)}}));

  TestProgram q(3000000);
  const std::string in = q.input("x", {1, 3, 6, 6});
  std::string z = q.conv(in, q.random({4, 3, 3, 3}), 1);
  const std::string added = q.random({4});
  z = q.op("elementwise_add", {{"X", {z}}, {"Y", {added}}}, {attr("axis", 1)});
  const std::string s = q.random({4}), b = q.random({4}), m = q.random({4}), v = q.floats({4}, {1, 2, 3, 4});
  z = q.op("batch_norm", {{"X", {z}}, {"Scale", {s}}, {"Bias", {b}}, {"Mean", {m}}, {"Variance", {v}}},
           {attr("epsilon", 1e-3f)}, "Y");
  z = q.op("relu", {{"X", {z}}});
  z = q.op("pool2d", {{"X", {z}}}, {attr("ksize", {2, 2}), attr("strides", {2, 2}), attr("pooling_type", "max")});
  z = q.op("flatten_contiguous_range", {{"X", {z}}}, {attr("start_axis", 1), attr("stop_axis", 3)});
  z = q.op("matmul_v2", {{"X", {z}}, {"Y", {q.random({5, 36})}}}, {flag("trans_y", true)});
  z = q.op("scale", {{"X", {z}}}, {attr("scale", 0.5f), attr("bias", 1.0f)});
  q.output(q.op("softmax", {{"X", {z}}}, {attr("axis", -1)}));
  auto graph = import_pir(p), legacy = import(q);
  ASSERT_TRUE(graph) << graph.error().text;
  ASSERT_TRUE(legacy) << legacy.error().text;
  EXPECT_EQ(run(*graph), run(*legacy));
  EXPECT_EQ(tensor(*graph, graph->outputs[0]).name, "fetch_name_0");
}

TEST(PaddlePir, WhatWasAnAttributeComesEitherWay) {
  for (const bool operand : {false, true}) {
    TestPir p;
    const int64_t x = p.input("x", {2, 3});
    if (operand)
      p.output(p.op("mean", {x, p.integers({1})}, {{"keepdim", pir_flag(false)}}));
    else
      p.output(p.op("mean", {x}, {{"axis", pir_ints({1})}, {"keepdim", pir_flag(false)}}));
    const auto in = input_values(6);
    const auto out = results_of(p);
    ASSERT_EQ(out.size(), 2u);
    EXPECT_NEAR(out[1], (in[3] + in[4] + in[5]) / 3, 1e-6f);
  }
  TestPir all;
  all.output(all.op("sum", {all.input("x", {2, 3}), all.integers({})}, {{"keepdim", pir_flag(false)}}));
  EXPECT_EQ(results_of(all).size(), 1u);
}

// Sizes from shape64 and slices, put together by stack; lists by combine and split.
TEST(PaddlePir, SizesAndListsFold) {
  TestPir p;
  const int64_t x = p.input("x", {2, 6});
  const int64_t shape = p.op("shape64", {x});
  const int64_t batch = p.op("slice", {shape, p.integers({0}), p.integers({1})},
                             {{"axes", pir_ints({0})}, {"decrease_axis", pir_ints({0})}});
  const int64_t stacked =
      p.op("stack", {p.combine({batch, p.full(3, {}, "int64"), p.full(-1, {}, "int64")})}, {{"axis", pir_int(0)}});
  const int64_t y = p.op("reshape", {x, stacked});  // [2, 3, 2]
  const int64_t parts = p.list("split", {y, p.integers({1, 2}), p.full(1, {1}, "int32")}, 2);
  const int64_t first = p.op("0.split", {parts}, {}, 2);
  const int64_t third = p.op("0.slice", {parts}, {{"index", pir_int(1)}});
  const int64_t turned = p.op("concat", {p.combine({third, first}), p.full(1, {1}, "int32")});
  p.output(turned);
  const auto in = input_values(12);
  const std::vector<float> want = {in[2], in[3], in[4],  in[5],  in[0], in[1],
                                   in[8], in[9], in[10], in[11], in[6], in[7]};
  EXPECT_EQ(results_of(p), want);
  auto graph = import_pir(p);
  ASSERT_TRUE(graph);
  for (const Node& n : graph->nodes) EXPECT_FALSE(as<schema::ShapeOfT>(n)) << dump(*graph);
}

// A batch that is open: the number of repeats is found by the run.
TEST(PaddlePir, RepeatsMayFollowFromTheBatch) {
  TestPir p;
  const int64_t x = p.input("x", {-1, 2});
  const int64_t batch = p.op("slice", {p.op("shape64", {x}), p.integers({0}), p.integers({1})},
                             {{"axes", pir_ints({0})}, {"decrease_axis", pir_ints({0})}});
  p.output(p.op("tile", {p.full(300, {}, "int64"), p.op("stack", {p.combine({batch})}, {{"axis", pir_int(0)}})}));
  p.output(x, "x");
  const auto out = results_of(p, {{3, 2}});
  ASSERT_EQ(out.size(), 3u + 6u);
  for (size_t i = 0; i < 3; ++i) EXPECT_EQ(out[i], 300);
}

TEST(PaddlePir, LargeWholeNumbersStayExact) {
  TestPir p;
  const int64_t x = p.input("x", {1}, "i64");
  p.output(p.op("add", {x, p.full(2147483647, {1}, "int64")}));
  auto graph = import_pir(p);
  ASSERT_TRUE(graph) << graph.error().text;
  bool found = false;
  for (const Tensor& t : graph->tensors)
    found = found || (t.constant && t.dtype == DType::kS64 && t.values<int64_t>()[0] == 2147483647);
  EXPECT_TRUE(found);
}

TEST(PaddlePir, OutputsHaveTheirNames) {
  TestPir p;
  const int64_t x = p.input("x", {2}), y = p.op("relu", {x});
  p.output(y, "first"), p.output(y, "again"), p.output(x, "x"), p.output(p.floats({2}, {1, 2}), "constant");
  auto graph = import_pir(p);
  ASSERT_TRUE(graph) << graph.error().text;
  std::vector<std::string> names;
  for (TensorId t : graph->outputs) names.push_back(tensor(*graph, t).name);
  EXPECT_EQ(names[0], "first");
  EXPECT_EQ(names[1], "again");
  EXPECT_EQ(names[3], "constant");
}

TestPir branching(const std::function<int64_t(TestPir&, int64_t)>& condition) {
  TestPir p;
  const int64_t x = p.input("x", {2, 3});
  const int64_t holds = condition(p, x);
  const int64_t y = p.branch(
      holds,
      [&] {
        return Ids{p.op("scale", {x, p.full(2)}, {{"bias", pir_float(0)}})};
      },
      [&] {
        return Ids{p.op("scale", {x, p.full(3)}, {{"bias", pir_float(0)}})};
      });
  p.output(p.op("add", {y, x}));
  return p;
}

TEST(PaddlePir, BranchesThatConstantsAndSizesDecide) {
  const auto in = input_values(6);
  for (const bool holds : {true, false}) {
    const auto constant = branching([&](TestPir& p, int64_t) { return p.full(holds, {1}, "bool"); });
    auto out = results_of(constant);
    ASSERT_EQ(out.size(), 6u);
    EXPECT_FLOAT_EQ(out[1], in[1] * (holds ? 3 : 4));
    const auto sized = branching([&](TestPir& p, int64_t x) {
      const int64_t columns = p.op("slice", {p.op("shape64", {x}), p.integers({1}), p.integers({2})},
                                   {{"axes", pir_ints({0})}, {"decrease_axis", pir_ints({0})}});
      return p.op("less_than", {columns, p.full(holds ? 4 : 3, {}, "int64")});
    });
    out = results_of(sized);
    ASSERT_EQ(out.size(), 6u);
    EXPECT_FLOAT_EQ(out[1], in[1] * (holds ? 3 : 4));
  }
  const auto by_data = branching([](TestPir& p, int64_t x) {
    return p.op("greater_than", {p.op("max", {x, p.integers({})}, {{"keepdim", pir_flag(false)}}), p.full(0, {})});
  });
  EXPECT_NE(refusal(by_data).find("depends on the data"), std::string::npos) << refusal(by_data);
}

// Weights as int8, or as floats that hold the integers.
TEST(PaddlePir, QuantisedProgramsAreInt8) {
  for (const bool floats : {false, true}) {
    TestPir p;
    const int64_t x = p.input("x", {1, 1, 4, 4}), scale = p.floats({1}, {2}), zero = p.floats({1}, {0});
    const TestPir::Attributes one = {{"quant_axis", pir_int(-1)}, {"bit_length", pir_int(8)}};
    int64_t q = p.op("quantize_linear", {x, scale, zero, 0, 0}, one, 4);
    q = p.op("dequantize_linear", {q, scale, zero, 0, 0}, one, 4);
    const Dims dims = {2, 1, 1, 1};
    int64_t w = floats ? p.floats(dims, {127, -64}) : p.bytes(dims, {127, -64});
    w = p.op("dequantize_linear", {w, p.floats({2}, {1.27f, 2.54f}), p.floats({2}, {0, 0}), 0, 0},
             {{"quant_axis", pir_int(0)}, {"bit_length", pir_int(8)}}, 4);
    p.output(p.op("conv2d", {q, w}));
    auto graph = import_pir(p);
    ASSERT_TRUE(graph) << graph.error().text;
    EXPECT_TRUE(graph->quantised);
    bool found = false;
    for (const Tensor& t : graph->tensors)
      if (t.constant && t.dtype == DType::kF32 && t.shape == Shape{2, 1, 1, 1})
        found = found ||
                (std::fabs(t.values<float>()[0] - 1.27f) < 1e-6f && std::fabs(t.values<float>()[1] + 1.28f) < 1e-6f);
    EXPECT_TRUE(found);
  }
}

TEST(PaddlePir, FilesAreFoundByTheirNames) {
  TestPir p;
  p.output(p.op("relu", {p.op("add", {p.input("x", {2}), p.floats({2}, {1, 2}, "bias")})}));
  for (const char* name : {"inference.json", "model.json", "__model__.json", "other.json"}) {
    const TempFile file(p.program_bytes(), name);
    write_file((file.folder / name).replace_extension(".pdiparams"), p.parameter_bytes());
    EXPECT_TRUE(import_paddle(file.folder.string(), {})) << name;
    EXPECT_TRUE(import_paddle((file.folder / name).string(), {})) << name;
  }
  const TempFile apart(p.program_bytes(), "__model__.json");
  write_file(apart.folder / "bias", p.parameter_bytes());
  EXPECT_TRUE(import_paddle(apart.folder.string(), {}));
}

// A change to a good program, and what the error says of it.
TEST(PaddlePir, HostileProgramsAreRefused) {
  struct Case {
    const char* why;
    std::function<void(Json& root, Json& ops)> change;
    const char* says;
  };
  const Case cases[] = {
      {"no magic", [](Json& root, Json&) { root["base_code"]["magic"] = "tfjs"; }, "magic"},
      {"no region", [](Json& root, Json&) { root["program"]["regions"] = Json::array(); }, "no program"},
      {"an operand from nowhere", [](Json&, Json& ops) { ops[2]["I"][0]["%"] = 99; }, "not made by an earlier op"},
      {"an operand of text", [](Json&, Json& ops) { ops[2]["I"][0]["%"] = "1"; }, "damaged operand"},
      {"an argument outside of a block", [](Json&, Json& ops) { ops[2]["I"][0]["%"] = -1; },
       "not made by an earlier op"},
      {"a second value of the number", [](Json&, Json& ops) { ops[2]["O"][0]["%"] = 1; }, "a second time"},
      {"a parameter of three fields", [](Json&, Json& ops) { ops[1]["A"].erase(0); }, "damaged parameter"},
      {"results of a parameter as a list", [](Json&, Json& ops) { ops[1]["O"] = Json::array({ops[1]["O"]}); },
       "damaged parameter"},
      {"a parameter twice", [](Json&, Json& ops) { ops.insert(ops.begin(), ops[1]); }, "twice"},
      {"a huge dim", [](Json&, Json& ops) { ops[1]["O"]["TT"]["D"][1][0] = INT64_MAX; }, "shape"},
      {"a dim of text", [](Json&, Json& ops) { ops[1]["O"]["TT"]["D"][1][0] = "2"; }, "damaged shape"},
      {"an input of no tensor",
       [](Json&, Json& ops) {
         ops[0]["O"][0]["TT"] = {{"#", "NULL"}};
       },
       "not a tensor"},
      {"a dialect of optimised programs", [](Json&, Json& ops) { ops[2]["#"] = "onednn_op.add"; }, "dialect"},
      {"an op that nobody knows", [](Json&, Json& ops) { ops[2]["#"] = "1.run_program"; }, "pd_op.run_program"},
      {"a list as a tensor",
       [](Json&, Json& ops) {
         ops[2]["O"][0]["TT"] = {{"#", "0.t_vec"}, {"D", Json::array()}};
       },
       "a list"},
      {"more operands than the op has",
       [](Json&, Json& ops) {
         ops[2]["I"].push_back({{"%", 1}});
       },
       "more than are known"},
      {"an attribute of text",
       [](Json&, Json& ops) {
         ops[2]["A"].push_back({{"N", "groups"}, {"AT", {{"#", "0.a_i32"}, {"D", "1"}}}});
       },
       "damaged value"},
      {"half an if", [](Json&, Json& ops) { ops[2]["#"] = "1.if"; }, "two regions"},
      {"plumbing that nobody knows", [](Json&, Json& ops) { ops[2]["#"] = "0.constant"; }, "not supported"},
      {"no output", [](Json&, Json& ops) { ops.erase(3); }, "fetches nothing"},
  };
  TestPir p;
  const int64_t x = p.input("x", {2});
  p.output(p.op("add", {x, p.floats({2}, {1, 2})}));
  for (const Case& c : cases) {
    Json root = p.program();
    c.change(root, root["program"]["regions"][0]["blocks"][0]["ops"]);
    const TempPir model(root.dump(), p.parameter_bytes());
    auto graph = import_paddle(model.folder(), {});
    ASSERT_FALSE(graph) << c.why;
    EXPECT_NE(graph.error().text.find(c.says), std::string::npos) << c.why << ": " << graph.error().text;
    EXPECT_NE(graph.error().text.find("inference."), std::string::npos) << c.why << ": " << graph.error().text;
  }
}

TEST(PaddlePir, HostileTextsAreRefused) {
  TestPir p;
  p.output(p.op("relu", {p.input("x", {2})}));
  const std::string good = p.program_bytes();
  const std::string deep(1 << 20, '[');
  struct Case {
    std::string text;
    const char* says;
  };
  for (const Case& c :
       {Case{"", "not JSON"}, Case{good.substr(0, good.size() / 2), "not JSON"}, Case{deep, "levels deep"},
        Case{"{\"base_code\": 1e999}", "not JSON"}, Case{"\"\xff\"", "not JSON"}, Case{"[1, 2]", "magic"}}) {
    const TempPir model(c.text, "");
    auto graph = import_paddle(model.folder(), {});
    ASSERT_FALSE(graph);
    EXPECT_NE(graph.error().text.find(c.says), std::string::npos) << graph.error().text;
  }
  std::string many = "[0";
  for (int i = 0; i < 100000; ++i) many += ",0";
  const TempPir model(many + "]", "");
  auto graph = import_paddle(model.folder(), {.memory_limit = 8 << 20});
  ASSERT_FALSE(graph);
  EXPECT_NE(graph.error().text.find("memory_limit"), std::string::npos) << graph.error().text;
}

// Lists that double with each op would fill the memory.
TEST(PaddlePir, ListsDoNotGrowWithoutBound) {
  TestPir p;
  const int64_t x = p.input("x", {2});
  int64_t list = p.combine({x, x});
  list = p.combine({list, list});
  p.output(p.op("add_n", {list}));
  EXPECT_NE(refusal(p).find("list of lists"), std::string::npos) << refusal(p);
  TestPir q;
  list = q.combine(Ids(1000, q.input("x", {2})));
  for (int i = 0; i < 100; ++i) q.op("add_n", {list});
  const TempPir model(q);
  auto graph = import_paddle(model.folder(), {.max_nodes = 1000});
  ASSERT_FALSE(graph);
  EXPECT_NE(graph.error().text.find("max_nodes"), std::string::npos) << graph.error().text;
}

}  // namespace
}  // namespace octet::convert
