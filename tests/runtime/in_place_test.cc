// Who lives in whose memory: elementwise steps that write over their input, and slices of a tensor that a concat joins again.
// Less memory or fewer steps, the same results, and only where nobody misses what is gone.
#include <gtest/gtest.h>

#include <cmath>

#include "runtime/core/observe.h"
#include "tests/runtime/build_model.h"

namespace octet {
namespace {

constexpr int64_t kSide = 16, kChannels = 12, kElements = kSide * kSide * kChannels;
constexpr size_t kBuffer = kElements * sizeof(float) + 64, kScratch = 64;

class Graph {
 public:
  int input() { return b_.input("x", {1, kSide, kSide, kChannels}); }
  int act(int in, schema::ActKind kind) {
    schema::UnaryT unary;
    unary.act = schema::Activation(kind, 0.1f, 0.0f);
    return node(unary, {in}, b_.at(in).shape);
  }
  int binary(schema::BinaryKind kind, int a, int b) {
    schema::BinaryT binary;
    binary.kind = kind;
    return node(binary, {a, b}, b_.at(a).shape);
  }
  int slice(int in, int axis, int64_t start, int64_t end) {
    schema::SliceT slice;
    slice.starts = {start}, slice.ends = {end}, slice.axes = {axis};
    std::vector<int64_t> shape = b_.at(in).shape;
    shape[static_cast<size_t>(axis)] = end - start;
    return node(slice, {in}, shape);
  }
  int concat(std::vector<int> parts) {
    schema::ConcatT concat;
    concat.axis = 3;
    std::vector<int64_t> shape = b_.at(parts[0]).shape;
    shape[3] = 0;
    for (int part : parts) shape[3] += b_.at(part).shape[3];
    return node(concat, parts, shape);
  }
  int reshape(int in, std::vector<int64_t> shape) {
    schema::ReshapeT reshape;
    reshape.shape = shape;
    return node(reshape, {in}, shape);
  }
  void quantise(int t) { b_.quantise(t, {0.02f}, {100}); }

  // Runs with views and writing in place, and with neither; both must agree. The memory that the first took.
  size_t arena(std::vector<int> outputs) {
    b_.model.outputs = std::move(outputs);
    b_.model.int8_ops = {"relu", "sigmoid", "leaky_relu", "add", "multiply"};
    auto model = Model::from_bytes(b_.finish(), "graph.octet");
    EXPECT_TRUE(model) << model.error().text;
    std::vector<std::vector<float>> results[2];
    size_t bytes = 0;
    for (bool copies : {false, true}) {
      auto session = Session::create(*model, {});
      EXPECT_TRUE(session) << session.error().text;
      if (copies) observe(*session, [](int, const Tensor&) {});
      EXPECT_TRUE(session->prepare());
      for (int64_t i = 0; i < kElements; ++i)
        session->input(0).f32()[static_cast<size_t>(i)] = static_cast<float>(i * 7919 % 601) / 150.0f - 2.0f;
      for (int round = 0; round < 2; ++round) EXPECT_TRUE(session->run());
      for (size_t o = 0; o < b_.model.outputs.size(); ++o) {
        const auto y = session->output(static_cast<int>(o)).f32();
        results[copies].emplace_back(y.begin(), y.end());
      }
      if (copies) continue;
      bytes = session->arena_bytes();
      for (const StepProfile& step : session->profile()) steps += std::string(step.op) + " ";
    }
    EXPECT_EQ(results[0], results[1]);
    return bytes;
  }

  std::string steps;  // of the run with views

 private:
  template <class Attributes>
  int node(const Attributes& attributes, std::vector<int> inputs, std::vector<int64_t> shape) {
    const std::string name = std::to_string(b_.model.tensors.size()) + "_t";
    const int out = b_.tensor(name, std::move(shape));
    b_.node(name, attributes, std::move(inputs), out);
    return out;
  }

  ModelBuilder b_;
};

using schema::ActKind, schema::BinaryKind;

TEST(InPlace, AChainTakesOneBufferBesidesTheInput) {
  Graph g;
  int t = g.input();
  for (ActKind kind : {ActKind::sigmoid, ActKind::leaky_relu, ActKind::tanh, ActKind::silu}) t = g.act(t, kind);
  EXPECT_EQ(g.arena({t}), 2 * kBuffer + kScratch);
}

TEST(InPlace, ABinaryWritesOverEitherOperand) {
  Graph g;
  const int x = g.input(), a = g.act(x, ActKind::sigmoid), b = g.act(x, ActKind::tanh);
  EXPECT_EQ(g.arena({g.binary(BinaryKind::sub, x, g.binary(BinaryKind::mul, a, b))}), 3 * kBuffer + kScratch);
}

TEST(InPlace, ATensorTimesItselfIsWrittenOverIt) {
  Graph g;
  const int a = g.act(g.input(), ActKind::tanh);
  EXPECT_EQ(g.arena({g.binary(BinaryKind::mul, a, a)}), 2 * kBuffer + kScratch);
}

TEST(InPlace, WhatIsReadLaterStays) {
  Graph g;
  const int a = g.act(g.input(), ActKind::tanh), b = g.act(a, ActKind::sigmoid);
  EXPECT_EQ(g.arena({g.binary(BinaryKind::mul, a, b)}), 3 * kBuffer + kScratch);
}

TEST(InPlace, ModelInputsAndOutputsStay) {
  Graph g;
  const int a = g.act(g.input(), ActKind::tanh), b = g.act(a, ActKind::sigmoid);
  EXPECT_EQ(g.arena({a, b}), 3 * kBuffer + kScratch);
}

TEST(InPlace, PartsThatAreReadLaterStay) {
  Graph g;
  const int a = g.act(g.input(), ActKind::tanh), part = g.slice(a, 3, 4, 8), b = g.act(a, ActKind::sigmoid);
  const int c = g.act(part, ActKind::leaky_relu);
  EXPECT_EQ(g.arena({b, c}), 3 * kBuffer + (kBuffer - 64) / 3 + 64 + kScratch);
}

TEST(InPlace, OtherNamesThatAreReadLaterStay) {
  Graph g;
  const int a = g.act(g.input(), ActKind::tanh), same = g.reshape(a, {1, kSide * kSide, kChannels});
  const int b = g.act(same, ActKind::sigmoid);
  EXPECT_EQ(g.arena({b, g.act(a, ActKind::leaky_relu)}), 4 * kBuffer + kScratch);
}

TEST(InPlace, AnOperandThatIsPartOfTheOtherStays) {
  Graph g;
  const int a = g.act(g.input(), ActKind::tanh);
  EXPECT_EQ(g.arena({g.binary(BinaryKind::add, a, g.slice(a, 1, 3, 4))}), 3 * kBuffer + kScratch);
}

TEST(InPlace, ABroadcastOperandIsNotWrittenOver) {
  Graph g;
  const int x = g.input(), row = g.act(g.slice(x, 1, 0, 1), ActKind::sigmoid);
  EXPECT_EQ(g.arena({g.binary(BinaryKind::mul, x, row)}), 2 * kBuffer + (kBuffer - 64) / kSide + 64 + kScratch);
}

TEST(InPlace, Int8WritesOverInt8ButNotOverFloat) {
  Graph g;
  int t = g.input();
  g.quantise(t);
  for (ActKind kind : {ActKind::leaky_relu, ActKind::tanh, ActKind::sigmoid}) g.quantise(t = g.act(t, kind));
  EXPECT_EQ(g.arena({t}), 2 * kBuffer + kElements + 64 + kScratch);  // input, output, one u8 between
}

// x -> y, its halves, and the concat of those in some order with what is made of the second.
std::string split_and_join(const std::vector<int>& order, bool gap) {
  Graph g;
  const int y = g.act(g.input(), ActKind::tanh);
  const int a = g.slice(y, 3, 0, 6), b = g.slice(y, 3, gap ? 7 : 6, 12), c = g.act(b, ActKind::sigmoid);
  const int parts[] = {a, b, c, g.slice(y, 3, 0, 6)};
  std::vector<int> joined;
  for (int i : order) joined.push_back(parts[i]);
  g.arena({g.act(g.concat(joined), ActKind::leaky_relu), g.act(y, ActKind::relu)});
  return g.steps;
}

TEST(Views, PartsJoinedAgainAreNotCopied) {
  const std::string no_copies = "tanh sigmoid leaky_relu relu ";
  EXPECT_EQ(split_and_join({0, 1, 2}, false), no_copies);
  EXPECT_EQ(split_and_join({2, 0, 1}, false), no_copies);
}

TEST(Views, PartsInAnotherOrderAreCopied) {
  for (const std::vector<int>& order : {std::vector<int>{1, 0, 2}, {0, 2, 1}, {0, 3, 2}, {0, 2}, {1, 2}})
    EXPECT_NE(split_and_join(order, false).find("slice"), std::string::npos) << order[0] << order[1];
  EXPECT_NE(split_and_join({0, 1, 2}, true).find("slice"), std::string::npos);
}

}  // namespace
}  // namespace octet
