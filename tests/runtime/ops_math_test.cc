// Arithmetic, functions, reductions, softmax, argmax, cast, conversions, against their definitions.
#include <cmath>

#include "kernels/quant.h"
#include "kernels/reference/reference.h"
#include "tests/runtime/op_rig.h"

namespace octet {
namespace {

using schema::ActKind;
using schema::BinaryKind;
using schema::UnaryKind;

schema::BinaryT binary(BinaryKind kind, ActKind act = ActKind::none) {
  schema::BinaryT a;
  a.kind = kind;
  a.act = schema::Activation(act, 0.1f, 0.9f);
  return a;
}

// The element of an operand that meets position `at` of the output.
size_t broadcast_at(const std::vector<int64_t>& at, const Shape& operand) {
  std::vector<int64_t> from(at.end() - operand.rank(), at.end());
  for (int d = 0; d < operand.rank(); ++d)
    if (operand[d] == 1) from[static_cast<size_t>(d)] = 0;
  return static_cast<size_t>(ravel(from, operand));
}

double arithmetic(BinaryKind kind, double x, double y) {
  switch (kind) {
    case BinaryKind::add:
      return x + y;
    case BinaryKind::sub:
      return x - y;
    case BinaryKind::mul:
      return x * y;
    case BinaryKind::div:
      return x / y;
    case BinaryKind::pow:
      return std::pow(x, y);
    case BinaryKind::min:
      return std::min(x, y);
    default:
      return std::max(x, y);
  }
}

const std::pair<Shape, Shape> kPairs[] = {{{2, 3, 4, 5}, {2, 3, 4, 5}},
                                          {{2, 3, 4, 5}, {5}},
                                          {{2, 3, 4, 5}, {}},
                                          {{}, {7}},
                                          {{2, 3, 4, 33}, {2, 1, 1, 33}},
                                          {{1, 1, 1, 6}, {2, 3, 4, 6}},
                                          {{2, 3, 4, 33}, {2, 3, 4, 1}},
                                          {{2, 3, 4, 1}, {2, 3, 4, 300}},
                                          {{3, 1, 4}, {1, 2, 1}},
                                          {{5, 1}, {1, 6}},
                                          {{1}, {4, 1}},
                                          {{4, 3, 1}, {3, 1}},
                                          {{1, 40, 40, 17}, {1, 40, 40, 17}},
                                          {{1, 20, 20, 3, 2}, {1, 20, 20, 3, 2}},
                                          {{40, 30, 3}, {1, 30, 1}},
                                          {{2, 32, 32, 16}, {2, 32, 32, 16}}};

TEST(Binary, F32Broadcasts) {
  for (const auto& [sa, sb] : kPairs)
    for (BinaryKind kind : {BinaryKind::add, BinaryKind::sub, BinaryKind::mul, BinaryKind::div, BinaryKind::pow,
                            BinaryKind::min, BinaryKind::max})
      for (int64_t gap : {0, 3}) {
        Operand a = noise<float>(sa, 1).apart(gap), b = noise<float>(sb, 2).apart(gap);
        if (kind == BinaryKind::pow)
          for (float& v : a.values<float>()) v = std::fabs(v) + 0.5f;
        if (kind == BinaryKind::div)
          for (float& v : b.values<float>()) v = std::fabs(v) + 0.5f;
        OpRig rig(kBinary, binary(kind, kind == BinaryKind::mul ? ActKind::clip : ActKind::none), {a, b},
                  like({}, {}, gap));
        const Operand out = run_threads(rig, sa.text() + sb.text());
        for (int64_t i = 0; i < out.shape.elements(); ++i) {
          const auto at = unravel(i, out.shape);
          double want =
              arithmetic(kind, a.values<float>()[broadcast_at(at, sa)], b.values<float>()[broadcast_at(at, sb)]);
          if (kind == BinaryKind::mul) want = std::clamp<double>(want, 0.1f, 0.9f);
          ASSERT_NEAR(out.values<float>()[static_cast<size_t>(i)], want, 1e-5 * std::max(1.0, std::fabs(want)))
              << sa.text() << sb.text() << i;
        }
      }
}

TEST(Binary, Integers) {
  constexpr int64_t kLow = std::numeric_limits<int64_t>::min();
  for (auto [kind, want] :
       {std::pair<BinaryKind, std::vector<int64_t>>{BinaryKind::add, {9, -5, kLow + 3, ~kLow}},  // wraps
        {BinaryKind::mul, {14, -14, kLow, kLow}},
        {BinaryKind::div, {3, -3, kLow / 3, kLow}},
        {BinaryKind::pow, {49, 49, 0, 0}},
        {BinaryKind::min, {2, -7, kLow, kLow}},
        {BinaryKind::max, {7, 2, 3, -1}}}) {
    OpRig rig(kBinary, binary(kind), {operand<int64_t>({4}, {7, -7, kLow, kLow}), operand<int64_t>({4}, {2, 2, 3, -1})},
              operand<int64_t>({}, {}));
    ASSERT_TRUE(rig.run()) << rig.error();
    EXPECT_EQ(rig.out().list<int64_t>(), want) << static_cast<int>(kind);
  }
  OpRig wraps(kBinary, binary(BinaryKind::sub), {operand<int64_t>({2}, {kLow, 5}), operand<int64_t>({1}, {1})},
              operand<int64_t>({}, {}));
  ASSERT_TRUE(wraps.run());
  EXPECT_EQ(wraps.out().list<int64_t>(), (std::vector<int64_t>{std::numeric_limits<int64_t>::max(), 4}));
  OpRig zero(kBinary, binary(BinaryKind::div), {operand<int64_t>({1}, {5}), operand<int64_t>({1}, {0})},
             operand<int64_t>({}, {}));
  ASSERT_TRUE(zero.run());
  EXPECT_EQ(zero.out().list<int64_t>(), (std::vector<int64_t>{0}));
}

TEST(Binary, Refuses) {
  EXPECT_FALSE(OpRig(kBinary, binary(BinaryKind::add), {counting<float>({2, 3}), counting<float>({2})}).run());
  EXPECT_FALSE(OpRig(kBinary, binary(BinaryKind::add), {counting<float>({2}), counting<int64_t>({2})}).run());
  EXPECT_FALSE(OpRig(kBinary, binary(static_cast<BinaryKind>(99)), {counting<float>({2}), counting<float>({2})}).run());
  EXPECT_FALSE(
      OpRig(kBinary, binary(BinaryKind::add, static_cast<ActKind>(99)), {counting<float>({2}), counting<float>({2})})
          .run());
}

// One scale, or one for each channel.
Operand u8(const Shape& shape, unsigned seed, bool per_channel, int64_t gap) {
  std::mt19937 random(seed);
  const int64_t n = per_channel && shape.rank() ? shape[-1] : 1;
  Operand o = noise<uint8_t>(shape, seed).apart(gap);
  for (int64_t c = 0; c < n; ++c) {
    o.scale.push_back(0.01f * static_cast<float>(1 + random() % 20));
    o.zero.push_back(static_cast<uint8_t>(random()));
  }
  return o;
}
Quant quant(const Operand& o) { return {o.scale, o.zero}; }

// The documented arithmetic of the kernels, from multipliers in double.
uint8_t binary_u8(BinaryKind kind, ActKind act, uint8_t x, uint8_t y, const Quant& a, const Quant& b, const Quant& out,
                  std::array<int64_t, 3> c) {
  const bool bounds = act == ActKind::relu || act == ActKind::clip, real = act != ActKind::none && !bounds;
  const double unit = real ? 1 : out.scale_at(c[2]), sa = a.scale_at(c[0]), sb = b.scale_at(c[1]);
  const int za = a.zero_at(c[0]), zb = b.zero_at(c[1]), zo = out.zero_at(c[2]);
  float v;
  if (kind == BinaryKind::mul) {
    const auto m = static_cast<float>(sa * sb / unit);
    v = ((static_cast<float>(x) - static_cast<float>(za)) * (static_cast<float>(y) - static_cast<float>(zb))) * m;
  } else {
    const auto ma = static_cast<float>(sa / unit), mb = static_cast<float>((kind == BinaryKind::sub ? -sb : sb) / unit);
    v = (static_cast<float>(x) * ma + static_cast<float>(y) * mb) +
        static_cast<float>(-(za * double{ma} + zb * double{mb}));
  }
  float low = static_cast<float>(-zo), high = static_cast<float>(255 - zo);
  const float lowest = low, highest = high;
  if (real)
    v = kernels::reference::act_fast({static_cast<kernels::Act>(act), 0.1f, 0.9f}, v) * (1.0f / out.scale_at(c[2]));
  if (act == ActKind::relu) low = std::max(low, 0.0f);
  if (act == ActKind::clip)
    low = std::clamp(0.1f / out.scale_at(c[2]), lowest, highest),
    high = std::clamp(0.9f / out.scale_at(c[2]), lowest, highest);
  return static_cast<uint8_t>(zo + kernels::round_half_even(std::min(std::max(v, low), high)));
}

TEST(Binary, Int8IsTheDocumentedArithmetic) {
  unsigned seed = 0;
  for (const auto& [sa, sb] : kPairs)
    for (BinaryKind kind : {BinaryKind::add, BinaryKind::sub, BinaryKind::mul})
      for (ActKind act : {ActKind::none, ActKind::relu, ActKind::clip, ActKind::silu})
        for (bool per_channel : {false, true})
          for (int64_t gap : {0, 3}) {
            const Operand a = u8(sa, ++seed, per_channel, gap), b = u8(sb, ++seed, per_channel, gap);
            const Shape wide{std::max(sa.rank() ? sa[-1] : 1, sb.rank() ? sb[-1] : 1)};
            Operand out = u8(wide, ++seed, per_channel, gap);
            OpRig rig(kBinary, binary(kind, act), {a, b}, out);
            ASSERT_TRUE(rig.can_int8());
            const Operand got = run_everywhere(rig, sa.text() + sb.text());
            for (int64_t i = 0; i < got.shape.elements(); ++i) {
              const auto at = unravel(i, got.shape);
              const size_t ia = broadcast_at(at, sa), ib = broadcast_at(at, sb);
              const int64_t c = at.empty() ? 0 : at.back(), ca = sa.rank() && sa[-1] > 1 ? c : 0,
                            cb = sb.rank() && sb[-1] > 1 ? c : 0;
              ASSERT_EQ(got.values<uint8_t>()[static_cast<size_t>(i)],
                        binary_u8(kind, act, a.values<uint8_t>()[ia], b.values<uint8_t>()[ib], quant(a), quant(b),
                                  quant(out), {ca, cb, c}))
                  << sa.text() << sb.text() << " kind " << static_cast<int>(kind) << " act " << static_cast<int>(act)
                  << " at " << i;
            }
          }
}

TEST(Binary, Int8NeedsScales) {
  const Operand a = u8({4}, 1, false, 0), f = noise<float>({4}, 2);
  EXPECT_FALSE(OpRig(kBinary, binary(BinaryKind::mul), {a, f}, u8({4}, 3, false, 0)).can_int8());
  EXPECT_FALSE(OpRig(kBinary, binary(BinaryKind::div), {a, a}, u8({4}, 3, false, 0)).can_int8());
}

double function(UnaryKind kind, double x) {
  switch (kind) {
    case UnaryKind::act:
      return x / (1 + std::exp(-x));
    case UnaryKind::exp:
      return std::exp(x);
    case UnaryKind::log:
      return std::log(x);
    case UnaryKind::sqrt:
      return std::sqrt(x);
    case UnaryKind::neg:
      return -x;
    case UnaryKind::abs:
      return std::fabs(x);
    case UnaryKind::floor:
      return std::floor(x);
    case UnaryKind::ceil:
      return std::ceil(x);
    case UnaryKind::round:
      return std::nearbyint(x);
    case UnaryKind::erf:
      return std::erf(x);
    case UnaryKind::sin:
      return std::sin(x);
    case UnaryKind::cos:
      return std::cos(x);
    default:
      return 1 / x;
  }
}

schema::UnaryT unary(UnaryKind kind) {
  schema::UnaryT a;
  a.kind = kind;
  if (kind == UnaryKind::act) a.act = schema::Activation(ActKind::silu, 0, 0);
  return a;
}

TEST(Unary, FloatAndTables) {
  for (int k = 0; k <= static_cast<int>(UnaryKind::MAX); ++k)
    for (int64_t gap : {0, 2}) {
      const auto kind = static_cast<UnaryKind>(k);
      Operand in = noise<float>({3, 41, 7}, 3).apart(gap);
      const bool positive = kind == UnaryKind::log || kind == UnaryKind::sqrt || kind == UnaryKind::reciprocal;
      if (positive)
        for (float& v : in.values<float>()) v = std::fabs(v) + 0.1f;
      OpRig rig(kUnary, unary(kind), {in}, like({}, {}, gap));
      const Operand out = run_threads(rig, "unary");
      for (int64_t i = 0; i < out.shape.elements(); ++i) {
        const double want = function(kind, in.values<float>()[static_cast<size_t>(i)]);
        ASSERT_NEAR(out.values<float>()[static_cast<size_t>(i)], want, 2e-5 * std::max(1.0, std::fabs(want))) << k;
      }
      for (bool per_channel : {false, true}) {
        const Operand q = u8({3, 41, 7}, 5, per_channel, gap), result = u8({3, 41, 7}, 6, per_channel, gap);
        OpRig table(kUnary, unary(kind), {q}, result);
        ASSERT_TRUE(table.can_int8());
        const Operand got = run_everywhere(table, "table");
        for (int64_t i = 0; i < got.shape.elements(); ++i) {
          const int64_t c = i % 7;
          const float x = kernels::dequantize_u8(q.values<uint8_t>()[static_cast<size_t>(i)], quant(q).scale_at(c),
                                                 quant(q).zero_at(c));
          const float y = kind == UnaryKind::act ? kernels::reference::act_accurate({kernels::Act::kSilu, 0, 0}, x)
                                                 : static_cast<float>(function(kind, x));
          ASSERT_EQ(got.values<uint8_t>()[static_cast<size_t>(i)],
                    kernels::quantize_u8(y, 1.0f / quant(result).scale_at(c), quant(result).zero_at(c)))
              << k << " at " << i;
        }
      }
    }
}

TEST(Unary, Integers) {
  OpRig neg(kUnary, unary(UnaryKind::neg), {operand<int64_t>({3}, {1, -2, 0})}, operand<int64_t>({}, {}));
  ASSERT_TRUE(neg.run());
  EXPECT_EQ(neg.out().list<int64_t>(), (std::vector<int64_t>{-1, 2, 0}));
  EXPECT_FALSE(OpRig(kUnary, unary(UnaryKind::exp), {counting<int64_t>({3})}).run());
  EXPECT_FALSE(OpRig(kUnary, unary(static_cast<UnaryKind>(77)), {counting<float>({3})}).run());
}

TEST(Softmax, AnyAxis) {
  for (const Shape& shape : {Shape{5}, Shape{3, 7}, Shape{2, 16, 4, 70}, Shape{1, 4, 300}})
    for (int axis = -shape.rank(); axis < shape.rank(); ++axis) {
      schema::SoftmaxT a;
      a.axis = axis;
      const Operand in = noise<float>(shape, 4);
      OpRig rig(kSoftmax, a, {in});
      const Operand out = run_threads(rig, shape.text());
      for (int64_t i = 0; i < shape.elements(); ++i) {
        auto at = unravel(i, shape);
        const double x = in.values<float>()[static_cast<size_t>(i)];
        double sum = 0;
        for (int64_t k = 0; k < shape[axis]; ++k) {
          at[static_cast<size_t>(axis < 0 ? axis + shape.rank() : axis)] = k;
          sum += std::exp(in.values<float>()[static_cast<size_t>(ravel(at, shape))] - x);
        }
        ASSERT_NEAR(out.values<float>()[static_cast<size_t>(i)], 1 / sum, 1e-5) << shape.text() << axis;
      }
    }
}

TEST(ArgMax, AnyAxisFirstOfEquals) {
  for (const Shape& shape : {Shape{9}, Shape{2, 5, 6, 19}, Shape{1, 3, 300}})
    for (int axis = -shape.rank(); axis < shape.rank(); ++axis)
      for (bool keep : {false, true})
        for (bool int8 : {false, true}) {
          schema::ArgMaxT a;
          a.axis = axis, a.keep_dims = keep;
          Operand in = noise<float>(shape, 7), q = noise<uint8_t>(shape, 8).quant({0.1f}, {3});
          for (float& v : in.values<float>()) v = std::round(v);
          OpRig rig(kArgMax, a, {int8 ? q : in}, operand<int64_t>({}, {}));
          EXPECT_EQ(rig.can_int8(), int8);
          const Operand out = run_everywhere(rig, shape.text());
          ASSERT_EQ(out.shape.rank(), shape.rank() - (keep ? 0 : 1));
          const int along = axis < 0 ? axis + shape.rank() : axis;
          Shape kept = shape;
          kept[along] = 1;
          for (int64_t i = 0; i < kept.elements(); ++i) {
            auto at = unravel(i, kept);
            int64_t best = 0;
            double top = -1e9;
            for (int64_t k = 0; k < shape[along]; ++k) {
              at[static_cast<size_t>(along)] = k;
              const auto j = static_cast<size_t>(ravel(at, shape));
              const double v = int8 ? q.values<uint8_t>()[j] : in.values<float>()[j];
              if (v > top) top = v, best = k;
            }
            ASSERT_EQ(out.values<int64_t>()[static_cast<size_t>(i)], best) << shape.text() << axis << " at " << i;
          }
        }
}

double reduced(schema::ReduceKind kind, const std::vector<double>& v) {
  double r = v[0];
  for (size_t i = 1; i < v.size(); ++i) {
    if (kind == schema::ReduceKind::max)
      r = std::max(r, v[i]);
    else if (kind == schema::ReduceKind::min)
      r = std::min(r, v[i]);
    else if (kind == schema::ReduceKind::prod)
      r *= v[i];
    else
      r += v[i];
  }
  return kind == schema::ReduceKind::mean ? r / static_cast<double>(v.size()) : r;
}

// The elements that meet in each output, in order.
std::vector<std::vector<double>> groups(const Operand& in, unsigned mask) {
  Shape kept = in.shape;
  for (int d = 0; d < kept.rank(); ++d)
    if (mask >> d & 1) kept[d] = 1;
  std::vector<std::vector<double>> all(static_cast<size_t>(kept.elements()));
  for (int64_t i = 0; i < in.shape.elements(); ++i) {
    const auto j = static_cast<size_t>(i);
    const double v = !in.scale.empty()         ? in.values<uint8_t>()[j]
                     : in.dtype == DType::kS64 ? static_cast<double>(in.values<int64_t>()[j])
                                               : in.values<float>()[j];
    all[broadcast_at(unravel(i, in.shape), kept)].push_back(v);
  }
  return all;
}

TEST(Reduce, AnyAxes) {
  const Shape shape{2, 3, 4, 70};
  for (int k = 0; k <= static_cast<int>(schema::ReduceKind::MAX); ++k)
    for (unsigned mask = 0; mask < 16; ++mask)
      for (bool keep : {false, true}) {
        schema::ReduceT a;
        a.kind = static_cast<schema::ReduceKind>(k), a.keep_dims = keep;
        for (int d = 0; d < 4; ++d)
          if (mask >> d & 1) a.axes.push_back(d % 2 ? d : d - 4);
        const unsigned effective = mask ? mask : 15;  // no axes: all
        const Operand in = noise<float>(shape, 9).apart(keep ? 3 : 0);
        OpRig rig(kReduce, a, {in});
        const Operand out = run_threads(rig, "reduce");
        EXPECT_EQ(out.shape.rank(), keep ? 4 : 4 - __builtin_popcount(effective));
        const auto want = groups(in, effective);
        ASSERT_EQ(static_cast<size_t>(out.shape.elements()), want.size());
        for (size_t i = 0; i < want.size(); ++i) {
          const double w = reduced(a.kind, want[i]);
          ASSERT_TRUE(std::fabs(out.values<float>()[i] - w) <= 1e-5 * std::max(1.0, std::fabs(w)) ||
                      std::fabs(w) > 1e38)
              << k << " " << mask << " " << w;
        }
        if (a.kind == schema::ReduceKind::prod) continue;
        const Operand whole = counting<int64_t>({3, 2, 5, 2});
        OpRig integers(kReduce, a, {whole}, operand<int64_t>({}, {}));
        ASSERT_TRUE(integers.run()) << integers.error();
        const auto exact = groups(whole, effective);
        for (size_t i = 0; i < exact.size(); ++i)
          ASSERT_EQ(integers.out().values<int64_t>()[i], static_cast<int64_t>(reduced(a.kind, exact[i])));
      }
}

// Sums in the order of the elements, in double; of the largest the first, so that the sign of a zero is that of the first one.
TEST(Reduce, ChannelsToTheBit) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  for (const auto kind : {schema::ReduceKind::mean, schema::ReduceKind::sum, schema::ReduceKind::max})
    for (int64_t channels = 2; channels <= 140; channels += channels < 20 ? 1 : 13)
      for (int64_t rows : {1, 16, 37}) {
        Operand in = noise<float>({rows, channels}, static_cast<unsigned>(channels)).apart(rows == 37 ? 5 : 0);
        const auto x = in.values<float>();
        for (float& v : x) v += 1e7f * (static_cast<int>(v * 100) % 3 == 0);  // the order of such sums is seen
        if (rows == 16) {
          std::fill(x.begin(), x.begin() + channels, -0.0f);
          x[static_cast<size_t>(channels + 1)] = 0.0f, x[static_cast<size_t>(2 * channels)] = nan;
          x[static_cast<size_t>(4 * channels - 1)] = nan;
        }
        schema::ReduceT a;
        a.kind = kind, a.axes = {-1};
        OpRig rig(kReduce, a, {in});
        const Operand out = run_everywhere(rig, "reduce");
        for (int64_t r = 0; r < rows; ++r) {
          const float* row = x.data() + r * channels;
          double sum = row[0];
          for (int64_t c = 1; c < channels; ++c) {
            if (kind == schema::ReduceKind::max)
              sum = row[c] > sum ? row[c] : sum;
            else
              sum += row[c];
          }
          if (kind == schema::ReduceKind::mean) sum /= static_cast<double>(channels);
          const float want = static_cast<float>(sum), got = out.values<float>()[static_cast<size_t>(r)];
          ASSERT_TRUE(std::memcmp(&want, &got, sizeof want) == 0 || (std::isnan(want) && std::isnan(got)))
              << "row " << r << " of " << rows << ", channels " << channels << ": " << want << ", got " << got;
        }
      }
}

TEST(Reduce, Int8) {
  struct Case {
    schema::ReduceKind kind;
    unsigned mask;
    bool per_channel, can;
  };
  for (const Case& c : {Case{schema::ReduceKind::mean, 6, false, true},
                        {schema::ReduceKind::mean, 6, true, true},
                        {schema::ReduceKind::mean, 8, false, true},
                        {schema::ReduceKind::max, 8, false, true},
                        {schema::ReduceKind::mean, 8, true, false},
                        {schema::ReduceKind::max, 6, false, false},
                        {schema::ReduceKind::sum, 6, false, false},
                        {schema::ReduceKind::mean, 14, false, false}}) {
    schema::ReduceT a;
    a.kind = c.kind, a.keep_dims = true;
    for (int d = 0; d < 4; ++d)
      if (c.mask >> d & 1) a.axes.push_back(d);
    const Operand in = u8({2, 5, 6, 100}, 3, c.per_channel, 4),
                  result = u8({2, 1, 1, c.mask == 8 ? 1 : 100}, 4, c.per_channel, 0);
    OpRig rig(kReduce, a, {in}, result);
    ASSERT_EQ(rig.can_int8(), c.can);
    if (!c.can) continue;
    const Operand out = run_everywhere(rig, "reduce");
    const auto want = groups(in, c.mask);
    for (size_t i = 0; i < want.size(); ++i) {
      const int64_t ch = c.mask == 8 ? 0 : static_cast<int64_t>(i % 100);
      const float si = quant(in).scale_at(ch), so = quant(result).scale_at(ch);
      const int zi = quant(in).zero_at(ch), zo = quant(result).zero_at(ch);
      const auto n = static_cast<float>(want[i].size());
      const float sum = static_cast<float>(reduced(schema::ReduceKind::sum, want[i]));
      const uint8_t mean = kernels::quantize_u8(sum - n * static_cast<float>(zi), si / so / n, zo);
      const auto top = static_cast<uint8_t>(reduced(schema::ReduceKind::max, want[i]));
      const uint8_t max = kernels::quantize_u8(kernels::dequantize_u8(top, si, zi), 1.0f / so, zo);
      ASSERT_EQ(out.values<uint8_t>()[i], c.kind == schema::ReduceKind::mean ? mean : max) << i;
    }
  }
}

TEST(Reduce, Refuses) {
  for (std::vector<int32_t> axes : {std::vector<int32_t>{2}, {-3}, {0, -2}}) {
    schema::ReduceT a;
    a.axes = axes;
    EXPECT_FALSE(OpRig(kReduce, a, {counting<float>({2, 3})}).run());
  }
  EXPECT_FALSE(OpRig(kReduce, schema::ReduceT{}, {counting<float>({0, 3})}).run());
}

TEST(Cast, BetweenTypes) {
  auto cast = [](const Operand& in, schema::DType to, DType type) {
    schema::CastT a;
    a.to = to;
    OpRig rig(kCast, a, {in}, Operand{.dtype = type});
    EXPECT_TRUE(rig.run()) << rig.error();
    return rig.out();
  };
  const float kNan = std::nanf("");
  const Operand f = operand<float>({6}, {-1.9f, 0.0f, 2.9f, 1e30f, -1e30f, kNan});
  EXPECT_EQ(cast(f, schema::DType::s32, DType::kS32).list<int32_t>(),
            (std::vector<int32_t>{-1, 0, 2, 2147483647, -2147483647 - 1, 0}));
  EXPECT_EQ(cast(f, schema::DType::s64, DType::kS64).list<int64_t>()[3], std::numeric_limits<int64_t>::max());
  EXPECT_EQ(cast(f, schema::DType::boolean, DType::kBool).list<uint8_t>(), (std::vector<uint8_t>{1, 0, 1, 1, 1, 1}));
  EXPECT_EQ(cast(operand<int64_t>({2}, {-3, int64_t{1} << 40}), schema::DType::f32, DType::kF32).list<float>(),
            (std::vector<float>{-3, 1099511627776.0f}));
  EXPECT_EQ(cast(operand<int64_t>({1}, {(int64_t{1} << 32) + 5}), schema::DType::s32, DType::kS32).list<int32_t>(),
            (std::vector<int32_t>{5}));
  Operand truth = operand<uint8_t>({3}, {0, 1, 200});
  truth.dtype = DType::kBool;
  EXPECT_EQ(cast(truth, schema::DType::f32, DType::kF32).list<float>(), (std::vector<float>{0, 1, 1}));
}

}  // namespace
}  // namespace octet
