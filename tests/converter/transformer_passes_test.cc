// Spellings of GELU and of layer normalisation become one op, and go no further than they should.
#include "tests/converter/rig.h"

namespace octet::convert {
namespace {

using schema::ActKind;

std::string number(TestModel& m, float v) { return m.floats({}, {v}); }

struct Spelling {
  const char* why;
  ActKind kind;
  std::string (*make)(TestModel&, const std::string& x);
};

std::string erf_part(TestModel& m, const std::string& x) {
  return m.op("Add", {m.op("Erf", {m.op("Div", {x, number(m, 1.41421356f)})}), number(m, 1)});
}
std::string tanh_part(TestModel& m, const std::string& inner) {
  return m.op("Add", {number(m, 1), m.op("Tanh", {m.op("Mul", {number(m, 0.797884583f), inner})})});
}

const Spelling kGelus[] = {
    {"erf, halved last", ActKind::gelu,
     [](TestModel& m, const std::string& x) {
       return m.op("Mul", {m.op("Mul", {x, erf_part(m, x)}), number(m, 0.5f)});
     }},
    {"erf, halved first", ActKind::gelu,
     [](TestModel& m, const std::string& x) {
       return m.op("Mul", {m.op("Mul", {x, number(m, 0.5f)}), erf_part(m, x)});
     }},
    {"erf, the gate halved", ActKind::gelu,
     [](TestModel& m, const std::string& x) {
       return m.op("Mul", {m.op("Mul", {number(m, 0.5f), erf_part(m, x)}), x});
     }},
    {"erf of a product, divided last", ActKind::gelu,
     [](TestModel& m, const std::string& x) {
       const std::string e = m.op("Erf", {m.op("Mul", {number(m, 0.70710678f), x})});
       return m.op("Div", {m.op("Mul", {m.op("Add", {number(m, 1), e}), x}), number(m, 2)});
     }},
    {"tanh, Pow", ActKind::gelu_tanh,
     [](TestModel& m, const std::string& x) {
       const std::string cube = m.op("Mul", {m.op("Pow", {x, number(m, 3)}), number(m, 0.044715f)});
       return m.op("Mul", {m.op("Mul", {number(m, 0.5f), x}), tanh_part(m, m.op("Add", {x, cube}))});
     }},
    {"tanh, products", ActKind::gelu_tanh,
     [](TestModel& m, const std::string& x) {
       const std::string square = m.op("Mul", {number(m, 0.044715f), m.op("Mul", {x, x})});
       const std::string inner = m.op("Mul", {x, m.op("Add", {square, number(m, 1)})});
       return m.op("Mul", {m.op("Mul", {x, tanh_part(m, inner)}), number(m, 0.5f)});
     }},
};

TEST(TransformerPasses, GeluIsFoundAndFused) {
  for (const Spelling& s : kGelus) {
    TestModel m(14);
    m.output(s.make(m, m.op("Add", {m.op("MatMul", {m.input("x", {1, 5, 4}), m.random({4, 8})}), m.random({8})})));
    const Graph g = converted(m);
    EXPECT_EQ(first<schema::MatMulT>(g).act.kind(), s.kind) << s.why;
    EXPECT_EQ(g.nodes.size(), 1u) << s.why << "\n" << dump(g);
  }
}

TEST(TransformerPasses, OtherNumbersAreNoGelu) {
  for (const auto& [inner, outer, half] :
       {std::tuple{1.5f, 1.0f, 0.5f}, {1.41421356f, 1.1f, 0.5f}, {1.41421356f, 1.0f, 1.0f}}) {
    TestModel m(14);
    const std::string x = m.input("x", {1, 5, 4});
    const std::string e = m.op("Add", {m.op("Erf", {m.op("Div", {x, number(m, inner)})}), number(m, outer)});
    m.output(m.op("Mul", {m.op("Mul", {x, e}), number(m, half)}));
    EXPECT_EQ(count(converted(m), schema::Op::Binary) > 0, true);
  }
  TestModel other(14);  // the gate is another tensor's
  const std::string x = other.input("x", {1, 5, 4}), z = other.input("z", {1, 5, 4});
  other.output(other.op("Mul", {other.op("Mul", {x, erf_part(other, z)}), number(other, 0.5f)}));
  EXPECT_GT(count(converted(other), schema::Op::Binary), 0);
}

std::string mean(TestModel& m, const std::string& x, int64_t axis = -1) {
  return m.op("ReduceMean", {x}, {attr("axes", std::vector<int64_t>{axis})});
}
std::string root(TestModel& m, const std::string& squares) {
  return m.op("Sqrt", {m.op("Add", {mean(m, squares), number(m, 1e-3f)})});
}

struct Norm {
  const char* why;
  bool centred;
  std::string (*make)(TestModel&, const std::string& x);
};

const Norm kNorms[] = {
    {"Pow and Div", true,
     [](TestModel& m, const std::string& x) {
       const std::string d = m.op("Sub", {x, mean(m, x)});
       return m.op("Div", {d, root(m, m.op("Pow", {d, number(m, 2)}))});
     }},
    {"two differences", true,
     [](TestModel& m, const std::string& x) {
       const std::string u = mean(m, x), d = m.op("Sub", {x, u}), again = m.op("Sub", {x, u});
       return m.op("Div", {again, root(m, m.op("Mul", {d, d}))});
     }},
    {"Reciprocal", true,
     [](TestModel& m, const std::string& x) {
       const std::string d = m.op("Sub", {x, mean(m, x)});
       return m.op("Mul", {m.op("Reciprocal", {root(m, m.op("Mul", {d, d}))}), d});
     }},
    {"a power of -0.5", true,
     [](TestModel& m, const std::string& x) {
       const std::string d = m.op("Sub", {x, mean(m, x)});
       const std::string spread = m.op("Add", {number(m, 1e-3f), mean(m, m.op("Mul", {d, d}))});
       return m.op("Mul", {d, m.op("Pow", {spread, number(m, -0.5f)})});
     }},
    {"root mean square", false,
     [](TestModel& m, const std::string& x) {
       return m.op("Mul", {x, m.op("Div", {number(m, 1), root(m, m.op("Pow", {x, number(m, 2)}))})});
     }},
};

TEST(TransformerPasses, LayerNormTakesScaleAndBias) {
  for (const Norm& norm : kNorms)
    for (const char* operands : {"", "s", "b", "sb"}) {
      TestModel m(13);
      std::string y = norm.make(m, m.input("x", {2, 5, 8}));
      for (const char* o = operands; *o; ++o) y = m.op(*o == 's' ? "Mul" : "Add", {m.random({8}), y});
      m.output(y);
      const Graph g = converted(m);
      EXPECT_EQ(g.nodes.size(), 1u) << norm.why << " " << operands << "\n" << dump(g);
      EXPECT_EQ(first<schema::LayerNormT>(g).centred, norm.centred) << norm.why;
      EXPECT_FLOAT_EQ(first<schema::LayerNormT>(g).epsilon, 1e-3f);
    }
}

TEST(TransformerPasses, OtherMeansStay) {
  TestModel axis(13);  // over another dim
  const std::string x = axis.input("x", {2, 5, 8}), d = axis.op("Sub", {x, mean(axis, x, 1)});
  axis.output(axis.op(
      "Div", {d, axis.op("Sqrt", {axis.op("Add", {mean(axis, axis.op("Mul", {d, d}), 1), number(axis, 1e-3f)})})}));
  EXPECT_EQ(count(converted(axis), schema::Op::LayerNorm), 0);
  TestModel other(13);  // divided by another tensor's spread
  const std::string y = other.input("y", {2, 5, 8}), z = other.input("z", {2, 5, 8});
  other.output(other.op("Div", {y, root(other, other.op("Mul", {z, z}))}));
  EXPECT_EQ(count(converted(other), schema::Op::LayerNorm), 0);
  TestModel rows(13);  // a scale for each row
  rows.output(rows.op("Mul", {kNorms[0].make(rows, rows.input("x", {2, 5, 8})), rows.random({5, 1})}));
  const Graph g = converted(rows);
  EXPECT_EQ(count(g, schema::Op::LayerNorm), 1);
  EXPECT_EQ(count(g, schema::Op::Binary), 1) << dump(g);
}

TEST(TransformerPasses, TransposesPassLayerNorm) {
  TestModel m(17);
  const std::string x =
      m.op("Transpose", {m.input("x", {2, 5, 6, 8})}, {attr("perm", std::vector<int64_t>{0, 2, 1, 3})});
  const std::string y = m.op("LayerNormalization", {x, m.random({8}), m.random({8})});
  m.output(m.op("Transpose", {y}, {attr("perm", std::vector<int64_t>{0, 2, 1, 3})}));
  const Graph g = converted(m);
  EXPECT_EQ(g.nodes.size(), 1u) << dump(g);
}

}  // namespace
}  // namespace octet::convert
