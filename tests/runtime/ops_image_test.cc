// Pooling, resizing and the conversions between float and u8, against their definitions.
#include <cmath>

#include "kernels/quant.h"
#include "tests/runtime/op_rig.h"

namespace octet {
namespace {

using schema::CoordinateMode;
using schema::NearestMode;

struct PoolCase {
  Shape in;
  int kernel_h, kernel_w, stride, pad_before, pad_after, dilation;
  bool ceil_mode, count_include_pad, global;
  Shape want;
  const char* why;
};

schema::Pool2dT attributes(const PoolCase& c, schema::PoolKind kind) {
  schema::Pool2dT a;
  a.kind = kind;
  a.kernel_h = c.kernel_h, a.kernel_w = c.kernel_w;
  a.stride_h = a.stride_w = c.stride;
  a.pad_top = a.pad_left = c.pad_before, a.pad_bottom = a.pad_right = c.pad_after;
  a.dilation_h = a.dilation_w = c.dilation;
  a.ceil_mode = c.ceil_mode, a.count_include_pad = c.count_include_pad, a.global = c.global;
  return a;
}

// The elements inside the image that the window of an output position covers.
template <class T>
std::vector<double> window(const PoolCase& c, const Operand& in, const std::vector<int64_t>& at) {
  const int64_t kh = c.global ? in.shape[1] : c.kernel_h, kw = c.global ? in.shape[2] : c.kernel_w;
  std::vector<double> v;
  for (int64_t ky = 0; ky < kh; ++ky)
    for (int64_t kx = 0; kx < kw; ++kx) {
      const int64_t y = c.global ? ky : at[1] * c.stride - c.pad_before + ky * c.dilation;
      const int64_t x = c.global ? kx : at[2] * c.stride - c.pad_before + kx * c.dilation;
      if (y < 0 || x < 0 || y >= in.shape[1] || x >= in.shape[2]) continue;
      v.push_back(in.values<T>()[static_cast<size_t>(ravel({at[0], y, x, at[3]}, in.shape))]);
    }
  return v;
}

const PoolCase kPools[] = {
    {{1, 5, 6, 8}, 2, 2, 2, 0, 0, 1, false, false, false, {1, 2, 3, 8}, "plain"},
    {{2, 7, 9, 19}, 3, 3, 2, 1, 1, 1, false, false, false, {2, 4, 5, 19}, "same"},
    {{1, 6, 7, 5}, 3, 2, 2, 0, 0, 1, true, false, false, {1, 3, 4, 5}, "ceil"},
    {{1, 4, 4, 3},
     2,
     2,
     3,
     1,
     1,
     1,
     true,
     true,
     false,
     {1, 2, 2, 3},
     "ceil, but the last window would start in the padding"},
    {{1, 13, 11, 64}, 5, 5, 1, 2, 2, 1, false, true, false, {1, 13, 11, 64}, "five wide, padding counts"},
    {{1, 9, 9, 33}, 3, 3, 1, 0, 1, 2, false, false, false, {1, 6, 6, 33}, "dilated"},
    {{2, 7, 5, 200}, 0, 0, 1, 0, 0, 1, false, false, true, {2, 1, 1, 200}, "global"}};

TEST(Pool2d, F32) {
  for (const PoolCase& c : kPools)
    for (auto kind : {schema::PoolKind::max, schema::PoolKind::average})
      for (int64_t gap : {0, 5}) {
        const Operand in = noise<float>(c.in, 1).apart(gap);
        OpRig rig(kPool2d, attributes(c, kind), {in}, like({}, {}, gap));
        const Operand out = run_threads(rig, c.why);
        ASSERT_EQ(out.shape.text(), c.want.text()) << c.why;
        for (int64_t i = 0; i < out.shape.elements(); ++i) {
          const auto v = window<float>(c, in, unravel(i, out.shape));
          double want = kind == schema::PoolKind::max ? -1e9 : 0;
          for (double x : v) want = kind == schema::PoolKind::max ? std::max(want, x) : want + x;
          if (kind == schema::PoolKind::average)
            want /= c.count_include_pad ? c.kernel_h * c.kernel_w : static_cast<double>(v.size());
          ASSERT_NEAR(out.values<float>()[static_cast<size_t>(i)], want, 1e-5) << c.why;
        }
      }
}

TEST(Pool2d, Int8) {
  for (const PoolCase& c : kPools)
    for (bool max : {true, false})
      for (int64_t gap : {0, 5}) {
        const auto channels = static_cast<size_t>(c.in[3]);
        std::vector<float> scale(channels), other(channels);
        std::vector<uint8_t> zero(channels), other_zero(channels);
        for (size_t i = 0; i < channels; ++i)
          scale[i] = 0.01f * static_cast<float>(i + 1), other[i] = 0.02f * static_cast<float>(i % 5 + 1),
          zero[i] = static_cast<uint8_t>(i * 9), other_zero[i] = static_cast<uint8_t>(200 - i);
        const Operand in = noise<uint8_t>(c.in, 2).quant(scale, zero).apart(gap);
        OpRig rig(kPool2d, attributes(c, max ? schema::PoolKind::max : schema::PoolKind::average), {in},
                  max ? like(scale, zero, gap) : like(other, other_zero, gap));
        ASSERT_TRUE(rig.can_int8());
        const Operand out = run_everywhere(rig, c.why);
        for (int64_t i = 0; i < out.shape.elements(); ++i) {
          const auto at = unravel(i, out.shape);
          const auto ch = static_cast<size_t>(at[3]);
          const auto v = window<uint8_t>(c, in, at);
          double top = 0, sum = 0;
          for (double x : v) top = std::max(top, x), sum += x;
          int n = static_cast<int>(v.size());
          if (c.count_include_pad) sum += (c.kernel_h * c.kernel_w - n) * zero[ch], n = c.kernel_h * c.kernel_w;
          const float mean = (static_cast<float>(sum) - static_cast<float>(n * zero[ch])) *
                             (scale[ch] / other[ch] / static_cast<float>(n));
          const int low = -other_zero[ch], high = 255 - other_zero[ch];
          const int want =
              max ? static_cast<int>(top) : other_zero[ch] + std::clamp(kernels::round_half_even(mean), low, high);
          ASSERT_EQ(out.values<uint8_t>()[static_cast<size_t>(i)], want) << c.why << " at " << i;
        }
      }
  const Operand in = noise<uint8_t>({1, 4, 4, 1}, 1).quant({1}, {0});
  EXPECT_FALSE(OpRig(kPool2d, attributes(kPools[0], schema::PoolKind::max), {in}, like({2}, {0})).can_int8());
}

TEST(Pool2d, Refuses) {
  for (const PoolCase& c : {PoolCase{{1, 5, 6, 8}, 0, 2, 1, 0, 0, 1, false, false, false, {}, "no window"},
                            {{1, 5, 6, 8}, 2, 2, 0, 0, 0, 1, false, false, false, {}, "no stride"},
                            {{1, 5, 6, 8}, 2, 2, 1, -1, 0, 1, false, false, false, {}, "negative padding"},
                            {{1, 5, 6, 8}, 2, 2, 1, 2, 2, 1, false, false, false, {}, "padding as large as the window"},
                            {{1, 5, 6, 8}, 7, 7, 1, 0, 0, 1, false, false, false, {}, "window larger than the image"},
                            {{5, 6, 8}, 2, 2, 1, 0, 0, 1, false, false, false, {}, "rank"},
                            {{1, 0, 6, 8}, 2, 2, 1, 0, 0, 1, false, false, true, {}, "no pixels"},
                            {{1, 5, 6, 8}, 1 << 30, 2, 1, 0, 0, 1 << 30, false, false, false, {}, "overflow"}})
    EXPECT_FALSE(OpRig(kPool2d, attributes(c, schema::PoolKind::max), {Operand{.shape = c.in}}).run()) << c.why;
}

struct ResizeCase {
  int64_t in_h, in_w;
  std::vector<float> scale;
  std::vector<int64_t> size;
  CoordinateMode mode;
  NearestMode nearest;
};

double source(const ResizeCase& c, double x, int64_t in, int64_t out, double scale) {
  switch (c.mode) {
    case CoordinateMode::half_pixel:
      return (x + 0.5) / scale - 0.5;
    case CoordinateMode::pytorch_half_pixel:
      return out > 1 ? (x + 0.5) / scale - 0.5 : 0;
    case CoordinateMode::align_corners:
      return out > 1 ? x * static_cast<double>(in - 1) / static_cast<double>(out - 1) : 0;
    case CoordinateMode::asymmetric:
      return x / scale;
    case CoordinateMode::tf_half_pixel_for_nn:
      return (x + 0.5) / scale;
    default:
      return static_cast<double>(in) / 2 * (1 - static_cast<double>(out) / (scale * static_cast<double>(in))) +
             (x + 0.5) / scale - 0.5;
  }
}

double nearest(NearestMode mode, double x) {
  x = std::nearbyint(x * 1e9) / 1e9;  // double's own noise at ties
  if (mode == NearestMode::round_prefer_floor) return std::ceil(x - 0.5);
  if (mode == NearestMode::round_prefer_ceil) return std::floor(x + 0.5);
  return mode == NearestMode::floor ? std::floor(x) : std::ceil(x);
}

std::vector<ResizeCase> resize_cases() {
  std::vector<ResizeCase> all;
  for (int mode = 0; mode <= static_cast<int>(CoordinateMode::MAX); ++mode)
    for (int n = 0; n <= static_cast<int>(NearestMode::MAX); ++n) {
      const auto m = static_cast<CoordinateMode>(mode);
      const auto r = static_cast<NearestMode>(n);
      all.push_back({3, 5, {2, 2}, {}, m, r});
      all.push_back({8, 5, {0.5f, 1.5f}, {}, m, r});
      all.push_back({4, 6, {}, {8, 3}, m, r});
      all.push_back({5, 1, {}, {1, 4}, m, r});
      all.push_back({6, 6, {2.5f, 0.25f}, {}, m, r});
    }
  return all;
}

schema::ResizeT attributes(const ResizeCase& c, bool linear) {
  schema::ResizeT a;
  a.mode = linear ? schema::ResizeMode::linear : schema::ResizeMode::nearest;
  a.coordinate_mode = c.mode, a.nearest_mode = c.nearest;
  a.scale = c.scale, a.size = c.size;
  return a;
}

// Neighbours and weight of the second.
struct Tap {
  int64_t first, second;
  double weight;
};

Tap tap(const ResizeCase& c, bool linear, int64_t x, int64_t in, int64_t out, double scale) {
  double at = source(c, static_cast<double>(x), in, out, scale);
  if (!linear) at = nearest(c.nearest, at);
  at = std::clamp(at, 0.0, static_cast<double>(in - 1));
  const auto first = static_cast<int64_t>(at);
  return {first, std::min(first + 1, in - 1), at - static_cast<double>(first)};
}

void check_resize(const ResizeCase& c, bool linear, bool int8, int64_t gap) {
  const Shape shape{2, c.in_h, c.in_w, 7};
  const Operand in = int8 ? noise<uint8_t>(shape, 1).quant({0.1f}, {9}).apart(gap) : noise<float>(shape, 1).apart(gap);
  OpRig rig(kResize, attributes(c, linear), {in}, int8 ? like({0.1f}, {9}, gap) : like({}, {}, gap));
  const Operand out = int8 ? run_everywhere(rig, "resize") : run_threads(rig, "resize");
  ASSERT_EQ(out.shape.rank(), 4);
  const double sh =
      c.scale.empty() ? static_cast<double>(out.shape[1]) / static_cast<double>(c.in_h) : double{c.scale[0]};
  const double sw =
      c.scale.empty() ? static_cast<double>(out.shape[2]) / static_cast<double>(c.in_w) : double{c.scale[1]};
  auto value = [&](int64_t n, int64_t y, int64_t x, int64_t ch) {
    const auto i = static_cast<size_t>(ravel({n, y, x, ch}, shape));
    return int8 ? double{static_cast<double>(in.values<uint8_t>()[i])} : double{in.values<float>()[i]};
  };
  for (int64_t i = 0; i < out.shape.elements(); ++i) {
    const auto at = unravel(i, out.shape);
    Tap y = tap(c, linear, at[1], c.in_h, out.shape[1], sh), x = tap(c, linear, at[2], c.in_w, out.shape[2], sw);
    if (int8) y.weight = std::nearbyint(y.weight * 2048) / 2048, x.weight = std::nearbyint(x.weight * 2048) / 2048;
    const double want = (1 - y.weight) * ((1 - x.weight) * value(at[0], y.first, x.first, at[3]) +
                                          x.weight * value(at[0], y.first, x.second, at[3])) +
                        y.weight * ((1 - x.weight) * value(at[0], y.second, x.first, at[3]) +
                                    x.weight * value(at[0], y.second, x.second, at[3]));
    if (int8)
      ASSERT_EQ(out.values<uint8_t>()[static_cast<size_t>(i)], std::floor(want + 0.5)) << i;
    else
      ASSERT_NEAR(out.values<float>()[static_cast<size_t>(i)], want, 1e-5) << i;
  }
}

TEST(Resize, AllModes) {
  for (const ResizeCase& c : resize_cases())
    for (bool linear : {false, true})
      for (bool int8 : {false, true})
        for (int64_t gap : {0, 4}) {
          check_resize(c, linear, int8, gap);
          if (testing::Test::HasFailure())
            FAIL() << "mode " << static_cast<int>(c.mode) << " nearest " << static_cast<int>(c.nearest) << " linear "
                   << linear << " int8 " << int8 << " in " << c.in_h << "x" << c.in_w;
        }
}

// Weights of all input positions for one output position: Keys' kernel at each tap, those outside falling on the edge or away.
std::vector<double> cubic_weights(double at, int64_t in, double a, bool exclude) {
  std::vector<double> weights(static_cast<size_t>(in));
  double sum = 0;
  const auto nearest = static_cast<int64_t>(std::floor(at));
  for (int64_t tap = nearest - 1; tap <= nearest + 2; ++tap) {
    const double d = std::fabs(at - static_cast<double>(tap)), d2 = d * d, d3 = d2 * d;
    const double w = d <= 1 ? (a + 2) * d3 - (a + 3) * d2 + 1 : a * (d3 - 5 * d2 + 8 * d - 4);
    if (exclude && (tap < 0 || tap >= in)) continue;
    weights[static_cast<size_t>(std::clamp<int64_t>(tap, 0, in - 1))] += w;
    sum += w;
  }
  if (exclude)
    for (double& w : weights) w /= sum;
  return weights;
}

void check_cubic(const ResizeCase& c, float a, bool exclude, int64_t gap) {
  const Shape shape{2, c.in_h, c.in_w, 7};
  const Operand in = noise<float>(shape, 1).apart(gap);
  auto op = attributes(c, true);
  op.mode = schema::ResizeMode::cubic, op.cubic_a = a, op.exclude_outside = exclude;
  OpRig rig(kResize, op, {in}, like({}, {}, gap));
  const Operand out = run_everywhere(rig, "cubic");
  ASSERT_EQ(out.shape.rank(), 4);
  const auto weights = [&](int64_t x, int64_t size, int64_t to, size_t axis) {
    const double scale = c.scale.empty() ? static_cast<double>(to) / static_cast<double>(size) : double{c.scale[axis]};
    return cubic_weights(source(c, static_cast<double>(x), size, to, scale), size, double{a}, exclude);
  };
  for (int64_t i = 0; i < out.shape.elements(); ++i) {
    const auto at = unravel(i, out.shape);
    const auto wy = weights(at[1], c.in_h, out.shape[1], 0), wx = weights(at[2], c.in_w, out.shape[2], 1);
    double want = 0;
    for (int64_t y = 0; y < c.in_h; ++y)
      for (int64_t x = 0; x < c.in_w; ++x)
        want += wy[static_cast<size_t>(y)] * wx[static_cast<size_t>(x)] *
                double{in.values<float>()[static_cast<size_t>(ravel({at[0], y, x, at[3]}, shape))]};
    ASSERT_NEAR(out.values<float>()[static_cast<size_t>(i)], want, 5e-5) << i;
  }
}

TEST(Resize, Cubic) {
  for (const ResizeCase& c : resize_cases())
    for (float a : {-0.75f, -0.5f})
      for (bool exclude : {false, true})
        for (int64_t gap : {0, 4}) {
          if (c.nearest != NearestMode::floor) continue;
          check_cubic(c, a, exclude, gap);
          if (testing::Test::HasFailure())
            FAIL() << "mode " << static_cast<int>(c.mode) << " a " << a << " exclude " << exclude << " in " << c.in_h
                   << "x" << c.in_w << " gap " << gap;
        }
}

TEST(Resize, CubicStaysFloat) {
  auto op = attributes({3, 5, {2, 2}, {}, CoordinateMode::half_pixel, NearestMode::floor}, true);
  op.mode = schema::ResizeMode::cubic;
  const Operand in = noise<uint8_t>({1, 3, 5, 4}, 1).quant({0.1f}, {9});
  EXPECT_FALSE(OpRig(kResize, op, {in}, like({0.1f}, {9})).can_int8());
  op.cubic_a = NAN;
  OpRig rig(kResize, op, {noise<float>({1, 3, 5, 4}, 1)});
  EXPECT_FALSE(rig.run());
  EXPECT_NE(rig.error().find("coefficient"), std::string::npos) << rig.error();
}

TEST(Resize, SizesFromAnOperand) {
  ResizeCase c{3, 5, {}, {7, 4}, CoordinateMode::half_pixel, NearestMode::floor};
  const Operand in = noise<float>({1, 3, 5, 4}, 1);
  OpRig by_attribute(kResize, attributes(c, true), {in});
  c.size.clear();
  OpRig by_operand(kResize, attributes(c, true), {in, known({7, 4})});
  ASSERT_TRUE(by_attribute.run() && by_operand.run()) << by_operand.error();
  EXPECT_EQ(by_attribute.out().bytes, by_operand.out().bytes);
}

TEST(Resize, Refuses) {
  const Operand in = noise<float>({1, 3, 5, 4}, 1);
  for (auto [scale, size, why] :
       {std::tuple<std::vector<float>, std::vector<int64_t>, const char*>{{}, {}, "nothing given"},
        {{0, 1}, {}, "zero scale"},
        {{-1, 1}, {}, "negative scale"},
        {{INFINITY, 1}, {}, "infinite"},
        {{NAN, 1}, {}, "NaN"},
        {{1e30f, 1}, {}, "huge"},
        {{0.1f, 1}, {}, "empty output"},
        {{}, {0, 3}, "empty size"},
        {{}, {3}, "one size"},
        {{}, {3, int64_t{1} << 40}, "size"}})
    EXPECT_FALSE(OpRig(kResize,
                       attributes(ResizeCase{3, 5, scale, size, CoordinateMode::half_pixel, NearestMode::floor}, true),
                       {in})
                     .run())
        << why;
}

}  // namespace
}  // namespace octet
