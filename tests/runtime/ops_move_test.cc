// Ops that only move elements, against index arithmetic; all element sizes, with and without gaps between rows.
#include <algorithm>
#include <numeric>

#include "kernels/quant.h"
#include "tests/runtime/op_rig.h"

namespace octet {
namespace {

// out[index] == in[source(index)] for all.
template <class T, class F>
void expect_moved(const Operand& in, const Operand& out, const std::string& why, F source) {
  ASSERT_EQ(static_cast<int64_t>(out.values<T>().size()), out.shape.elements()) << why;
  for (int64_t i = 0; i < out.shape.elements(); ++i)
    ASSERT_EQ(out.values<T>()[static_cast<size_t>(i)],
              in.values<T>()[static_cast<size_t>(ravel(source(unravel(i, out.shape)), in.shape))])
        << why << " at " << i;
}

template <class T>
void transpose_all(const Shape& shape, int64_t gap) {
  std::vector<int32_t> perm(static_cast<size_t>(shape.rank()));
  std::iota(perm.begin(), perm.end(), 0);
  do {
    schema::TransposeT a;
    a.perm = perm;
    const Operand in = counting<T>(shape).apart(gap);
    OpRig rig(kTranspose, a, {in}, Operand{.dtype = in.dtype, .gap = gap});
    const std::string why = shape.text() + Shape(std::vector<int64_t>(perm.begin(), perm.end())).text();
    const Operand out = run_everywhere(rig, why);
    expect_moved<T>(in, out, why, [&](const std::vector<int64_t>& at) {
      std::vector<int64_t> from(at.size());
      for (size_t d = 0; d < at.size(); ++d) from[static_cast<size_t>(perm[d])] = at[d];
      return from;
    });
  } while (std::next_permutation(perm.begin(), perm.end()));
}

TEST(Transpose, AllPermutations) {
  for (const Shape& shape : {Shape{5}, Shape{3, 7}, Shape{2, 3, 5}, Shape{2, 3, 4, 5}, Shape{1, 17, 3, 33}}) {
    for (int64_t gap : {0, 3}) {
      transpose_all<float>(shape, gap);
      transpose_all<int64_t>(shape, gap);
    }
  }
  transpose_all<float>({2, 1, 3, 2, 4}, 0);
}

TEST(Transpose, U8Images) {
  for (int64_t gap : {0, 5})
    for (auto [shape, perm] : {std::pair<Shape, std::vector<int32_t>>{{1, 3, 65, 63}, {0, 2, 3, 1}},
                               {{2, 65, 33, 3}, {0, 3, 1, 2}},
                               {{1, 19, 64, 128}, {0, 2, 3, 1}},
                               {{1, 4, 16, 400}, {0, 3, 1, 2}},
                               {{1, 4, 16, 400}, {0, 2, 1, 3}}}) {
      schema::TransposeT a;
      a.perm = perm;
      const Operand in = noise<uint8_t>(shape, 1).quant({0.1f}, {7}).apart(gap);
      OpRig rig(kTranspose, a, {in}, Operand{.scale = {0.1f}, .zero = {7}, .gap = gap});
      EXPECT_TRUE(rig.can_int8());
      const Operand out = run_everywhere(rig, shape.text());
      expect_moved<uint8_t>(in, out, shape.text(), [&, p = perm](const std::vector<int64_t>& at) {
        std::vector<int64_t> from(at.size());
        for (size_t d = 0; d < at.size(); ++d) from[static_cast<size_t>(p[d])] = at[d];
        return from;
      });
    }
}

TEST(Transpose, Refuses) {
  for (std::vector<int32_t> perm : {std::vector<int32_t>{0, 1, 1}, {0, 1}, {0, 1, 3}, {-1, 0, 1}}) {
    schema::TransposeT a;
    a.perm = perm;
    OpRig rig(kTranspose, a, {counting<float>({2, 3, 4})});
    EXPECT_FALSE(rig.run());
  }
}

// As numpy: the elements of x[start:end:step] along one axis, written as a loop.
std::vector<int64_t> picked(int64_t size, int64_t start, int64_t end, int64_t step) {
  std::vector<int64_t> all;
  if (start < 0) start += size;
  if (end < 0) end += size;
  if (step > 0)
    for (int64_t i = std::max<int64_t>(start, 0); i < std::min(end, size); i += step) all.push_back(i);
  else
    for (int64_t i = std::min(start, size - 1); i > std::max<int64_t>(end, -1); i += step) all.push_back(i);
  return all;
}

TEST(Slice, RangesAndSteps) {
  constexpr int64_t kFar = std::numeric_limits<int64_t>::max();
  const Shape shape{2, 5, 6};
  for (int axis = 0; axis < 3; ++axis)
    for (int64_t start : {int64_t{0}, int64_t{1}, int64_t{-1}, int64_t{-3}, int64_t{40}, -kFar})
      for (int64_t end : {int64_t{0}, int64_t{4}, int64_t{-2}, kFar, -kFar, -kFar - 1})
        for (int64_t step : {int64_t{1}, int64_t{2}, int64_t{-1}, int64_t{-2}, kFar, -kFar - 1}) {
          const int64_t bounded = std::clamp<int64_t>(step, -100, 100);
          std::vector<int64_t> want =
              picked(shape[axis], std::clamp<int64_t>(start, -90, 90), std::clamp<int64_t>(end, -90, 90), bounded);
          const std::string why = Shape{axis, start, end, step}.text();
          schema::SliceT a;
          a.starts = {start}, a.ends = {end}, a.axes = {axis}, a.steps = {step};
          const Operand in = counting<float>(shape).apart(2);
          OpRig by_attributes(kSlice, a, {in}, Operand{.gap = 1});
          OpRig by_inputs(kSlice, schema::SliceT{}, {in, known({start}), known({end}), known({axis}), known({step})});
          ASSERT_TRUE(by_attributes.run({2})) << by_attributes.error();
          ASSERT_TRUE(by_inputs.run()) << by_inputs.error();
          EXPECT_EQ(by_inputs.out().bytes, by_attributes.out().bytes) << why;
          ASSERT_EQ(by_inputs.out().shape[axis], static_cast<int64_t>(want.size())) << why;
          expect_moved<float>(in, by_inputs.out(), why, [&](std::vector<int64_t> at) {
            at[static_cast<size_t>(axis)] = want[static_cast<size_t>(at[static_cast<size_t>(axis)])];
            return at;
          });
        }
}

TEST(Slice, ChannelsOfPerChannelScales) {
  schema::SliceT a;
  a.starts = {3}, a.ends = {-9}, a.axes = {-1}, a.steps = {-2};
  const Operand in = noise<uint8_t>({1, 3, 3, 4}, 3).quant({1, 2, 3, 4}, {10, 20, 30, 40});
  OpRig good(kSlice, a, {in}, Operand{.scale = {4, 2}, .zero = {40, 20}});
  OpRig bad(kSlice, a, {in}, Operand{.scale = {4, 3}, .zero = {40, 20}});
  EXPECT_TRUE(good.can_int8());
  EXPECT_FALSE(bad.can_int8());
  expect_moved<uint8_t>(in, run_everywhere(good, "slice"), "slice", [](std::vector<int64_t> at) {
    at[3] = 3 - 2 * at[3];
    return at;
  });
}

TEST(Slice, Refuses) {
  for (auto [axis, step, why] :
       {std::tuple<int32_t, int64_t, const char*>{3, 1, "axis"}, {-4, 1, "axis"}, {0, 0, "step"}}) {
    schema::SliceT a;
    a.starts = {0}, a.ends = {1}, a.axes = {axis}, a.steps = {step};
    OpRig rig(kSlice, a, {counting<float>({2, 3, 4})});
    EXPECT_FALSE(rig.run()) << why;
    EXPECT_NE(rig.error().find(why), std::string::npos) << rig.error();
  }
  schema::SliceT uneven;
  uneven.starts = {0, 1}, uneven.ends = {1}, uneven.axes = {0, 1};
  EXPECT_FALSE(OpRig(kSlice, uneven, {counting<float>({2, 3})}).run());
}

TEST(Concat, AllAxes) {
  for (int axis = -4; axis < 4; ++axis)
    for (int64_t gap : {0, 4}) {
      std::vector<Operand> inputs;
      std::vector<int64_t> owner, within;
      for (int64_t i = 0; i < 3; ++i) {
        Shape shape{2, 3, 4, 5};
        shape[axis] = i + 1;
        inputs.push_back(noise<float>(shape, static_cast<unsigned>(i)).apart(gap));
        for (int64_t k = 0; k <= i; ++k) owner.push_back(i), within.push_back(k);
      }
      schema::ConcatT a;
      a.axis = axis;
      const Shape like{2, 3, 4, 5};
      OpRig rig(kConcat, a, inputs, Operand{.shape = like, .gap = gap});
      const Operand out = run_everywhere(rig, "concat");
      ASSERT_EQ(out.shape[axis], 6);
      for (int64_t i = 0; i < out.shape.elements(); ++i) {
        std::vector<int64_t> at = unravel(i, out.shape);
        int64_t& along = at[static_cast<size_t>(axis < 0 ? axis + 4 : axis)];
        const Operand& in = inputs[static_cast<size_t>(owner[static_cast<size_t>(along)])];
        along = within[static_cast<size_t>(along)];
        ASSERT_EQ(out.values<float>()[static_cast<size_t>(i)],
                  in.values<float>()[static_cast<size_t>(ravel(at, in.shape))])
            << axis;
      }
    }
}

TEST(Concat, RescalesWhereScalesDiffer) {
  for (int axis : {1, 3}) {
    const Operand a = noise<uint8_t>({1, 2, 3, 2}, 1).quant({0.5f}, {10}).apart(3);
    const Operand b = noise<uint8_t>({1, 2, 3, 2}, 2).quant({0.25f, 0.5f}, {128, 3});
    schema::ConcatT attributes;
    attributes.axis = axis;
    const bool last = axis == 3;
    std::vector<float> scale = last ? std::vector<float>{0.5f, 0.5f, 0.25f, 1.0f} : std::vector<float>{0.5f};
    std::vector<uint8_t> zero = last ? std::vector<uint8_t>{10, 10, 128, 0} : std::vector<uint8_t>{10};
    OpRig rig(kConcat, attributes, {a, b}, Operand{.shape = {1, 2, 3, 2}, .scale = scale, .zero = zero, .gap = 2});
    EXPECT_TRUE(rig.can_int8());
    const Operand out = run_everywhere(rig, "concat");
    for (int64_t i = 0; i < out.shape.elements(); ++i) {
      std::vector<int64_t> at = unravel(i, out.shape);
      const auto oc = scale.size() > 1 ? static_cast<size_t>(at[3]) : 0;
      const bool second = at[static_cast<size_t>(axis)] >= 2;
      if (second) at[static_cast<size_t>(axis)] -= 2;
      const Operand& in = second ? b : a;
      const auto ic = second ? static_cast<size_t>(at[3]) : 0;
      const uint8_t q = in.values<uint8_t>()[static_cast<size_t>(ravel(at, in.shape))];
      const float real = kernels::dequantize_u8(q, in.scale[ic], in.zero[ic]);
      ASSERT_EQ(out.values<uint8_t>()[static_cast<size_t>(i)], kernels::quantize_u8(real, 1 / scale[oc], zero[oc]))
          << axis << " " << i;
    }
  }
}

TEST(Concat, Refuses) {
  schema::ConcatT a;
  a.axis = 1;
  const Operand out{.shape = {2, 3}};
  EXPECT_FALSE(OpRig(kConcat, a, {counting<float>({2, 3}), counting<float>({3, 3})}, out).run());
  EXPECT_FALSE(OpRig(kConcat, a, {counting<float>({2, 3}), counting<float>({2, 3, 1})}, out).run());
  EXPECT_FALSE(OpRig(kConcat, a, {counting<float>({2, 3}), counting<int64_t>({2, 3})}, out).run());
  a.axis = 2;
  EXPECT_FALSE(OpRig(kConcat, a, {counting<float>({2, 3})}, out).run());
}

TEST(Reshape, Sizes) {
  struct Case {
    Shape in;
    std::vector<int64_t> attribute, operand;
    Shape want;  // rank 0: refused
    const char* why;
  };
  for (const Case& c : {Case{{2, 3, 4}, {6, -1}, {}, {6, 4}, "the rest"},
                        {{2, 3, 4}, {-4, -1}, {}, {4, 6}, "a copied dim"},
                        {{2, 0, 4}, {0, 7}, {}, {0, 7}, "an empty dim"},
                        {{2, 3, 4}, {}, {0, -1}, {2, 12}, "ONNX' 0"},
                        {{2, 3, 4}, {5, -1}, {}, {}, "does not divide"},
                        {{2, 3, 4}, {-1, -1}, {}, {}, "two rests"},
                        {{2, 3, 4}, {-5, -1}, {}, {}, "no such dim"},
                        {{2, 3}, {}, {6, 0, 0}, {}, "0 beyond the rank"},
                        {{2, 3, 4}, {}, {-3, 8}, {}, "negative"},
                        {{2, 3, 4}, {25}, {}, {}, "another count"},
                        {{2, 3}, {int64_t{1} << 62, 8}, {}, {}, "overflow"},
                        {{0, 3}, {0, -1}, {}, {}, "the rest of nothing"}}) {
    schema::ReshapeT a;
    a.shape = c.attribute;
    std::vector<Operand> inputs = {counting<float>(c.in)};
    if (!c.operand.empty()) inputs.push_back(known(c.operand));
    OpRig rig(kReshape, a, inputs);
    ASSERT_EQ(rig.run(), c.want.rank() > 0) << c.why << ": " << rig.error();
    if (c.want.rank() == 0) continue;
    EXPECT_EQ(rig.out().shape.text(), c.want.text()) << c.why;
    EXPECT_EQ(rig.out().bytes, inputs[0].bytes) << c.why;
  }
}

TEST(Pad, ModesAndCrops) {
  const Shape shape{1, 4, 5, 3};
  struct Case {
    schema::PadMode mode;
    std::vector<int64_t> before, after;
  };
  for (const Case& c : {Case{schema::PadMode::constant, {0, 1, 2, 0}, {0, 3, 0, 0}},
                        {schema::PadMode::constant, {1, -1, 0, 2}, {0, 1, -2, 1}},
                        {schema::PadMode::constant, {0, -4, 0, 0}, {0, 2, 0, 0}},
                        {schema::PadMode::reflect, {0, 3, 2, 1}, {0, 1, 4, 2}},
                        {schema::PadMode::edge, {0, 9, 0, 1}, {0, 0, 7, 2}},
                        {schema::PadMode::edge, {0, -1, 2, 0}, {0, 2, -1, 0}}}) {
    schema::PadT a;
    a.mode = c.mode, a.before = c.before, a.after = c.after, a.value = 1.5f;
    std::vector<int64_t> both = c.before;
    both.insert(both.end(), c.after.begin(), c.after.end());
    schema::PadT by_operand = a;
    by_operand.before.clear(), by_operand.after.clear();
    const Operand in = noise<float>(shape, 5).apart(2);
    OpRig rig(kPad, a, {in}, Operand{.gap = 3}), other(kPad, by_operand, {in, known(both)});
    const Operand out = run_everywhere(rig, "pad");
    ASSERT_TRUE(other.run()) << other.error();
    EXPECT_EQ(out.bytes, other.out().bytes);
    for (int64_t i = 0; i < out.shape.elements(); ++i) {
      std::vector<int64_t> at = unravel(i, out.shape);
      bool inside = true;
      for (size_t d = 0; d < 4; ++d) {
        int64_t& x = at[d];
        const int64_t low = std::max<int64_t>(0, -c.before[d]),
                      high = shape[static_cast<int>(d)] - 1 + std::min<int64_t>(0, c.after[d]);
        x -= c.before[d];
        if (c.mode == schema::PadMode::edge) x = std::clamp(x, low, high);
        if (c.mode == schema::PadMode::reflect) x = x < low ? 2 * low - x : x > high ? 2 * high - x : x;
        inside = inside && x >= low && x <= high;
      }
      const float want = inside ? in.values<float>()[static_cast<size_t>(ravel(at, shape))] : 1.5f;
      ASSERT_EQ(out.values<float>()[static_cast<size_t>(i)], want) << i;
    }
  }
}

TEST(Pad, U8ConstantOfEachChannel) {
  schema::PadT a;
  a.before = {0, 1, 0, 0}, a.after = {0, 0, 0, 0}, a.value = 2.0f;
  const Operand in = noise<uint8_t>({1, 1, 2, 2}, 5).quant({0.5f, 1.0f}, {10, 20});
  OpRig rig(kPad, a, {in}, Operand{.scale = {0.5f, 1.0f}, .zero = {10, 20}});
  EXPECT_TRUE(rig.can_int8());
  const auto got = run_everywhere(rig, "pad").list<uint8_t>();
  EXPECT_EQ(std::vector<uint8_t>(got.begin(), got.begin() + 4), (std::vector<uint8_t>{14, 22, 14, 22}));
}

TEST(Pad, Refuses) {
  for (auto [mode, before, why] :
       {std::tuple<schema::PadMode, int64_t, const char*>{schema::PadMode::reflect, 3, "reflects too far"},
        {schema::PadMode::constant, -4, "crops more than there is"},
        {schema::PadMode::constant, std::numeric_limits<int64_t>::max(), "overflow"},
        {schema::PadMode::edge, std::numeric_limits<int64_t>::min(), "underflow"}}) {
    schema::PadT a;
    a.mode = mode, a.before = {before}, a.after = {0};
    EXPECT_FALSE(OpRig(kPad, a, {counting<float>({3})}).run()) << why;
  }
}

TEST(Gather, AxesAndIndices) {
  const Shape shape{3, 4, 5};
  for (int axis = -3; axis < 3; ++axis)
    for (const Shape& by : {Shape{}, Shape{2}, Shape{2, 2}}) {
      std::vector<int64_t> picks;
      for (int64_t i = 0; i < by.elements(); ++i) picks.push_back(i % 2 ? -1 - i % 3 : i % 3);
      const int a = axis < 0 ? axis + 3 : axis;
      schema::GatherT attributes;
      attributes.axis = axis;
      const Operand in = counting<float>(shape);
      OpRig rig(kGather, attributes, {in, operand<int64_t>(by, picks)});
      const Operand out = run_everywhere(rig, "gather");
      expect_moved<float>(in, out, "gather", [&](const std::vector<int64_t>& at) {
        std::vector<int64_t> index(at.begin() + a, at.begin() + a + by.rank()), from(at.begin(), at.begin() + a);
        const int64_t pick = picks[static_cast<size_t>(ravel(index, by))];
        from.push_back(pick < 0 ? pick + shape[a] : pick);
        from.insert(from.end(), at.begin() + a + by.rank(), at.end());
        return from;
      });
    }
}

TEST(Gather, IndicesOutside) {
  schema::GatherT a;
  EXPECT_FALSE(OpRig(kGather, a, {counting<float>({3}), known({3})}).run());
  EXPECT_FALSE(OpRig(kGather, a, {counting<float>({3}), known({-4})}).run());
  OpRig rig(kGather, a,
            {counting<float>({3}), operand<int64_t>({3}, {100, -100, std::numeric_limits<int64_t>::min()})});
  ASSERT_TRUE(rig.run()) << rig.error();  // not known before the run: brought inside
  EXPECT_EQ(rig.out().list<float>(), (std::vector<float>{2, 0, 0}));
}

TEST(Expand, BothDirections) {
  for (auto [in, by, want] : {std::tuple<Shape, std::vector<int64_t>, Shape>{{3, 1}, {2, 1, 6}, {2, 3, 6}},
                              {{1, 4, 1, 5}, {4, 3, 1}, {1, 4, 3, 5}},
                              {{}, {2, 3}, {2, 3}},
                              {{2, 3, 4}, {1}, {2, 3, 4}},
                              {{1, 3}, {0, 3}, {0, 3}}}) {
    const Operand x = counting<float>(in).apart(in.rank() ? 2 : 0);
    OpRig rig(kExpand, schema::ExpandT{}, {x, known(by)});
    ASSERT_TRUE(rig.run({2})) << rig.error();
    ASSERT_EQ(rig.out().shape.text(), want.text());
    expect_moved<float>(x, rig.out(), in.text(), [&, s = in](const std::vector<int64_t>& at) {
      std::vector<int64_t> from(at.end() - s.rank(), at.end());
      for (int d = 0; d < s.rank(); ++d)
        if (s[d] == 1) from[static_cast<size_t>(d)] = 0;
      return from;
    });
  }
  EXPECT_FALSE(OpRig(kExpand, schema::ExpandT{}, {counting<float>({3}), known({2})}).run());
  EXPECT_FALSE(OpRig(kExpand, schema::ExpandT{}, {counting<float>({1}), known({-1})}).run());
}

TEST(ShapeOf, Ranges) {
  for (auto [start, end, want] :
       {std::tuple<int, int, std::vector<int64_t>>{0, 1000, {2, 3, 4}}, {1, -1, {3}}, {-2, 9, {3, 4}}, {2, 1, {}}}) {
    schema::ShapeOfT a;
    a.start = start, a.end = end;
    OpRig rig(kShapeOf, a, {counting<float>({2, 3, 4})}, operand<int64_t>({}, {}));
    ASSERT_TRUE(rig.run()) << rig.error();
    EXPECT_EQ(rig.out().list<int64_t>(), want);
  }
}

}  // namespace
}  // namespace octet
