// What rewriting costs grows with the graph as n log n: eight times the nodes may take a little more than eight times as long.
// OCTET_LARGE_GRAPH=100000 sets the larger size.
#include <cstdlib>
#include <ctime>

#include "converter/graph/emit.h"
#include "tests/converter/rig.h"

namespace octet::convert {
namespace {

using Make = void (*)(TestModel&, std::string x, int nodes);

void conv_chain(TestModel& m, std::string x, int nodes) {
  const std::string w = m.random({2, 2, 1, 1}), ones = m.floats({2}, {1, 1}), zeros = m.floats({2}, {0, 0});
  for (int i = 0; i < nodes / 3; ++i)
    x = m.op("Relu", {m.op("BatchNormalization", {m.op("Conv", {x, w}), ones, zeros, zeros, ones})});
  m.output(x);
}

void residual_chain(TestModel& m, std::string x, int nodes) {
  const std::string w = m.random({2, 2, 1, 1});
  for (int i = 0; i < nodes / 3; ++i) x = m.op("Relu", {m.op("Add", {m.op("Conv", {x, w}), x})});
  m.output(x);
}

void add_chain(TestModel& m, std::string x, int nodes) {
  const std::string first = x;
  for (int i = 0; i < nodes; ++i) x = m.op("Add", {x, first});
  m.output(x);
}

void transposes(TestModel& m, std::string x, int nodes) {
  for (int i = 0; i < nodes / 3; ++i) {
    x = m.op("Relu", {m.op("Transpose", {x}, {attr("perm", {0, 2, 3, 1})})});
    x = m.op("Transpose", {x},
             {attr("perm", i % 2 ? std::vector<int64_t>{0, 3, 1, 2} : std::vector<int64_t>{0, 2, 3, 1})});
  }
  m.output(x);
}

// Many readers of one tensor, joined pair by pair.
void concat_tree(TestModel& m, std::string x, int nodes) {
  std::vector<std::string> level;
  for (int i = 0; i < nodes / 3; ++i)
    level.push_back(m.op("Sigmoid", {m.op("Transpose", {x}, {attr("perm", {0, 2, 3, 1})})}));
  while (level.size() > 1) {
    std::vector<std::string> next;
    for (size_t i = 0; i < level.size(); i += 2)
      next.push_back(i + 1 < level.size() ? m.op("Concat", {level[i], level[i + 1]}, {attr("axis", 3)}) : level[i]);
    level = std::move(next);
  }
  m.output(level[0]);
}

// A size that is computed for each step.
void shape_chain(TestModel& m, std::string x, int nodes) {
  for (int i = 0; i < nodes / 3; ++i) x = m.op("Reshape", {m.op("Relu", {x}), m.op("Shape", {x})});
  m.output(x);
}

// Seconds of this thread for import, passes and file.
double seconds(Make make, int nodes) {
  TestModel m;
  make(m, m.input("x", {1, 2, 3, 4}), nodes);
  const TempFile file(m.proto.SerializeAsString());
  const std::clock_t start = std::clock();
  auto g = import_onnx(file.path(), {});
  EXPECT_TRUE(g) << g.error().text;
  if (!g) return 0;
  auto done = run_passes(*g);
  EXPECT_TRUE(done) << done.error().text;
  auto bytes = emit(*g);
  EXPECT_TRUE(bytes) << bytes.error().text;
  return static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
}

TEST(LargeGraphs, TakeTimeInProportion) {
  struct Case {
    Make make;
    const char* what;
  };
  const char* given = std::getenv("OCTET_LARGE_GRAPH");
  const int large = given ? std::atoi(given) : 16000;
  for (const auto& [make, what] :
       {Case{conv_chain, "convolutions"}, Case{residual_chain, "residuals"}, Case{add_chain, "additions"},
        Case{transposes, "transposes"}, Case{concat_tree, "concatenations"}, Case{shape_chain, "shapes"}}) {
    const double part = seconds(make, large / 8), all = seconds(make, large);
    std::printf("%s: %d nodes %.2f s, %d nodes %.2f s\n", what, large / 8, part, large, all);
    // Caches that no longer hold the graph double it; quadratic would be 64 times as much.
    EXPECT_LT(all, 40 * part + 0.3) << what;
  }
}

}  // namespace
}  // namespace octet::convert
