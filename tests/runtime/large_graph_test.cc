// Graphs of 100,000 nodes are prepared in about a second, whatever their shape: what takes quadratic time would take minutes,
// and the test's time limit with it.
#include <gtest/gtest.h>

#include "tests/runtime/build_model.h"

namespace octet {
namespace {

constexpr int kMany = 100000;

class Large {
 public:
  int input(std::vector<int64_t> shape) { return b_.input("x", std::move(shape)); }
  int relu(int t) {
    return node(schema::UnaryT{.act = schema::Activation(schema::ActKind::relu, 0, 0)}, {t}, shape(t));
  }
  int add(int a, int b) { return node(schema::BinaryT{}, {a, b}, shape(a)); }
  int reshape(int t, std::vector<int64_t> to) { return node(schema::ReshapeT{.shape = to}, {t}, to); }
  int slice(int t, int64_t start, int64_t end) {  // of the last dim
    std::vector<int64_t> to = shape(t);
    to.back() = end - start;
    return node(schema::SliceT{.starts = {start}, .ends = {end}, .axes = {static_cast<int>(to.size()) - 1}}, {t}, to);
  }
  int concat(const std::vector<int>& parts) {  // along the last dim
    std::vector<int64_t> to = shape(parts[0]);
    to.back() = 0;
    for (int t : parts) to.back() += shape(t).back();
    return node(schema::ConcatT{.axis = static_cast<int>(to.size()) - 1}, parts, to);
  }
  void quantise_all() {
    for (size_t t = 0; t < b_.model.tensors.size(); ++t) b_.quantise(static_cast<int>(t), {0.02f}, {100});
    b_.model.int8_ops = {"relu", "add"};
  }

  // Prepares and runs. The arena's bytes.
  size_t run(std::vector<int> outputs, SessionOptions options = {}) {
    b_.model.outputs = std::move(outputs);
    if (b_.model.int8_ops.empty()) options.precision = Precision::kF32;
    auto model = Model::from_bytes(b_.finish(), "large.octet");
    EXPECT_TRUE(model) << model.error().text;
    auto session = Session::create(*model, std::move(options));
    EXPECT_TRUE(session) << session.error().text;
    for (float& v : session->input(0).f32()) v = 1;
    EXPECT_TRUE(session->run());
    return session->arena_bytes();
  }

  std::vector<std::string> names() const {
    std::vector<std::string> all;
    for (const auto& n : b_.model.nodes) all.push_back(n->name);
    return all;
  }

 private:
  const std::vector<int64_t>& shape(int t) { return b_.at(t).shape; }
  template <class Attributes>
  int node(const Attributes& attributes, std::vector<int> inputs, std::vector<int64_t> shape) {
    const std::string name = "n" + std::to_string(b_.model.nodes.size());
    const int out = b_.tensor(name, std::move(shape));
    b_.node(name, attributes, std::move(inputs), out);
    return out;
  }
  ModelBuilder b_;
};

constexpr size_t kBuffer = 128;  // of up to 16 floats, with room to read behind

TEST(LargeGraph, ChainOfAdditions) {
  Large g;
  int t = g.input({1, 16});
  for (int i = 0; i < kMany; ++i) t = g.add(t, t);
  EXPECT_LE(g.run({t}), 4 * kBuffer);
}

TEST(LargeGraph, ChainThatAddsWhatItBeganWith) {
  Large g;
  const int x = g.input({1, 16});
  int t = x;
  for (int i = 0; i < kMany; ++i) t = g.add(t, x);
  EXPECT_LE(g.run({t}), 4 * kBuffer);
}

TEST(LargeGraph, EveryTensorIsReadAgainInReverse) {
  Large g;
  std::vector<int> made = {g.input({1, 16})};
  for (int i = 0; i < kMany / 2; ++i) made.push_back(g.relu(made.back()));
  int t = made.back();
  for (size_t i = made.size() - 1; i-- > 0;) t = g.add(t, made[i]);
  EXPECT_LE(g.run({t}), (kMany / 2 + 4) * kBuffer);
}

TEST(LargeGraph, ManyOutputs) {
  Large g;
  const int x = g.input({1, 16});
  std::vector<int> outputs;
  for (int i = 0; i < kMany; ++i) outputs.push_back(g.relu(x));
  EXPECT_LE(g.run(outputs), (kMany + 4) * kBuffer);
}

TEST(LargeGraph, ConcatsOfConcats) {
  Large g;
  const int x = g.input({1, 1});
  std::vector<int> rows;
  for (int i = 0; i < kMany / 1000; ++i) {
    std::vector<int> parts;
    for (int k = 0; k < 1000; ++k) parts.push_back(g.relu(x));
    rows.push_back(g.concat(parts));
  }
  EXPECT_LE(g.run({g.concat(rows)}), kMany * sizeof(float) + 4 * kBuffer);
}

TEST(LargeGraph, ChainOfReshapes) {
  Large g;
  int t = g.relu(g.input({4, 4}));
  for (int i = 0; i < kMany; ++i) t = g.reshape(t, i % 3 ? std::vector<int64_t>{2, 8} : std::vector<int64_t>{4, 4});
  EXPECT_LE(g.run({g.relu(t)}), 4 * kBuffer);
}

TEST(LargeGraph, ChainOfSlices) {
  Large g;
  int t = g.relu(g.input({1, kMany + 1}));
  for (int i = 0; i < kMany; ++i) t = g.slice(t, 1, kMany + 1 - i);
  EXPECT_LE(g.run({g.relu(t)}), 2 * (kMany + 1) * sizeof(float) + 6 * kBuffer);
}

TEST(LargeGraph, PartsOfOneTensorJoinedAgain) {
  Large g;
  const int x = g.relu(g.input({1, 1000}));
  std::vector<int> rows;
  for (int i = 0; i < kMany / 1000; ++i) {
    std::vector<int> parts;
    for (int k = 0; k < 999; ++k) parts.push_back(g.slice(x, k, k + 1));
    rows.push_back(g.concat(parts));  // without the last one: `x` itself cannot lie there
  }
  g.run({g.concat(rows)});
}

TEST(LargeGraph, EveryNodeNamedInAList) {
  Large g;
  int t = g.input({1, 16});
  for (int i = 0; i < kMany; ++i) t = i % 2 ? g.relu(t) : g.reshape(t, {1, 16});
  g.quantise_all();
  g.run({t}, {.int8_exclude = g.names()});
  g.run({t}, {});
}

}  // namespace
}  // namespace octet
