// Who runs in int8. Ops that only move elements do where that saves converting: never from float by way of u8 to float.
#include "runtime/core/precision.h"

#include <gtest/gtest.h>

#include "tests/runtime/build_model.h"

namespace octet {
namespace {

// Tensors of {1, 6, 4}, all with one quantisation. 'i' runs in int8 (relu, which the file names), 'f' in float (sigmoid, which
// it does not), 'r' and 't' move (reshape, transpose).
class Chains {
 public:
  int input() { return quantised(b_.input("x", {1, 6, 4})); }
  int constant() { return quantised(b_.f32("c", {1, 6, 4}, std::vector<float>(24, 0.3f))); }

  int chain(int t, const std::string& ops) {
    for (char op : ops) {
      if (op == 'r')
        t = node(schema::ReshapeT{.shape = {1, 6, 4}}, {t});
      else if (op == 't')
        t = node(schema::TransposeT{.perm = {0, 1, 2}}, {t});
      else
        t = node(schema::UnaryT{.act = schema::Activation(op == 'i' ? schema::ActKind::relu : schema::ActKind::sigmoid,
                                                          0, 0)},
                 {t});
    }
    return t;
  }
  int size(int t) {
    const int out = b_.tensor("size", {3}, schema::DType::s64);
    b_.node("size", schema::ShapeOfT{}, {t}, out);
    return out;
  }
  int concat(std::vector<int> parts) { return node(schema::ConcatT{.axis = 0}, std::move(parts)); }

  // One character a node, in the order they were made: 8 or f.
  std::string chosen(std::vector<int> outputs, SessionOptions options = {}) {
    const Model model = load(std::move(outputs));
    const auto int8 = choose_int8(model.data(), options);
    EXPECT_TRUE(int8) << int8.error().text;
    std::string text;
    for (bool is : *int8) text += is ? '8' : 'f';
    return text;
  }

  Model load(std::vector<int> outputs) {
    b_.model.outputs = std::move(outputs);
    b_.model.int8_ops = {"relu"};
    auto model = Model::from_bytes(b_.finish(), "chains.octet");
    EXPECT_TRUE(model) << model.error().text;
    return *model;
  }

 private:
  int quantised(int t) {
    b_.quantise(t, {0.02f}, {100});
    return t;
  }
  template <class Attributes>
  int node(const Attributes& attributes, std::vector<int> inputs) {
    std::vector<int64_t> shape = b_.at(inputs[0]).shape;
    if constexpr (std::is_same_v<Attributes, schema::ConcatT>) shape[0] = static_cast<int64_t>(inputs.size());
    const std::string name = "n" + std::to_string(b_.model.nodes.size());
    const int out = quantised(b_.tensor(name, shape));
    b_.node(name, attributes, std::move(inputs), out);
    return out;
  }

  ModelBuilder b_;
};

TEST(Precision, MoversAreInt8WhereThatSavesConverting) {
  struct Case {
    const char *ops, *chosen, *why;
  };
  for (const auto& [ops, chosen, why] : {
           Case{"iri", "888", "between int8 nodes"},
           {"irtri", "88888", "several"},
           {"irf", "88f", "bytes are moved before they become float"},
           {"irtf", "888f", "the same through two"},
           {"ir", "88", "the output is made from bytes that were moved"},
           {"fri", "f88", "quantised before it is moved, not behind"},
           {"ri", "88", "so is an input"},
           {"frf", "fff", "nothing is quantised merely to be moved"},
           {"frtf", "ffff", "nor through several"},
           {"fr", "ff", "nor for an output"},
           {"rf", "ff", "nor an input"},
           {"rtr", "fff", "movers alone are no reason"},
           {"irfrtfri", "88ffff88", "each stretch by itself"},
       }) {
    Chains c;
    EXPECT_EQ(c.chosen({c.chain(c.input(), ops)}), chosen) << ops << ": " << why;
  }
}

TEST(Precision, AReaderInFloatKeepsFloatValuesFloat) {
  Chains c;
  const int moved = c.chain(c.input(), "fr"), a = c.chain(moved, "i"), b = c.chain(moved, "f");
  EXPECT_EQ(c.chosen({a, b}), "ff8f");
  EXPECT_EQ(c.chosen({a, moved}), "ff8f");  // seen outside
}

TEST(Precision, OnlyTheEndOfAStretchThatInt8AloneReads) {
  Chains c;
  const int moved = c.chain(c.input(), "fr");
  EXPECT_EQ(c.chosen({c.chain(moved, "ti"), c.chain(moved, "f")}), "ff88f");
}

TEST(Precision, AConcatIsInt8WhereAllThatItJoinsOrAllThatReadItIs) {
  for (const auto& [parts, reader, chosen] : {
           std::array<std::string, 3>{"if", "i", "8f88"},
           {"if", "f", "8fff"},
           {"ii", "f", "888f"},
           {"ff", "i", "ff88"},
           {"ff", "f", "ffff"},
           {"ic", "i", "888"},  // c: a constant
           {"ic", "f", "8ff"},
       }) {
    Chains c;
    const int x = c.input();
    std::vector<int> joined;
    for (char part : parts) joined.push_back(part == 'c' ? c.constant() : c.chain(x, std::string(1, part)));
    EXPECT_EQ(c.chosen({c.chain(c.concat(joined), reader)}), chosen) << parts << " read by " << reader;
  }
}

TEST(Precision, ListsNameMoversOnlyToExcludeThem) {
  Chains c;
  const int y = c.chain(c.input(), "irti");
  EXPECT_EQ(c.chosen({y}, {.int8_ops = {"relu"}}), "8888");
  EXPECT_EQ(c.chosen({y}, {.int8_exclude = {"transpose"}}), "88f8");
  EXPECT_EQ(c.chosen({y}, {.int8_exclude = {"n1"}}), "8f88");
  EXPECT_EQ(c.chosen({y}, {.int8_exclude = {"relu"}}), "ffff");
  EXPECT_EQ(c.chosen({y}, {.int8_ops = {"add"}}), "ffff");
}

TEST(Precision, WhoAsksForASizeReadsNoElements) {
  Chains c;
  const int moved = c.chain(c.input(), "r"), y = c.chain(moved, "i"), size = c.size(moved);
  EXPECT_EQ(c.chosen({y, size}), "88f");
  auto session = Session::create(c.load({y, size}));
  ASSERT_TRUE(session) << session.error().text;
  int converted = 0;
  for (const StepProfile& step : session->profile()) converted += step.op == "dequantize";
  EXPECT_EQ(converted, 1);  // y's
}

// Where every op that computes is excluded, an int8 session gives what a float session gives.
TEST(Precision, WithAllLayersExcludedTheBytesAreThoseOfFloat) {
  Chains c;
  const Model model = c.load({c.concat({c.chain(c.input(), "rifti"), c.chain(c.constant(), "r")})});
  std::vector<float> results[2];
  for (bool excluded : {false, true}) {
    SessionOptions options;
    options.precision = excluded ? Precision::kInt8 : Precision::kF32;
    if (excluded) options.int8_exclude = {"relu"};
    auto session = Session::create(model, options);
    ASSERT_TRUE(session) << session.error().text;
    for (size_t i = 0; i < 24; ++i) session->input(0).f32()[i] = static_cast<float>(i) * 0.037f;
    ASSERT_TRUE(session->run());
    const auto y = session->output(0).f32();
    results[excluded].assign(y.begin(), y.end());
  }
  EXPECT_EQ(results[0], results[1]);
}

}  // namespace
}  // namespace octet
