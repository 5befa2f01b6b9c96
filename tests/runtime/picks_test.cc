// LayerNorm, GridSample, GatherElements, ScatterElements, ScatterNd and CumSum against loops that follow the definitions.
#include "tests/runtime/op_rig.h"

namespace octet {
extern const OpKind kLayerNorm, kGridSample, kGatherElements, kScatterElements, kScatterNd, kCumSum;

namespace {

using schema::SampleMode;
using schema::SamplePadding;
using schema::ScatterReduction;

TEST(LayerNorm, RowsApartAndThreads) {
  for (bool centred : {true, false}) {
    const Operand x = noise<float>({3, 50, 24}, 1), scale = constant(noise<float>({24}, 2).list<float>());
    OpRig rig(kLayerNorm, schema::LayerNormT{.epsilon = 1e-3f, .centred = centred}, {Operand(x).apart(5), scale, scale},
              like({}, {}, 3));
    const auto y = run_everywhere(rig, "layer norm").list<float>();
    ASSERT_EQ(y.size(), 3600u);
    for (size_t r = 0; r < 150; ++r) {
      const auto row = x.values<float>().subspan(24 * r, 24);
      double mean = 0, squares = 0;
      for (float v : row) mean += centred ? double{v} / 24 : 0;
      for (float v : row) squares += (v - mean) * (v - mean) / 24;
      for (size_t c = 0; c < 24; ++c) {
        const double s = scale.values<float>()[c];
        ASSERT_NEAR(y[24 * r + c], (row[c] - mean) / std::sqrt(squares + 1e-3) * s + s, 2e-5) << r << " " << c;
      }
    }
  }
}

TEST(LayerNorm, RefusesOperandsThatDoNotFit) {
  const Operand x = noise<float>({2, 4}, 1);
  const std::vector<std::pair<std::vector<Operand>, float>> cases = {{{x, constant({1, 2, 3})}, 1e-5f},
                                                                     {{x, noise<float>({4}, 2)}, 1e-5f},
                                                                     {{counting<int64_t>({2, 4})}, 1e-5f},
                                                                     {{counting<float>({})}, 1e-5f},
                                                                     {{x}, -1.0f},
                                                                     {{x}, NAN}};
  for (const auto& [operands, epsilon] : cases) {
    OpRig rig(kLayerNorm, schema::LayerNormT{.epsilon = epsilon, .centred = true}, operands);
    EXPECT_FALSE(rig.run());
    EXPECT_FALSE(rig.error().empty());
  }
}

// By the definition of PyTorch and ONNX: coordinates in double, each corner read for itself.
struct Sampler {
  const Operand& x;
  schema::GridSampleT op;

  double mirrored(double at, double low, double high) const {
    if (high <= low) return low;
    while (at < low || at > high) at = at < low ? 2 * low - at : 2 * high - at;
    return at;
  }
  double place(double v, int64_t size) const {
    const double n = static_cast<double>(size);
    double at = op.align_corners ? (v + 1) / 2 * (n - 1) : ((v + 1) * n - 1) / 2;
    if (op.mode == SampleMode::nearest) at = std::nearbyint(at);
    if (op.padding == SamplePadding::reflection)
      at = op.align_corners ? mirrored(at, 0, n - 1) : mirrored(at, -0.5, n - 0.5);
    return op.padding == SamplePadding::zeros ? at : std::clamp(at, 0.0, n - 1);
  }
  double pixel(int64_t image, double row, double column, int64_t c) const {
    const Shape& s = x.shape;
    if (row < 0 || column < 0 || row >= static_cast<double>(s[1]) || column >= static_cast<double>(s[2])) return 0;
    const auto at = ((image * s[1] + static_cast<int64_t>(row)) * s[2] + static_cast<int64_t>(column)) * s[3] + c;
    return double{x.values<float>()[static_cast<size_t>(at)]};
  }
  double operator()(int64_t image, float px, float py, int64_t c) const {
    const double column = place(px, x.shape[2]), row = place(py, x.shape[1]);
    if (op.mode == SampleMode::nearest) return pixel(image, std::nearbyint(row), std::nearbyint(column), c);
    const double left = std::floor(column), top = std::floor(row), dx = column - left, dy = row - top;
    return pixel(image, top, left, c) * (1 - dx) * (1 - dy) + pixel(image, top, left + 1, c) * dx * (1 - dy) +
           pixel(image, top + 1, left, c) * (1 - dx) * dy + pixel(image, top + 1, left + 1, c) * dx * dy;
  }
};

TEST(GridSample, ModesPaddingsAndCorners) {
  const Operand x = noise<float>({2, 5, 7, 11}, 3);
  Operand places = noise<float>({2, 9, 8, 2}, 4);
  for (float& v : places.values<float>()) v *= 0.6f;  // -2.4 .. 2.4
  for (auto mode : {SampleMode::bilinear, SampleMode::nearest})
    for (auto padding : {SamplePadding::zeros, SamplePadding::border, SamplePadding::reflection})
      for (bool corners : {false, true}) {
        const schema::GridSampleT op{.mode = mode, .padding = padding, .align_corners = corners};
        OpRig rig(kGridSample, op, {Operand(x).apart(2), Operand(places).apart(1)}, like({}, {}, 3));
        const Operand y = run_everywhere(rig, "grid sample");
        ASSERT_EQ(y.shape, (Shape{2, 9, 8, 11}));
        const Sampler wanted{x, op};
        int64_t i = 0;
        for (float v : y.values<float>()) {
          const auto at = static_cast<size_t>(i / 11);
          const float* place = &places.values<float>()[2 * at];
          ASSERT_NEAR(v, wanted(static_cast<int64_t>(at) / 72, place[0], place[1], i % 11), 2e-5)
              << "mode " << static_cast<int>(mode) << " padding " << static_cast<int>(padding) << " corners " << corners
              << " at " << i;
          ++i;
        }
      }
}

TEST(GridSample, PlacesThatAreNone) {
  const float wild[] = {NAN, INFINITY, -INFINITY, 1e30f, -1e30f, 3e9f};
  Operand places = counting<float>({1, 6, 6, 2});
  for (size_t i = 0; i < 36; ++i)
    places.values<float>()[2 * i] = wild[i / 6], places.values<float>()[2 * i + 1] = wild[i % 6];
  for (auto mode : {SampleMode::bilinear, SampleMode::nearest})
    for (auto padding : {SamplePadding::zeros, SamplePadding::border, SamplePadding::reflection}) {
      OpRig rig(kGridSample, schema::GridSampleT{.mode = mode, .padding = padding, .align_corners = false},
                {counting<float>({1, 3, 2, 4}), places});
      ASSERT_TRUE(rig.run()) << rig.error();
      for (float v : rig.out().values<float>()) EXPECT_TRUE(v >= 0 && v < 24) << v;
      if (padding != SamplePadding::zeros) continue;
      for (float v : rig.out().values<float>()) EXPECT_EQ(v, 0);
    }
}

TEST(GridSample, RefusesShapesThatDoNotFit) {
  const std::pair<Shape, Shape> cases[] = {{{1, 3, 4}, {1, 3, 4, 2}},
                                           {{1, 3, 4, 2}, {2, 3, 4, 2}},
                                           {{1, 3, 4, 2}, {1, 3, 4, 3}},
                                           {{1, 0, 4, 2}, {1, 3, 4, 2}},
                                           {{1, 2, 2, 2, 2}, {1, 2, 2, 2, 3}}};
  for (const auto& [x, places] : cases) {
    OpRig rig(kGridSample, schema::GridSampleT{}, {counting<float>(x), counting<float>(places)});
    EXPECT_FALSE(rig.run()) << x.text() << places.text();
  }
}

template <class T>
void gathers(const Operand& x, const Operand& indices, int axis) {
  OpRig rig(kGatherElements, schema::GatherElementsT{.axis = axis}, {x, indices}, Operand{.dtype = dtype_of<T>()});
  const Operand y = run_everywhere(rig, "gather elements");
  ASSERT_EQ(y.shape, indices.shape);
  const int along = axis < 0 ? axis + x.shape.rank() : axis;
  for (int64_t i = 0; i < y.shape.elements(); ++i) {
    auto at = unravel(i, indices.shape);
    const int64_t index = indices.values<int64_t>()[static_cast<size_t>(i)];
    at[static_cast<size_t>(along)] = index < 0 ? index + x.shape[along] : index;
    ASSERT_EQ(y.values<T>()[static_cast<size_t>(i)], x.values<T>()[static_cast<size_t>(ravel(at, x.shape))]) << i;
  }
}

Operand indices(const Shape& shape, int64_t size, unsigned seed) {
  Operand o = noise<int64_t>(shape, seed);
  for (int64_t& v : o.values<int64_t>()) v = v % (2 * size) - size;
  return o;
}

TEST(GatherElements, AnyAxisAndSmallerIndices) {
  gathers<float>(noise<float>({2, 7, 5}, 1), indices({2, 9, 5}, 7, 2), 1);
  gathers<float>(noise<float>({2, 7, 5}, 1), indices({1, 7, 3}, 5, 3), -1);
  gathers<int64_t>(noise<int64_t>({6, 4}, 1), indices({3, 2}, 6, 4), 0);
  gathers<int32_t>(noise<int32_t>({6}, 1), indices({20}, 6, 5), 0);
  gathers<uint8_t>(noise<uint8_t>({3, 3}, 1), indices({3, 3}, 3, 6), 1);
}

TEST(GatherElements, IndicesOutside) {
  Operand found = operand<int64_t>({4}, {-100, 100, INT64_MIN, INT64_MAX});
  OpRig rig(kGatherElements, schema::GatherElementsT{}, {operand<float>({3}, {1, 2, 3}), found});
  ASSERT_TRUE(rig.run());  // not known before: brought inside
  EXPECT_EQ(rig.out().list<float>(), (std::vector<float>{1, 3, 1, 3}));
  found.known = true;
  OpRig known(kGatherElements, schema::GatherElementsT{}, {operand<float>({3}, {1, 2, 3}), found});
  EXPECT_FALSE(known.run());
  EXPECT_NE(known.error().find("index -100 on axis 0"), std::string::npos) << known.error();
}

TEST(GatherElements, RefusesShapesThatDoNotFit) {
  const std::tuple<Shape, Shape, int> cases[] = {
      {{2, 3}, {3, 3}, 1}, {{2, 3}, {2}, 0}, {{2, 3}, {2, 3}, 2}, {{}, {}, 0}, {{0, 3}, {1, 3}, 0}};
  for (const auto& [x, picks, axis] : cases) {
    OpRig rig(kGatherElements, schema::GatherElementsT{.axis = axis}, {counting<float>(x), counting<int64_t>(picks)});
    EXPECT_FALSE(rig.run()) << x.text() << picks.text();
  }
}

template <class T>
T reduced(ScatterReduction how, T a, T b) {
  switch (how) {
    case ScatterReduction::add:
      return static_cast<T>(a + b);
    case ScatterReduction::mul:
      return static_cast<T>(a * b);
    case ScatterReduction::max:
      return std::max(a, b);
    case ScatterReduction::min:
      return std::min(a, b);
    default:
      return b;
  }
}

TEST(ScatterElements, ReductionsInOrder) {
  const Operand x = counting<float>({3, 4, 5}), where = indices({2, 6, 5}, 4, 7), updates = noise<float>({2, 6, 5}, 8);
  for (int how = 0; how <= static_cast<int>(ScatterReduction::MAX); ++how) {
    const auto reduction = static_cast<ScatterReduction>(how);
    std::vector<float> expected = x.list<float>();
    for (int64_t i = 0; i < 60; ++i) {
      auto at = unravel(i, where.shape);
      const int64_t index = where.values<int64_t>()[static_cast<size_t>(i)];
      at[1] = index < 0 ? index + 4 : index;
      float& to = expected[static_cast<size_t>(ravel(at, x.shape))];
      to = reduced(reduction, to, updates.values<float>()[static_cast<size_t>(i)]);
    }
    OpRig rig(kScatterElements, schema::ScatterElementsT{.axis = 1, .reduction = reduction}, {x, where, updates});
    EXPECT_EQ(run_everywhere(rig, "scatter").list<float>(), expected) << how;
  }
}

TEST(ScatterElements, WhatIsOutsideIsLeftOut) {
  const Operand x = operand<int64_t>({3}, {1, 2, 3}), where = operand<int64_t>({3}, {3, -1, -4});
  OpRig rig(kScatterElements, schema::ScatterElementsT{}, {x, where, operand<int64_t>({3}, {7, 8, 9})},
            Operand{.dtype = DType::kS64});
  ASSERT_TRUE(rig.run());
  EXPECT_EQ(rig.out().list<int64_t>(), (std::vector<int64_t>{1, 2, 8}));
  OpRig other_type(kScatterElements, schema::ScatterElementsT{}, {x, where, counting<float>({3})});
  EXPECT_FALSE(other_type.run());
  OpRig other_shape(kScatterElements, schema::ScatterElementsT{}, {x, where, counting<int64_t>({2})});
  EXPECT_FALSE(other_shape.run());
  OpRig no_numbers(kScatterElements, schema::ScatterElementsT{.axis = 0, .reduction = ScatterReduction::add},
                   {counting<uint8_t>({3}), where, counting<uint8_t>({3})});
  EXPECT_FALSE(no_numbers.run());
}

TEST(ScatterNd, SlicesAndReductions) {
  const Operand x = counting<float>({4, 3, 2});
  const Operand where = operand<int64_t>({3, 1, 2}, {0, -1, 3, 1, 0, 2}), updates = noise<float>({3, 1, 2}, 9);
  for (int how = 0; how <= static_cast<int>(ScatterReduction::MAX); ++how) {
    const auto reduction = static_cast<ScatterReduction>(how);
    std::vector<float> expected = x.list<float>();
    for (size_t i = 0; i < 6; ++i) {
      constexpr size_t kSlice[] = {2, 10, 2};  // of [0, 2], [3, 1], [0, 2]
      float& to = expected[kSlice[i / 2] * 2 + i % 2];
      to = reduced(reduction, to, updates.values<float>()[i]);
    }
    OpRig rig(kScatterNd, schema::ScatterNdT{.reduction = reduction}, {x, where, updates});
    EXPECT_EQ(run_everywhere(rig, "scatter_nd").list<float>(), expected) << how;
  }
  OpRig whole(kScatterNd, schema::ScatterNdT{},
              {operand<int32_t>({4}, {1, 2, 3, 4}), operand<int64_t>({2, 1}, {1, -1}), operand<int32_t>({2}, {8, 9})});
  EXPECT_EQ(run_everywhere(whole, "elements").list<int32_t>(), (std::vector<int32_t>{1, 8, 3, 9}));
}

TEST(ScatterNd, WhatIsOutsideIsLeftOutOrRefused) {
  const Operand x = operand<float>({3}, {1, 2, 3}), updates = operand<float>({3}, {7, 8, 9});
  Operand where = operand<int64_t>({3, 1}, {3, INT64_MIN, 0});
  OpRig rig(kScatterNd, schema::ScatterNdT{}, {x, where, updates});
  ASSERT_TRUE(rig.run());
  EXPECT_EQ(rig.out().list<float>(), (std::vector<float>{9, 2, 3}));
  where.known = true;
  OpRig known(kScatterNd, schema::ScatterNdT{}, {x, where, updates});
  EXPECT_FALSE(known.run());
  EXPECT_NE(known.error().find("index 3 on axis 0"), std::string::npos) << known.error();
  const std::pair<Shape, Shape> cases[] = {{{3, 2}, {3}}, {{3, 0}, {3, 3}}, {{}, {}}, {{3, 1}, {2}}, {{3, 1}, {3, 1}}};
  for (const auto& [indices_of, updates_of] : cases) {
    OpRig bad(kScatterNd, schema::ScatterNdT{}, {x, counting<int64_t>(indices_of), counting<float>(updates_of)});
    EXPECT_FALSE(bad.run()) << indices_of.text() << updates_of.text();
  }
}

template <class T>
void check_cum_sum(const schema::CumSumT& op, const Operand& x) {
  OpRig rig(kCumSum, op, {x}, Operand{.dtype = x.dtype});
  const Operand y = run_everywhere(rig, "cumulative sum");
  ASSERT_EQ(y.shape, x.shape);
  const int axis = op.axis < 0 ? op.axis + x.shape.rank() : op.axis;
  for (int64_t i = 0; i < x.shape.elements(); ++i) {
    const auto at = unravel(i, x.shape);
    double want = 0;
    for (int64_t k = 0; k < x.shape[axis]; ++k) {
      auto other = at;
      other[static_cast<size_t>(axis)] = k;
      const int64_t before = op.reverse ? k - at[static_cast<size_t>(axis)] : at[static_cast<size_t>(axis)] - k;
      if (before > 0 || (before == 0 && !op.exclusive))
        want += static_cast<double>(x.values<T>()[static_cast<size_t>(ravel(other, x.shape))]);
    }
    ASSERT_NEAR(static_cast<double>(y.values<T>()[static_cast<size_t>(i)]), want, 1e-4)
        << "axis " << op.axis << " reverse " << op.reverse << " exclusive " << op.exclusive << " at " << i;
  }
}

TEST(CumSum, AxesAndDirections) {
  for (int axis : {0, 1, 2, -1})
    for (bool exclusive : {false, true})
      for (bool reverse : {false, true}) {
        const schema::CumSumT op{.axis = axis, .exclusive = exclusive, .reverse = reverse};
        check_cum_sum<float>(op, noise<float>({3, 5, 7}, 1));
        check_cum_sum<int64_t>(op, counting<int64_t>({4, 1, 6}));
        check_cum_sum<int32_t>(op, counting<int32_t>({1, 9, 2}));
        check_cum_sum<float>(op, noise<float>({2, 0, 3}, 1));
      }
}

TEST(CumSum, RefusesAxesThatAreNone) {
  for (auto [axis, shape] : {std::pair{2, Shape{3, 4}}, {-3, Shape{3, 4}}, {0, Shape{}}}) {
    OpRig rig(kCumSum, schema::CumSumT{.axis = axis}, {counting<float>(shape)});
    EXPECT_FALSE(rig.run());
    EXPECT_NE(rig.error().find("axis"), std::string::npos) << rig.error();
  }
}

TEST(CumSum, WholeNumbersWrapAround) {
  constexpr int64_t kMost = std::numeric_limits<int64_t>::max();
  OpRig rig(kCumSum, schema::CumSumT{}, {operand<int64_t>({2}, {kMost, 1})}, Operand{.dtype = DType::kS64});
  ASSERT_TRUE(rig.run());
  EXPECT_EQ(rig.out().list<int64_t>(), (std::vector<int64_t>{kMost, std::numeric_limits<int64_t>::min()}));
}

}  // namespace
}  // namespace octet
