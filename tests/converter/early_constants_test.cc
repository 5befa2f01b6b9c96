// What a source computes of constants or of fixed sizes is a constant for the node that reads it, however it is spelled.
#include "converter/graph/emit.h"
#include "octet/convert.h"
#include "tests/converter/rig.h"

namespace octet::convert {
namespace {

std::vector<float> numbers(int count) {
  std::vector<float> v;
  for (int i = 0; i < count; ++i) v.push_back(static_cast<float>(i * 7 % 23 - 11) / 16);
  return v;
}

// A tensor of these values as one op or several make it of constants.
using Spell = std::string (*)(TestModel&, const std::vector<int64_t>& dims, const std::vector<float>& values);

struct Spelling {
  const char* name;
  Spell spell;
};

std::string whole(TestModel& m, const std::vector<int64_t>& dims, const std::vector<float>& values) {
  return m.floats(dims, values);
}

const Spelling kSpellings[] = {
    {"reshape",
     [](TestModel& m, const std::vector<int64_t>& dims, const std::vector<float>& v) {
       return m.op("Reshape", {m.floats({static_cast<int64_t>(v.size())}, v), m.ints(dims)});
     }},
    {"a shape that is computed",
     [](TestModel& m, const std::vector<int64_t>& dims, const std::vector<float>& v) {
       const std::string like = m.op("ConstantOfShape", {m.ints(dims)});
       return m.op("Reshape", {m.floats({static_cast<int64_t>(v.size())}, v), m.op("Shape", {like})});
     }},
    {"transposed twice",
     [](TestModel& m, const std::vector<int64_t>& dims, const std::vector<float>& v) {
       return m.op("Transpose", {m.op("Transpose", {m.floats(dims, v)})});
     }},
    {"unsqueezed, squeezed",
     [](TestModel& m, const std::vector<int64_t>& dims, const std::vector<float>& v) {
       return m.op("Squeeze", {m.op("Unsqueeze", {m.floats(dims, v), m.ints({0})}), m.ints({0})});
     }},
    {"halves that are joined",
     [](TestModel& m, const std::vector<int64_t>& dims, const std::vector<float>& v) {
       const std::string x = m.floats(dims, v), end = m.op("Div", {m.ints({dims[0]}), m.ints({2})});
       const std::string front = m.op("Slice", {x, m.ints({0}), end, m.ints({0})});
       const std::string back = m.op("Slice", {x, end, m.ints({1000}), m.ints({0})});
       return m.op("Concat", {front, back}, {attr("axis", 0)});
     }},
    {"arithmetic",
     [](TestModel& m, const std::vector<int64_t>& dims, const std::vector<float>& v) {
       const std::string doubled = m.op("Add", {m.floats(dims, v), m.floats(dims, v)});
       return m.op("Mul", {doubled, m.op("Reciprocal",
                                         {m.op("Cast", {m.op("Div", {m.ints({4}), m.ints({2})})}, {attr("to", 1)})})});
     }},
    {"chosen and gathered",
     [](TestModel& m, const std::vector<int64_t>& dims, const std::vector<float>& v) {
       const std::string x = m.floats(dims, v), zeros = m.op("ConstantOfShape", {m.ints(dims)});
       const std::string chosen = m.op("Where", {m.op("Equal", {m.ints({1}), m.ints({1})}), x, zeros});
       std::vector<int64_t> places;
       for (int64_t i = 0; i < dims[0]; ++i) places.push_back(i);
       return m.op("Gather", {chosen, m.ints(places)}, {attr("axis", 0)});
     }},
};

// A convolution and what else asks for constants: their bias, a batch norm, pads, axes.
TestModel model_with(Spell spell) {
  TestModel m;
  const std::string x = m.input("x", {1, 4, 6, 6});
  std::string y = m.op("Conv", {x, spell(m, {8, 4, 3, 3}, numbers(288)), spell(m, {8}, numbers(8))});
  const std::string ones = spell(m, {8}, std::vector<float>(8, 1.5f));
  y = m.op("BatchNormalization", {y, spell(m, {8}, numbers(8)), ones, spell(m, {8}, numbers(8)), ones});
  y = m.op("ConvTranspose", {y, spell(m, {8, 2, 2, 2}, numbers(64))}, {attr("strides", {2, 2})});
  m.output(y);
  return m;
}

TEST(EarlyConstants, WeightsMayBeComputed) {
  const std::vector<float> expected = run(converted(model_with(whole)));
  for (const Spelling& s : kSpellings) {
    const Graph g = converted(model_with(s.spell));
    EXPECT_EQ(run(g), expected) << s.name;
    EXPECT_EQ(count(g, schema::Op::Conv2d), 2) << s.name << "\n" << dump(g);
  }
}

// Below and above the sizes that shape arithmetic computes by itself.
TEST(EarlyConstants, OfAnySize) {
  for (int64_t rows : {4, 2000}) {
    TestModel m;
    const std::string w = m.op("Transpose", {m.op("Mul", {m.random({rows, 3}), m.random({rows, 1})})});
    m.output(m.op("Gemm", {m.input("x", {1, 3}), w}));
    auto g = import(m);
    ASSERT_TRUE(g) << g.error().text;
    EXPECT_EQ(count(*g, schema::Op::Transpose) + count(*g, schema::Op::Binary), 0) << dump(*g);
    converted(m);
  }
}

TEST(EarlyConstants, SizesOfFixedInputs) {
  TestModel m(9);  // as PyTorch up to 1.6 spells an interpolation by a factor
  const std::string x = m.input("x", {1, 2, 3, 5});
  const std::string size = m.op("Slice", {m.op("Shape", {x})},
                                {attr("starts", std::vector<int64_t>{2}), attr("ends", std::vector<int64_t>{4})});
  const std::string real = m.op("Cast", {size}, {attr("to", 1)});
  const std::string scale = m.op("Div", {m.op("Floor", {m.op("Mul", {real, m.floats({}, {2})})}), real});
  m.output(m.op("Upsample", {x, m.op("Concat", {m.floats({2}, {1, 1}), scale}, {attr("axis", 0)})}));
  const Graph g = converted(m);
  EXPECT_EQ(tensor(g, g.outputs[0]).shape, (Shape{1, 2, 6, 10}));
  EXPECT_EQ(first<schema::ResizeT>(g).scale, (std::vector<float>{2, 2}));
}

TEST(EarlyConstants, OutputsOfTheModelStayNodesWithTheirNames) {
  TestModel m;
  const std::string sum = m.op("Add", {m.floats({2}, {1, 2}), m.floats({2}, {3, 4})});
  m.output(m.op("Mul", {m.input("x", {2}), sum}));
  m.output(sum);
  const Graph g = converted(m);
  EXPECT_EQ(tensor(g, g.outputs[1]).name, sum);
  const std::vector<float> all = run(g);
  EXPECT_EQ((std::vector<float>{all[2], all[3]}), (std::vector<float>{4, 6}));
}

TEST(EarlyConstants, KeepToTheLimitOfMemory) {
  TestModel m;
  std::string w = m.random({100, 100});
  for (int i = 0; i < 50; ++i) w = m.op("Add", {w, w});
  m.output(m.op("MatMul", {m.input("x", {1, 100}), w}));
  auto g = import(m, {.memory_limit = 400'000});  // room for three of 40 kB
  ASSERT_TRUE(g) << g.error().text;
  EXPECT_LE(g->constant_bytes(), 140'000u);
  EXPECT_GE(count(*g, schema::Op::Binary), 47);
}

TEST(EarlyConstants, ErrorsNameTheNode) {
  TestModel m;
  const std::string places = m.op("Gather", {m.floats({3, 4000}, numbers(12000)), m.ints({5})}, {attr("axis", 0)});
  m.output(m.op("Add", {m.input("x", {1, 4000}), places}));
  EXPECT_NE(error_of(m).find("(Gather)"), std::string::npos) << error_of(m);
}

TEST(Range, OfFloats) {
  struct Case {
    float start, limit, step;
    std::vector<float> expected;  // ONNX Runtime's
  };
  for (const Case& c : {Case{0, 4, 1, {0, 1, 2, 3}},
                        {0.5f, 3, 1, {0.5f, 1.5f, 2.5f}},
                        {1, 0, -0.25f, {1, 0.75f, 0.5f, 0.25f}},
                        {0, 1, 0.4f, {0, 0.4f, 0.8f}},
                        {3, 1, 1, {}}}) {
    TestModel m;
    const std::string part = m.op("Range", {m.floats({}, {c.start}), m.floats({}, {c.limit}), m.floats({}, {c.step})});
    m.output(m.op("Concat", {m.input("x", {1}), part}, {attr("axis", 0)}));
    std::vector<float> got = run(converted(m));
    got.erase(got.begin());
    EXPECT_EQ(got, c.expected) << c.start << " " << c.limit << " " << c.step;
  }
  TestModel endless;
  const std::string part =
      endless.op("Range", {endless.floats({}, {0}), endless.floats({}, {1}), endless.floats({}, {0})});
  endless.output(endless.op("Add", {endless.input("x", {1}), part}));
  EXPECT_NE(error_of(endless).find("no range from 0"), std::string::npos) << error_of(endless);
}

// The centres of the cells of a picture of open size, as anchor-free YOLOs export them with dynamic sizes.
TEST(Range, OfFloatsUpToASizeThatIsOpen) {
  TestModel m;
  const std::string x = m.input("x", {1, 2, -1, -1});
  const auto size = [&](int dim) {
    return m.op("Gather", {m.op("Shape", {x}), m.integers(6, {}, {dim})}, {attr("axis", 0)});
  };
  const auto centres = [&](int dim) {
    const std::string limit = m.op("Cast", {size(dim)}, {attr("to", 1)});
    return m.op("Add", {m.op("Range", {m.floats({}, {0}), limit, m.floats({}, {1})}), m.floats({}, {0.5f})});
  };
  const auto one = [&](int dim) { return m.op("Unsqueeze", {size(dim), m.ints({0})}); };
  const std::string shape = m.op("Concat", {one(2), one(3)}, {attr("axis", 0)});
  const std::string rows = m.op("Expand", {m.op("Reshape", {centres(2), m.ints({-1, 1})}), shape});
  const std::string columns = m.op("Expand", {m.op("Reshape", {centres(3), m.ints({1, -1})}), shape});
  const std::string points =
      m.op("Concat", {m.op("Unsqueeze", {columns, m.ints({-1})}), m.op("Unsqueeze", {rows, m.ints({-1})})},
           {attr("axis", -1)});
  m.output(m.op("Reshape", {points, m.ints({-1, 2})}));
  const Graph g = converted(m, {{1, 2, 2, 3}});
  EXPECT_EQ(run(g, {{1, 2, 2, 3}}),
            (std::vector<float>{0.5f, 0.5f, 1.5f, 0.5f, 2.5f, 0.5f, 0.5f, 1.5f, 1.5f, 1.5f, 2.5f, 1.5f}));
  EXPECT_EQ(run(g, {{1, 2, 1, 1}}), (std::vector<float>{0.5f, 0.5f}));
}

// Padding that depends on a size which is open is found when that is known: the same as for an input of that size.
TEST(SamePadding, OfOpenSizes) {
  for (const char* mode : {"SAME_UPPER", "SAME_LOWER"})
    for (const bool pool : {false, true})
      for (const auto& [h, w] : {std::pair<int64_t, int64_t>{7, 8}, {8, 5}, {1, 2}, {6, 6}}) {
        const auto model = [&](int64_t rows, int64_t columns) {
          TestModel m;
          const std::string x = m.input("x", {1, 2, rows, columns});
          const Attr pads = attr("auto_pad", mode);
          if (pool)
            m.output(m.op("MaxPool", {x}, {pads, attr("kernel_shape", {3, 2}), attr("strides", {2, 1})}));
          else
            m.output(
                m.op("Conv", {x, m.random({3, 2, 3, 4})}, {pads, attr("strides", {2, 3}), attr("dilations", {2, 1})}));
          return m;
        };
        const Graph open = converted(model(-1, -1), {{1, 2, h, w}}), fixed = converted(model(h, w));
        EXPECT_EQ(run(open, {{1, 2, h, w}}), run(fixed)) << mode << pool << " " << h << " " << w;
        // The shape that a caller gives has the padding in the layer again.
        const Graph given = converted(model(-1, -1), {}, {.input_shapes = {{"x", {1, 2, h, w}}}});
        EXPECT_EQ(count(given, schema::Op::Pad), 0) << dump(given);
      }
}

TEST(SmallOps, GiveWhatOnnxSays) {
  TestModel m(15);
  const std::string x = m.op("Mul", {m.input("x", {2, -1}), m.floats({}, {0})});
  const std::string v = m.op("Add", {x, m.floats({2, 2}, {-3, 0, 0.5f, 7})});
  const std::string nan = m.op("Log", {v});  // of -3
  m.output(m.op("Sign", {v}));
  m.output(m.op("Cast", {m.op("IsNaN", {nan})}, {attr("to", 1)}));
  m.output(m.op("Cast", {m.op("CastLike", {v, m.ints({1})})}, {attr("to", 1)}));
  m.output(m.op("Cast", {m.op("Size", {v})}, {attr("to", 1)}));
  const Graph g = converted(m, {{2, 2}});
  EXPECT_EQ(run(g, {{2, 2}}), (std::vector<float>{-1, 0, 1, 1, 1, 0, 0, 0, -3, 0, 0, 7, 4}));
}

TEST(SmallOps, OutputsThatAreNotMadeAreRefusedByTheirNode) {
  for (const bool read : {false, true}) {
    TestModel m;
    const auto both = m.ops("MaxPool", {m.input("x", {1, 1, -1, 4})}, 2, {attr("kernel_shape", {2, 2})});
    m.output(both[0]);
    m.output(read ? m.op("Cast", {both[1]}, {attr("to", 1)}) : both[1]);
    EXPECT_NE(error_of(m).find("(MaxPool): its output '" + both[1] + "' is not supported"), std::string::npos)
        << error_of(m);
  }
}

}  // namespace
}  // namespace octet::convert
