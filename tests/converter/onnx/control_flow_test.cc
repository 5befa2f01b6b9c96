// If, Loop, sequences and functions of the file are gone once a model is imported: what they stand for is computed.
#include <set>

#include "tests/converter/rig.h"

namespace octet::convert {
namespace {

using Graphs = std::vector<std::pair<std::string, const TestModel*>>;

// An op with graphs inside, whose inputs and outputs those of the models are.
std::vector<std::string> block_op(TestModel& m, const std::string& type, const std::vector<std::string>& inputs,
                                  int outputs, const Graphs& graphs) {
  auto made = m.ops(type, inputs, outputs);
  auto* node = m.proto.mutable_graph()->mutable_node(m.proto.graph().node_size() - 1);
  for (const auto& [name, inner] : graphs) {
    auto* a = node->add_attribute();
    a->set_name(name);
    a->set_type(5);
    *a->mutable_g() = inner->proto.graph();
  }
  return made;
}

std::string truth(TestModel& m, bool value) { return m.integers(9, {}, {value}); }

// What a model whose one input is x, all of it times 0, gives.
std::vector<float> outputs_of(const TestModel& m) {
  const Graph g = converted(m);
  std::set<std::string> names;
  for (const Node& n : g.nodes) EXPECT_TRUE(names.insert(n.name).second) << n.name << " is there twice\n" << dump(g);
  return run(g);
}

std::string zeros(TestModel& m, const std::vector<int64_t>& dims) {
  return m.op("Mul", {m.input("x", dims), m.floats({}, {0})});
}

TestModel adds(const std::string& to, float value) {
  TestModel m;
  m.output(m.op("Add", {to, m.floats({}, {value})}));
  return m;
}

TEST(ControlFlow, IfTakesTheBranchOfAConstant) {
  for (bool taken : {false, true}) {
    TestModel m;
    const std::string z = zeros(m, {2});
    TestModel other;
    other.output(other.op("NoSuchOp", {z}));
    const TestModel one = adds(z, 3);
    m.output(block_op(m, "If", {truth(m, taken)}, 1,
                      {{"then_branch", taken ? &one : &other}, {"else_branch", taken ? &other : &one}})[0]);
    EXPECT_EQ(outputs_of(m), (std::vector<float>{3, 3})) << taken;
  }
}

// As torch.squeeze(dim) is exported.
TEST(ControlFlow, IfFollowsFromSizes) {
  for (int64_t size : {1, 3}) {
    TestModel m;
    const std::string x = m.input("x", {2, size, -1});
    const std::string dim = m.op("Gather", {m.op("Shape", {x}), m.ints({1})});
    TestModel yes, no;
    yes.output(yes.op("Squeeze", {x, yes.ints({1})}));
    no.output(no.op("Identity", {x}));
    m.output(
        block_op(m, "If", {m.op("Equal", {dim, m.ints({1})})}, 1, {{"then_branch", &yes}, {"else_branch", &no}})[0]);
    auto g = import(m);
    ASSERT_TRUE(g) << g.error().text;
    EXPECT_EQ(tensor(*g, g->outputs[0]).shape, size == 1 ? (Shape{2, -1}) : (Shape{2, 3, -1}));
  }
}

TEST(ControlFlow, IfOfDataChoosesAmongAlikeResults) {
  TestModel m;
  const std::string z = zeros(m, {2});
  const std::string sum = m.op("ReduceSum", {m.op("Add", {z, m.floats({2}, {1, -3})})}, {attr("keepdims", 0)});
  const TestModel yes = adds(z, 5), no = adds(z, 7);
  m.output(block_op(m, "If", {m.op("Greater", {sum, m.floats({}, {0})})}, 1,
                    {{"then_branch", &yes}, {"else_branch", &no}})[0]);
  m.output(
      block_op(m, "If", {m.op("Less", {sum, m.floats({}, {0})})}, 1, {{"then_branch", &yes}, {"else_branch", &no}})[0]);
  EXPECT_EQ(outputs_of(m), (std::vector<float>{7, 7, 5, 5}));
  TestModel wide;
  wide.output(wide.op("Add", {z, wide.floats({3, 1}, {1, 2, 3})}));
  m.output(block_op(m, "If", {m.op("Less", {sum, m.floats({}, {0})})}, 1,
                    {{"then_branch", &yes}, {"else_branch", &wide}})[0]);
  EXPECT_NE(error_of(m).find("(If): its condition depends on data, and its branches give {2} and {3, 2}"),
            std::string::npos)
      << error_of(m);
}

// A body that carries s to 2 s + i, goes on while i is below `last`, and collects s.
TestModel doubling(int64_t last) {
  TestModel b;
  for (const char* name : {"i", "on", "s"}) b.proto.mutable_graph()->add_input()->set_name(name);
  const std::string next = b.op("Add", {b.op("Add", {"s", "s"}), b.op("Cast", {"i"}, {attr("to", 1)})});
  b.output(b.op("Less", {"i", b.integers(7, {}, {})}));
  b.proto.mutable_graph()->mutable_initializer(0)->add_int64_data(last);
  b.output(next);
  b.output(b.op("Identity", {next}));
  return b;
}

std::vector<float> looped(int64_t trips, int64_t last) {
  TestModel m;
  const std::string start = m.op("Add", {zeros(m, {1}), m.floats({}, {1})});
  const TestModel body = doubling(last);
  for (const std::string& y : block_op(m, "Loop", {m.ints({trips}), truth(m, true), start}, 2, {{"body", &body}}))
    m.output(y);
  return outputs_of(m);
}

TEST(ControlFlow, LoopsRunAsOftenAsConstantsSay) {
  EXPECT_EQ(looped(3, 9), (std::vector<float>{12, 2, 5, 12}));
  EXPECT_EQ(looped(100, 1), (std::vector<float>{5, 2, 5}));
  TestModel m;  // not once, so that nothing is collected
  const TestModel body = doubling(9);
  m.output(
      block_op(m, "Loop", {m.ints({0}), "", m.op("Add", {zeros(m, {1}), m.floats({}, {1})})}, 1, {{"body", &body}})[0]);
  EXPECT_EQ(outputs_of(m), (std::vector<float>{1}));
}

TEST(ControlFlow, LoopsInLoops) {
  TestModel inner = doubling(9), outer;
  for (const char* name : {"i", "on", "s"}) outer.proto.mutable_graph()->add_input()->set_name(name);
  outer.output(outer.op("Identity", {"on"}));
  outer.output(block_op(outer, "Loop", {outer.ints({2}), "", "s"}, 2, {{"body", &inner}})[0]);
  TestModel m;
  const std::string start = m.op("Add", {zeros(m, {1}), m.floats({}, {1})});
  m.output(block_op(m, "Loop", {m.ints({2}), "", start}, 1, {{"body", &outer}})[0]);
  EXPECT_EQ(outputs_of(m), (std::vector<float>{21}));  // 1, 2, 5, 10, 21
}

TEST(ControlFlow, LoopsAreBoundedAndErrorsNameThem) {
  TestModel m;
  const TestModel body = doubling(INT64_MAX);
  const std::string x = m.input("x", {1});
  m.output(block_op(m, "Loop", {m.ints({INT64_MAX}), "", x}, 1, {{"body", &body}})[0]);
  const std::string error = error_of(m, {.max_nodes = 1000});
  EXPECT_NE(error.find("more nodes than the max_nodes of 1000"), std::string::npos) << error;
  TestModel open;
  const std::string n =
      open.op("Cast", {open.op("ReduceMax", {open.input("x", {1})}, {attr("keepdims", 0)})}, {attr("to", 7)});
  open.output(block_op(open, "Loop", {n, "", "x"}, 1, {{"body", &body}})[0]);
  EXPECT_NE(error_of(open).find("(Loop): how often it runs depends on data"), std::string::npos) << error_of(open);
}

TEST(ControlFlow, Sequences) {
  TestModel m;
  const std::string x = m.op("Add", {zeros(m, {2, 5}), m.floats({5}, {0, 1, 2, 3, 4})});
  const std::string parts = m.op("SplitToSequence", {x, m.integers(6, {}, {2})}, {attr("axis", 1)});  // 2, 2, 1
  const std::string last = m.op("SequenceAt", {parts, m.integers(6, {}, {-1})});
  const std::string more =
      m.op("SequenceInsert", {m.op("SequenceErase", {parts, m.integers(6, {}, {0})}), last, m.integers(6, {}, {-1})});
  m.output(m.op("ConcatFromSequence", {more}, {attr("axis", 1)}));  // (2, 3), then 4 before the last, 4
  m.output(m.op("SequenceLength", {more}));
  const std::string columns = m.op("SplitToSequence", {x}, {attr("axis", 1), attr("keepdims", 0)});
  m.output(m.op("SequenceAt", {columns, m.integers(6, {}, {3})}));
  EXPECT_EQ(outputs_of(m), (std::vector<float>{2, 3, 4, 4, 2, 3, 4, 4, 3, 3, 3}));
  m.output(m.op("Relu", {parts}));
  EXPECT_NE(error_of(m).find("(Relu): takes no sequence"), std::string::npos) << error_of(m);
}

onnx::FunctionProto& function(TestModel& m, const std::string& name) {
  auto* f = m.proto.add_functions();
  f->set_domain("own");
  f->set_name(name);
  f->add_input("x");
  f->add_output("y");
  return *f;
}

onnx::NodeProto& call(onnx::FunctionProto& f, const std::string& type, const std::string& x, const std::string& y) {
  auto* n = f.add_node();
  n->set_op_type(type);
  n->add_input(x);
  n->add_output(y);
  return *n;
}

void refer(onnx::NodeProto& n, const std::string& name, const std::string& to) {
  auto* a = n.add_attribute();
  a->set_name(name);
  a->set_type(1);
  a->set_ref_attr_name(to);
}

// leaky(x, slope = 0.5) is LeakyRelu; twice(x, slope) calls it with slope and then as it is.
TEST(ControlFlow, FunctionsTakeAttributesFromTheirCalls) {
  TestModel m;
  auto& leaky = function(m, "leaky");
  refer(call(leaky, "LeakyRelu", "x", "y"), "alpha", "slope");
  auto* otherwise = leaky.add_attribute_proto();
  otherwise->set_name("slope"), otherwise->set_type(1), otherwise->set_f(0.5f);
  auto& twice = function(m, "twice");
  auto& inner = call(twice, "leaky", "x", "half");
  inner.set_domain("own");
  refer(inner, "slope", "slope");
  call(twice, "leaky", "half", "y").set_domain("own");
  const std::string x = m.op("Add", {zeros(m, {2}), m.floats({2}, {-8, 1})});
  m.output(m.op("own.twice", {x}, {attr("slope", 0.25f)}));
  m.output(m.op("own.twice", {x}));
  EXPECT_EQ(outputs_of(m), (std::vector<float>{-1, 1, -2, 1}));
}

TEST(ControlFlow, ConstantsOfAFunctionAreThoseOfItsCall) {
  TestModel m;
  auto& f = function(m, "shifted");
  auto* constant = f.add_node();
  constant->set_op_type("Constant");
  constant->add_output("c");
  refer(*constant, "value_float", "by");
  call(f, "Add", "x", "y").add_input("c");
  const std::string z = zeros(m, {1});
  m.output(m.op("own.shifted", {m.op("own.shifted", {z}, {attr("by", 2.0f)})}, {attr("by", 5.0f)}));
  EXPECT_EQ(outputs_of(m), (std::vector<float>{7}));
}

TEST(ControlFlow, FunctionsAreBounded) {
  TestModel endless;
  call(function(endless, "f"), "f", "x", "y").set_domain("own");
  endless.output(endless.op("own.f", {endless.input("x", {1})}));
  EXPECT_NE(error_of(endless).find("functions call each other too deeply"), std::string::npos) << error_of(endless);
  TestModel bombs;
  for (int i = 0; i < 40; ++i) {
    auto& f = function(bombs, "f" + std::to_string(i));
    const std::string next = i < 39 ? "f" + std::to_string(i + 1) : "Neg";
    for (const auto& [from, to] : {std::pair("x", "z"), std::pair("z", "y")})
      call(f, next, from, to).set_domain(i < 39 ? "own" : "");
  }
  bombs.output(bombs.op("own.f0", {bombs.input("x", {1})}));
  EXPECT_NE(error_of(bombs, {.max_nodes = 2000}).find("more nodes than the max_nodes of 2000"), std::string::npos);
}

}  // namespace
}  // namespace octet::convert
