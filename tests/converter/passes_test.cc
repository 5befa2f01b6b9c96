// Each pass: what it makes of its pattern, and where it must not. `converted` also checks that the result stays the same.
#include "tests/converter/rig.h"

namespace octet::convert {
namespace {

using schema::ActKind;
using schema::Op;

Graph build(void (*make)(TestModel&, const std::string& x), int64_t opset = 13) {
  TestModel m(opset);
  make(m, m.input("x", {1, 4, 8, 8}));
  return converted(m);
}

TEST(Passes, LayoutIsNhwcInside) {
  const Graph g = build([](TestModel& m, const std::string& x) {
    const std::string a = m.op("Relu", {m.conv(x, 4, 8, 3, 1)}),
                      b = m.op("MaxPool", {a}, {attr("kernel_shape", {5, 5}), attr("pads", {2, 2, 2, 2})});
    const std::string c = m.op("Concat", {a, b}, {attr("axis", 1)});
    m.output(m.conv(m.op("Add", {c, m.random({1, 16, 1, 1})}), 16, 4, 1));
  });
  EXPECT_EQ(count(g, Op::Transpose), 2) << dump(g);
}

TEST(Passes, SqueezeAndExcite) {
  const Graph g = build([](TestModel& m, const std::string& x) {
    const std::string a = m.conv(x, 4, 8, 3, 1);
    std::string s = m.op("Reshape", {m.op("GlobalAveragePool", {a}), m.ints({1, 8})});
    s = m.op("Relu", {m.op("MatMul", {s, m.random({8, 8})})});
    s = m.op("HardSigmoid", {m.op("Reshape", {s, m.ints({1, 8, 1, 1})})});
    m.output(m.conv(m.op("Mul", {a, s}), 8, 4, 1));
  });
  EXPECT_EQ(count(g, Op::Transpose), 2) << dump(g);
  EXPECT_EQ(first<schema::MatMulT>(g).act.kind(), ActKind::relu);
}

TEST(Passes, YoloHead) {
  const Graph g = build([](TestModel& m, const std::string& x) {
    const std::string y = m.op("Reshape", {m.conv(x, 4, 21, 1), m.ints({1, 3, 7, 8, 8})});
    const std::string s = m.op("Sigmoid", {m.op("Transpose", {y}, {attr("perm", {0, 1, 3, 4, 2})})});
    m.output(m.op("Reshape", {s, m.ints({1, 192, 7})}));
  });
  EXPECT_EQ(first<schema::Conv2dT>(g).act.kind(), ActKind::sigmoid) << dump(g);
  EXPECT_EQ(count(g, Op::Transpose), 2) << dump(g);
}

TEST(Passes, ChannelShuffle) {
  const Graph g = build([](TestModel& m, const std::string& x) {
    const std::string y = m.op("Reshape", {m.conv(x, 4, 8, 1), m.ints({1, 2, 4, 8, 8})});
    const std::string t = m.op("Transpose", {y}, {attr("perm", {0, 2, 1, 3, 4})});
    m.output(m.op("Relu", {m.conv(m.op("Reshape", {t, m.ints({1, 8, 8, 8})}), 8, 4, 3, 1)}));
  });
  EXPECT_EQ(count(g, Op::Transpose), 3) << dump(g);  // input, output and the shuffle itself
}

TEST(Passes, TransposesStopAtReshapesThatMixDims) {
  const Graph g = build([](TestModel& m, const std::string& x) {
    m.output(m.op("Reshape", {m.conv(x, 4, 6, 1), m.ints({1, 3, 128})}));
  });
  EXPECT_EQ(count(g, Op::Transpose), 2) << dump(g);
}

TEST(Passes, ReducePadSliceSoftmaxStayNhwc) {
  const Graph g = build([](TestModel& m, const std::string& x) {
    std::string y = m.conv(x, 4, 8, 3, 1);
    y = m.op("Pad", {y, m.ints({0, 1, 2, 0, 0, 1, 0, 3})}, {attr("mode", "edge")});
    y = m.op("Slice", {y, m.ints({1, -9}), m.ints({9, 100}), m.ints({1, 2}), m.ints({1, 2})});
    y = m.op("Softmax", {y}, {attr("axis", 1)});
    m.output(m.op("ReduceMean", {y}, {attr("axes", {2, 3}), attr("keepdims", 0)}));
    m.output(m.op("ArgMax", {y}, {attr("axis", 1), attr("keepdims", 0)}));
  });
  EXPECT_EQ(count(g, Op::Transpose), 1) << dump(g);
}

TEST(Passes, FocusBecomesOneConvolution) {
  const Graph g = build([](TestModel& m, const std::string& x) {
    std::vector<std::string> parts;
    for (auto [h, w] : {std::pair{0, 0}, {1, 0}, {0, 1}, {1, 1}})
      parts.push_back(m.op("Slice", {m.op("Slice", {x, m.ints({h}), m.ints({INT64_MAX}), m.ints({2}), m.ints({2})}),
                                     m.ints({w}), m.ints({INT64_MAX}), m.ints({3}), m.ints({2})}));
    m.output(m.conv(m.op("Concat", parts, {attr("axis", 1)}), 16, 4, 3, 1));
  });
  EXPECT_EQ(count(g, Op::Slice) + count(g, Op::Concat), 0) << dump(g);
  EXPECT_EQ(first<schema::Conv2dT>(g).stride_h, 2);
}

TEST(Passes, ActivationsFuse) {
  struct Case {
    const char* why;
    ActKind kind;
    std::string (*make)(TestModel&, const std::string& x);
  };
  const Case cases[] = {
      {"relu", ActKind::relu, [](TestModel& m, const std::string& x) { return m.op("Relu", {x}); }},
      {"relu6", ActKind::clip,
       [](TestModel& m, const std::string& x) {
         return m.op("Clip", {x, m.floats({}, {0}), m.floats({}, {6})});
       }},
      {"clip without max", ActKind::relu,
       [](TestModel& m, const std::string& x) {
         return m.op("Clip", {x, m.floats({}, {0})});
       }},
      {"silu", ActKind::silu,
       [](TestModel& m, const std::string& x) {
         return m.op("Mul", {x, m.op("Sigmoid", {x})});
       }},
      {"silu turned", ActKind::silu,
       [](TestModel& m, const std::string& x) {
         return m.op("Mul", {m.op("Sigmoid", {x}), x});
       }},
      {"tanh", ActKind::tanh, [](TestModel& m, const std::string& x) { return m.op("Tanh", {x}); }},
      {"leaky", ActKind::leaky_relu,
       [](TestModel& m, const std::string& x) { return m.op("LeakyRelu", {x}, {attr("alpha", 0.1f)}); }},
      {"prelu of one slope", ActKind::leaky_relu,
       [](TestModel& m, const std::string& x) {
         return m.op("PRelu", {x, m.floats({1, 1, 1}, {0.2f})});
       }},
      {"hard sigmoid", ActKind::hard_sigmoid,
       [](TestModel& m, const std::string& x) { return m.op("HardSigmoid", {x}); }},
      {"hard sigmoid by clip", ActKind::hard_sigmoid,
       [](TestModel& m, const std::string& x) {
         return m.op("Div", {m.op("Clip", {m.op("Add", {x, m.floats({}, {3})}), m.floats({}, {0}), m.floats({}, {6})}),
                             m.floats({}, {6})});
       }},
      {"hard swish", ActKind::hard_swish, [](TestModel& m, const std::string& x) { return m.op("HardSwish", {x}); }},
      {"hard swish by hard sigmoid", ActKind::hard_swish,
       [](TestModel& m, const std::string& x) {
         return m.op("Mul", {x, m.op("HardSigmoid", {x}, {attr("alpha", 1.0f / 6)})});
       }},
      {"hard swish by clip, divided", ActKind::hard_swish,
       [](TestModel& m, const std::string& x) {
         const std::string c =
             m.op("Clip", {m.op("Add", {x, m.floats({}, {3})}), m.floats({}, {0}), m.floats({}, {6})});
         return m.op("Div", {m.op("Mul", {x, c}), m.floats({}, {6})});
       }},
      {"hard swish by clip, multiplied inside", ActKind::hard_swish,
       [](TestModel& m, const std::string& x) {
         const std::string c =
             m.op("Clip", {m.op("Add", {m.floats({}, {3}), x}), m.floats({}, {0}), m.floats({}, {6})});
         return m.op("Mul", {x, m.op("Mul", {c, m.floats({}, {1.0f / 6})})});
       }},
  };
  for (const Case& c : cases) {
    TestModel m(14);
    m.output(c.make(m, m.conv(m.input("x", {1, 4, 8, 8}), 4, 8, 1)));
    const Graph g = converted(m);
    EXPECT_EQ(first<schema::Conv2dT>(g).act.kind(), c.kind) << c.why;
    EXPECT_EQ(g.nodes.size(), 3u) << c.why << "\n" << dump(g);
  }
}

TEST(Passes, ActivationStaysWhereTheConvHasAnotherReader) {
  const Graph g = build([](TestModel& m, const std::string& x) {
    const std::string y = m.conv(x, 4, 8, 1);
    m.output(m.op("Relu", {y}));
    m.output(y);
  });
  EXPECT_EQ(first<schema::Conv2dT>(g).act.kind(), ActKind::none);
}

TEST(Passes, PReluOfManySlopes) {
  for (float last : {0.5f, -0.5f, 1.5f}) {
    TestModel m;
    const std::string y = m.conv(m.input("x", {1, 4, 8, 8}), 4, 2, 1);
    m.output(m.op("PRelu", {y, m.floats({2, 1, 1}, {0.1f, last})}));
    const Graph g = converted(m);
    EXPECT_EQ(count(g, Op::Affine), 1) << dump(g);
    EXPECT_EQ(count(g, Op::Binary), 0) << dump(g);
  }
}

// A number without dims has no channels.
TEST(Passes, SlopesOfAScalarStayAsTheyAre) {
  for (const char* op : {"Selu", "PRelu", "LeakyRelu"}) {
    TestModel m;
    std::vector<std::string> inputs = {m.op("ReduceMax", {m.input("x", {3})}, {attr("keepdims", 0)})};
    if (op == std::string("PRelu")) inputs.push_back(m.floats({}, {0.25f}));
    m.output(m.op(op, inputs));
    EXPECT_EQ(count(converted(m), Op::Affine), 0) << op;
  }
}

TEST(Passes, BatchNormBeforePReluGoesIntoIt) {
  const Graph g = build([](TestModel& m, const std::string& x) {
    const std::string pool = m.op("MaxPool", {x}, {attr("kernel_shape", {2, 2})});
    const std::string y =
        m.op("Add", {m.op("Mul", {pool, m.floats({4, 1, 1}, {1, 2, 3, 4})}), m.floats({4, 1, 1}, {-1, 0, 1, 2})});
    m.output(m.op("PRelu", {y, m.floats({4, 1, 1}, {-0.1f, 0.2f, 1.5f, 0})}));
  });
  EXPECT_EQ(count(g, Op::Affine), 1) << dump(g);
  EXPECT_EQ(count(g, Op::Binary), 0) << dump(g);
}

TEST(Passes, AnAdditionOfWhatDiffersWithinAChannelStays) {
  const Graph g = build([](TestModel& m, const std::string& x) {
    m.output(m.op("Add", {m.op("Mul", {x, m.floats({4, 1, 1}, {1, 2, 3, 4})}), m.random({1, 4, 8, 8})}));
  });
  EXPECT_EQ(count(g, Op::Affine), 0) << dump(g);
}

TEST(Passes, BatchNormGoesIntoWeights) {
  for (bool another_reader : {false, true}) {
    TestModel m;
    const std::string y = m.conv(m.input("x", {1, 4, 8, 8}), 4, 8, 3);
    m.output(m.op("BatchNormalization",
                  {y, m.random({8}), m.random({8}), m.random({8}), m.floats({8}, std::vector<float>(8, 0.5f))}));
    if (another_reader) m.output(y);
    const Graph g = converted(m);
    EXPECT_EQ(count(g, Op::Binary), 0);
    EXPECT_EQ(count(g, Op::Affine), another_reader ? 1 : 0);
  }
}

TEST(Passes, TracesOfDeadChannelsGo) {
  const Graph g = build([](TestModel& m, const std::string& x) {
    m.output(m.op("Conv", {x, m.floats({2, 4, 1, 1}, {0.3f, 1e-39f, -1e-21f, 1e-19f, 1e-38f, -2e-40f, 0, -1})}));
    m.output(m.op("Conv", {x, m.floats({1, 4, 1, 1}, {1e-32f, -1e-33f, 1e-34f, 2e-32f})}));  // small as a whole
    m.output(m.op("Max", {x, m.floats({4, 1, 1}, {1, 1e-38f, 1e-31f, 2})}));                 // no weights
  });
  std::vector<int> zeros;
  for (const Node& n : g.nodes)
    for (TensorId t : n.inputs)
      if (t >= 0 && tensor(g, t).constant && tensor(g, t).dtype == DType::kF32) {
        const auto values = tensor(g, t).values<float>();
        if (values.size() > 1) zeros.push_back(static_cast<int>(std::count(values.begin(), values.end(), 0.0f)));
      }
  std::sort(zeros.begin(), zeros.end());
  EXPECT_EQ(zeros, (std::vector<int>{0, 0, 5})) << dump(g);
}

TEST(Passes, AffineKinds) {
  const Graph g = build([](TestModel& m, const std::string& x) {
    std::string y = m.conv(x, 4, 8, 1);
    y = m.op("Sub", {m.random({8, 1, 1}), y});
    y = m.op("Div", {y, m.floats({}, {3})});
    y = m.op("Sub", {y, m.random({1, 8, 1, 1})});
    m.output(m.op("Mul", {y, m.floats({}, {2})}));
  });
  EXPECT_EQ(count(g, Op::Binary), 0) << dump(g);
}

TEST(Passes, AffineThatDiffersWithinAChannelStays) {
  const Graph g = build([](TestModel& m, const std::string& x) {
    m.output(m.op("Add", {m.conv(x, 4, 8, 1), m.random({8, 8, 8})}));
  });
  EXPECT_EQ(count(g, Op::Binary), 1);
}

TEST(Passes, SharedWeightsAreScaledForOneReaderOnly) {
  const Graph g = build([](TestModel& m, const std::string& x) {
    const std::string w = m.random({8, 4, 1, 1});
    m.output(m.op("Mul", {m.op("Conv", {x, w}), m.floats({}, {2})}));
    m.output(m.op("Conv", {x, w}));
  });
  EXPECT_EQ(count(g, Op::Binary), 0);
}

TEST(Passes, ResidualAndRelu) {
  const Graph g = build([](TestModel& m, const std::string& x) {
    const std::string a = m.op("Relu", {m.conv(x, 4, 4, 1)}),
                      b = m.conv(m.op("Relu", {m.conv(a, 4, 4, 3, 1)}), 4, 4, 3, 1);
    m.output(m.op("Relu", {m.op("Add", {b, a})}));
  });
  EXPECT_EQ(count(g, Op::Binary) + count(g, Op::Unary), 0) << dump(g);
  EXPECT_TRUE(std::any_of(g.nodes.begin(), g.nodes.end(), [](const Node& n) {
    return as<schema::Conv2dT>(n) && as<schema::Conv2dT>(n)->relu_after && n.inputs.size() == 4;
  }));
}

TEST(Passes, ResidualOfTwoConvsGoesToTheLast) {
  const Graph g = build([](TestModel& m, const std::string& x) {
    m.output(m.op("Add", {m.conv(x, 4, 8, 1), m.conv(x, 4, 8, 3, 1)}));
  });
  EXPECT_EQ(count(g, Op::Binary), 0);
  EXPECT_EQ(g.nodes[2].inputs.size(), 4u) << dump(g);
}

TEST(Passes, ResidualOfAnotherShapeStays) {
  const Graph g = build([](TestModel& m, const std::string& x) {
    const std::string a = m.conv(x, 4, 8, 1);
    m.output(m.op("Add", {a, m.op("GlobalAveragePool", {m.op("Relu", {a})})}));
  });
  EXPECT_EQ(count(g, Op::Binary), 1);
}

TEST(Passes, PadsFuse) {
  const Graph g = build([](TestModel& m, const std::string& x) {
    const std::string y = m.conv(m.op("Pad", {x, m.ints({0, 0, 0, 0, 0, 0, 1, 1})}), 4, 8, 3, 0, 2);
    m.output(m.op("AveragePool", {m.op("Pad", {y, m.ints({0, 0, 1, 1, 0, 0, 1, 1})})}, {attr("kernel_shape", {3, 3})}));
  });
  EXPECT_EQ(count(g, Op::Pad), 0) << dump(g);
  EXPECT_TRUE(first<schema::Pool2dT>(g).count_include_pad);
}

TEST(Passes, PadsThatAreNoZerosStay) {
  const Graph g = build([](TestModel& m, const std::string& x) {
    m.output(m.conv(m.op("Pad", {x, m.ints({0, 0, 1, 1, 0, 0, 1, 1}), m.floats({}, {1})}), 4, 8, 3));
    m.output(m.op("MaxPool", {m.op("Pad", {x, m.ints({0, 0, 1, 1, 0, 0, 1, 1})})}, {attr("kernel_shape", {3, 3})}));
  });
  EXPECT_EQ(count(g, Op::Pad), 2) << dump(g);
}

TEST(Passes, MatMulTakesBiasAndTransposedWeights) {
  TestModel m;
  const std::string y = m.op("MatMul", {m.input("x", {2, 5, 6}), m.random({6, 3})});
  m.output(m.op("Relu", {m.op("Add", {y, m.random({3})})}));
  const Graph g = converted(m);
  ASSERT_EQ(g.nodes.size(), 1u) << dump(g);
  EXPECT_TRUE(first<schema::MatMulT>(g).transpose_b);
  EXPECT_EQ(tensor(g, g.nodes[0].inputs[1]).shape, (Shape{3, 6}));
}

TEST(Passes, ShapeArithmeticFolds) {
  const Graph g = build([](TestModel& m, const std::string& x) {
    const std::string c = m.op("Gather", {m.op("Shape", {x}), m.ints({1})}, {attr("axis", 0)});
    const std::string rest = m.op("Mul", {c, m.ints({16})});
    m.output(m.op("Reshape", {x, m.op("Concat", {m.ints({1, 4}), rest}, {attr("axis", 0)})}));
  });
  EXPECT_EQ(g.nodes.size(), 1u) << dump(g);
}

TEST(Passes, ShapeArithmeticStaysWhereSizesAreDynamic) {
  TestModel m;
  const std::string x = m.input("x", {-1, 3, -1, -1}), y = m.conv(x, 3, 8, 3, 1, 2);
  const std::string size = m.op("Slice", {m.op("Shape", {x}), m.ints({2}), m.ints({4})});
  const std::string sizes =
      m.op("Concat", {m.op("Slice", {m.op("Shape", {y}), m.ints({0}), m.ints({2})}), size}, {attr("axis", 0)});
  m.output(m.op("Resize", {y, "", "", sizes}, {attr("mode", "linear")}));
  const Graph g = converted(m, {{1, 3, 10, 14}});
  EXPECT_GT(count(g, Op::ShapeOf), 0);
  const Graph fixed = converted(m, {}, {.outputs = {}, .input_shapes = {{"x", {1, 3, 10, 14}}}});
  EXPECT_EQ(count(fixed, Op::ShapeOf), 0) << dump(fixed);
  EXPECT_EQ(first<schema::ResizeT>(fixed).size, (std::vector<int64_t>{10, 14}));
}

TEST(Passes, NamesAreUnique) {
  const Graph g = build(
      [](TestModel& m, const std::string& x) { m.output(m.op("Softmax", {m.conv(x, 4, 8, 1)}, {attr("axis", 2)})); });
  std::vector<std::string> names;
  for (const Tensor& t : g.tensors) names.push_back(t.name);
  std::sort(names.begin(), names.end());
  EXPECT_EQ(std::adjacent_find(names.begin(), names.end()), names.end());
}

}  // namespace
}  // namespace octet::convert
