// Steps that take the rows of a resize as they are made: the same bytes as one after another, without the large tensor.
#include <gtest/gtest.h>

#include <cstring>
#include <functional>

#include "runtime/core/observe.h"
#include "tests/runtime/build_model.h"

namespace octet {
namespace {

using Shape4 = std::vector<int64_t>;

struct Graph {
  ModelBuilder b;
  Shape4 size;  // of the resize's output
  int channels() const { return static_cast<int>(size[3]); }

  int resize(schema::ResizeMode mode = schema::ResizeMode::linear) {
    const int x = b.input("x", {size[0], 5, 4, size[3]});
    schema::ResizeT resize;
    resize.mode = mode;
    resize.size = {size[1], size[2]};
    const int y = b.tensor("resized", size);
    b.node("resized", resize, {x}, y);
    return y;
  }
  int sigmoid(int in) {
    schema::UnaryT unary;
    unary.act = schema::Activation(schema::ActKind::sigmoid, 0, 0);
    return node("sigmoid", unary, in, size);
  }
  int softmax(int in, int axis = 3) {
    schema::SoftmaxT softmax;
    softmax.axis = axis;
    return node("softmax", softmax, in, size);
  }
  int argmax(int in, int axis = 3) {
    schema::ArgMaxT argmax;
    argmax.axis = axis;
    Shape4 shape = size;
    shape.erase(shape.begin() + axis);
    const int y = b.tensor("argmax", shape, schema::DType::s64);
    b.node("argmax", argmax, {in}, y);
    return y;
  }
  int transpose(int in, std::vector<int32_t> perm = {0, 3, 1, 2}) {
    Shape4 shape;
    for (int32_t d : perm) shape.push_back(size[static_cast<size_t>(d)]);
    schema::TransposeT transpose;
    transpose.perm = perm;
    return node("transpose", transpose, in, shape);
  }
  template <class Attributes>
  int node(const std::string& name, const Attributes& attributes, int in, const Shape4& shape) {
    const int y = b.tensor(name, shape);
    b.node(name, attributes, {in}, y);
    return y;
  }
};

struct Ran {
  std::vector<std::byte> output;  // the last one
  size_t arena = 0;
  std::string kernels;
};

Ran run(Graph& g, std::vector<int> outputs, int threads, bool observed = false) {
  g.b.model.outputs = std::move(outputs);
  const Model model = g.b.loaded();
  SessionOptions options;
  options.threads = threads, options.profile = true;
  options.precision = g.b.model.int8_ops.empty() ? Precision::kF32 : Precision::kInt8;
  auto session = Session::create(model, options);
  if (!session) return ADD_FAILURE() << session.error().text, Ran{};
  if (observed) observe(*session, [](int, const Tensor&) {});
  EXPECT_TRUE(session->prepare());
  const auto x = session->input(0).f32();
  for (size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i * 7919 % 1009) / 150.0f - 3.0f;
  Ran ran;
  EXPECT_TRUE(session->run());
  ran.arena = session->arena_bytes();
  const Tensor y = session->output(static_cast<int>(g.b.model.outputs.size()) - 1);
  const auto* bytes = static_cast<const std::byte*>(y.data);
  ran.output.assign(bytes, bytes + static_cast<size_t>(y.shape.elements()) * (y.dtype == DType::kS64 ? 8 : 4));
  for (const StepProfile& step : session->profile()) ran.kernels += step.kernel + "\n";
  return ran;
}

struct Case {
  const char* name;
  const char* kernels;  // what the step of the resize is called; none: it stays alone
  std::function<int(Graph&, int)> tail;
};

const Case kCases[] = {
    {"argmax", "+ argmax\n", [](Graph& g, int x) { return g.argmax(x); }},
    {"softmax", "+ softmax\n", [](Graph& g, int x) { return g.softmax(x); }},
    {"sigmoid", "+ sigmoid\n", [](Graph& g, int x) { return g.sigmoid(x); }},
    {"to planes", "+ transpose\n", [](Graph& g, int x) { return g.transpose(x); }},
    {"softmax, to planes", "+ softmax + transpose\n", [](Graph& g, int x) { return g.transpose(g.softmax(x)); }},
    {"three", "+ sigmoid + softmax + argmax\n", [](Graph& g, int x) { return g.argmax(g.softmax(g.sigmoid(x))); }},
    {"columns between rows", "+ transpose\n",
     [](Graph& g, int x) {
       return g.transpose(x, {0, 1, 3, 2});
     }},
    {"argmax of columns", "", [](Graph& g, int x) { return g.argmax(x, 2); }},
    {"softmax of columns", "", [](Graph& g, int x) { return g.softmax(x, 1); }},
    {"another transpose", "",
     [](Graph& g, int x) {
       return g.transpose(x, {0, 2, 1, 3});
     }},
};

TEST(Join, SameBytesAsOneAfterAnother) {
  for (const Case& c : kCases)
    for (const Shape4& size : {Shape4{1, 9, 70, 2}, {2, 12, 33, 7}, {1, 5, 300, 19}, {3, 40, 1, 67}}) {
      Graph g{.b = {}, .size = size};
      const int resized = g.resize(), y = c.tail(g, resized);
      const Ran apart = run(g, {y}, 1, true);
      for (const int threads : {1, 3}) {
        const Ran joined = run(g, {y}, threads);
        EXPECT_TRUE(apart.output == joined.output) << c.name << " of " << size[3] << " channels, threads " << threads;
        EXPECT_EQ(joined.kernels.find("+") != std::string::npos, *c.kernels != 0) << joined.kernels;
        EXPECT_NE(joined.kernels.find(c.kernels), std::string::npos) << joined.kernels;
      }
    }
}

TEST(Join, OnlyWhatNobodyElseReads) {
  struct Row {
    const char* why;
    std::function<std::vector<int>(Graph&)> outputs;
  };
  const Row rows[] = {
      {"the caller sees it",
       [](Graph& g) {
         const int x = g.resize();
         return std::vector<int>{x, g.argmax(x)};
       }},
      {"two read it",
       [](Graph& g) {
         const int x = g.resize();
         return std::vector<int>{g.sigmoid(x), g.argmax(x)};
       }},
      {"nearest is copied", [](Graph& g) { return std::vector<int>{g.argmax(g.resize(schema::ResizeMode::nearest))}; }},
  };
  for (const Row& row : rows) {
    Graph g{.b = {}, .size = {1, 20, 30, 5}};
    const std::vector<int> outputs = row.outputs(g);
    const Ran apart = run(g, outputs, 2, true), ran = run(g, outputs, 2);
    EXPECT_EQ(ran.kernels.find("+"), std::string::npos) << row.why << ": " << ran.kernels;
    EXPECT_TRUE(apart.output == ran.output) << row.why;
  }
}

TEST(Join, InInt8) {
  Graph g{.b = {}, .size = {2, 20, 33, 11}};
  const int resized = g.resize(), y = g.argmax(resized);
  for (int t : {g.b.model.inputs[0], resized}) g.b.quantise(t, {0.03f}, {100});
  g.b.model.int8_ops = {"resize", "argmax"};
  const Ran apart = run(g, {y}, 1, true);
  for (const int threads : {1, 3}) {
    const Ran joined = run(g, {y}, threads);
    EXPECT_NE(joined.kernels.find("bilinear int8 "), std::string::npos) << joined.kernels;
    EXPECT_NE(joined.kernels.find(" + argmax"), std::string::npos) << joined.kernels;
    EXPECT_TRUE(apart.output == joined.output);
  }
}

// What follows a step that stores its rows stays a step.
TEST(Join, EndsWhereRowsAreStored) {
  Graph g{.b = {}, .size = {1, 20, 30, 5}};
  const int planes = g.transpose(g.resize());
  schema::UnaryT unary;
  unary.act = schema::Activation(schema::ActKind::tanh, 0, 0);
  const int y = g.node("tanh", unary, planes, {1, 5, 20, 30});
  const Ran apart = run(g, {y}, 1, true), ran = run(g, {y}, 1);
  EXPECT_NE(ran.kernels.find("+ transpose\n"), std::string::npos) << ran.kernels;
  EXPECT_EQ(ran.kernels.find("tanh"), std::string::npos) << ran.kernels;
  EXPECT_TRUE(apart.output == ran.output);
}

TEST(Join, TheLargeTensorTakesNoMemory) {
  Graph g{.b = {}, .size = {1, 256, 256, 24}};
  const int y = g.argmax(g.resize());
  const size_t large = 256 * 256 * 24 * sizeof(float), indices = 256 * 256 * sizeof(int64_t);
  EXPECT_GT(run(g, {y}, 1, true).arena, large);
  EXPECT_LT(run(g, {y}, 1).arena, indices + (size_t{1} << 17));
}

}  // namespace
}  // namespace octet
