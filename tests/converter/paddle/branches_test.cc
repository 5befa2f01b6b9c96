// conditional_block and select_input: the branch that is taken stands in place of both.
#include <cmath>

#include "tests/converter/paddle/rig.h"

namespace octet::convert {
namespace {

void run_block(TestProgram& p, int from, const std::string& condition, int block, const std::string& made) {
  auto* op = p.proto.mutable_blocks(from)->add_ops();
  op->set_type("conditional_block");
  auto* in = op->add_inputs();
  in->set_parameter("Cond");
  in->add_arguments(condition);
  auto* out = op->add_outputs();
  out->set_parameter("Out");
  out->add_arguments(made);
  auto* attribute = op->add_attrs();
  attribute->set_name("sub_block");
  attribute->set_type(8);
  attribute->set_block_idx(block);
}

void relu_in(TestProgram& p, int block, const std::string& x, const std::string& y, const std::string& type) {
  while (p.proto.blocks_size() <= block) p.proto.add_blocks();
  auto* op = p.proto.mutable_blocks(block)->add_ops();
  op->set_type(type);
  auto* in = op->add_inputs();
  in->set_parameter("X");
  in->add_arguments(x);
  auto* out = op->add_outputs();
  out->set_parameter("Out");
  out->add_arguments(y);
}

std::string constant(TestProgram& p, bool value) {
  return p.op("fill_constant", {},
              {attr("shape", std::vector<int64_t>{1}), attr("value", value ? 1.0f : 0.0f), attr("dtype", 0)});
}

TEST(PaddleBranches, TheOneThatIsTakenIsImported) {
  const auto in = input_values(6);
  for (const bool holds : {true, false}) {
    TestProgram p;
    const std::string x = p.input("x", {2, 3}), condition = constant(p, holds);
    run_block(p, 0, condition, 1, "then");
    run_block(p, 0, p.op("logical_not", {{"X", {condition}}}), 2, "otherwise");
    relu_in(p, 1, x, "then", "relu");
    relu_in(p, 2, x, "otherwise", "abs");
    const std::string chosen = p.op("cast", {{"X", {condition}}}, {attr("in_dtype", 0), attr("out_dtype", 2)});
    p.output(p.op("select_input", {{"X", {"otherwise", "then"}}, {"Mask", {chosen}}}));
    const auto out = results(p);
    ASSERT_EQ(out.size(), 6u);
    for (size_t i = 0; i < 6; ++i) EXPECT_EQ(out[i], holds ? std::max(in[i], 0.0f) : std::fabs(in[i]));
  }
}

TEST(PaddleBranches, BlocksThatRunThemselvesOrEachOtherAreRefused) {
  struct Case {
    std::vector<std::pair<int, int>> calls;  // block, the block that it runs
    const char* why;
  };
  for (const Case& c : {Case{{{0, 0}}, "the main block"}, Case{{{0, 1}, {1, 1}}, "itself"},
                        Case{{{0, 1}, {1, 2}, {2, 1}}, "each other"}, Case{{{0, 1}, {0, 1}}, "twice"},
                        Case{{{0, 9}}, "not there"}, Case{{{0, -1}}, "negative"}}) {
    TestProgram p;
    const std::string x = p.input("x", {2, 3}), condition = constant(p, true);
    relu_in(p, 1, x, "y", "relu");
    relu_in(p, 2, x, "z", "relu");
    for (const auto& [from, block] : c.calls) run_block(p, from, condition, block, "y");
    p.output("y");
    auto graph = import(p);
    ASSERT_FALSE(graph) << c.why;
    EXPECT_NE(graph.error().text.find("has no block of its own"), std::string::npos)
        << c.why << ": " << graph.error().text;
  }
  TestProgram deep;
  const std::string x = deep.input("x", {2, 3}), condition = constant(deep, true);
  for (int i = 1; i <= 100; ++i) relu_in(deep, i, x, i == 100 ? "y" : "y" + std::to_string(i), "relu");
  for (int i = 0; i < 100; ++i) run_block(deep, i, condition, i + 1, "y");
  deep.output("y");
  auto graph = import(deep);
  ASSERT_FALSE(graph);
  EXPECT_NE(graph.error().text.find("nested too deeply"), std::string::npos) << graph.error().text;
}

}  // namespace
}  // namespace octet::convert
