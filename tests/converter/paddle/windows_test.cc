// Ops that read an image through windows or between its pixels: deformable_conv, bicubic_interp, linear_interp, unfold, space_to_depth, against
// loops.
#include <algorithm>
#include <cmath>

#include "tests/converter/paddle/rig.h"

namespace octet::convert {
namespace {

using Values = std::vector<float>;
using Ints = std::vector<int64_t>;

void expect_near(const Values& got, const Values& want, const std::string& what) {
  ASSERT_EQ(got.size(), want.size()) << what;
  for (size_t i = 0; i < got.size(); ++i)
    ASSERT_NEAR(got[i], want[i], 2e-5f * std::max(1.0f, std::fabs(want[i]))) << what << " at " << i;
}

// NCHW.
struct Image {
  Values data;
  int64_t n, c, h, w;
  double at(int64_t i, int64_t channel, int64_t y, int64_t x) const {
    if (y < 0 || x < 0 || y >= h || x >= w) return 0;
    return static_cast<double>(data[static_cast<size_t>(((i * c + channel) * h + y) * w + x)]);
  }
  double between(int64_t i, int64_t channel, double y, double x) const {
    const double top = std::floor(y), left = std::floor(x), dy = y - top, dx = x - left;
    const auto r = static_cast<int64_t>(top), l = static_cast<int64_t>(left);
    return (1 - dy) * ((1 - dx) * at(i, channel, r, l) + dx * at(i, channel, r, l + 1)) +
           dy * ((1 - dx) * at(i, channel, r + 1, l) + dx * at(i, channel, r + 1, l + 1));
  }
};

struct Deformed {
  int64_t groups, offset_groups, stride, pad, dilation;
  bool mask;
};

Values deformed(const Deformed& c, const Image& x, const Image& weights, const Image& offsets, const Image& mask) {
  Values y;
  const int64_t out_per_group = weights.n / c.groups, taps = weights.h * weights.w;
  for (int64_t i = 0; i < x.n; ++i)
    for (int64_t o = 0; o < weights.n; ++o)
      for (int64_t row = 0; row < offsets.h; ++row)
        for (int64_t column = 0; column < offsets.w; ++column) {
          double sum = 0;
          for (int64_t k = 0; k < weights.c; ++k)
            for (int64_t t = 0; t < taps; ++t) {
              const int64_t channel = o / out_per_group * weights.c + k;
              const int64_t place = channel / (x.c / c.offset_groups) * taps + t;
              const double down = offsets.at(i, 2 * place, row, column),
                           right = offsets.at(i, 2 * place + 1, row, column);
              const double v =
                  x.between(i, channel, static_cast<double>(row * c.stride - c.pad + t / weights.w * c.dilation) + down,
                            static_cast<double>(column * c.stride - c.pad + t % weights.w * c.dilation) + right);
              sum += v * weights.at(o, k, t / weights.w, t % weights.w) * (c.mask ? mask.at(i, place, row, column) : 1);
            }
          y.push_back(static_cast<float>(sum));
        }
  return y;
}

TEST(PaddleWindows, DeformableConvolution) {
  for (const Deformed& c : {Deformed{1, 1, 1, 1, 1, true},
                            {1, 1, 1, 1, 1, false},
                            {2, 1, 2, 1, 1, true},
                            {1, 2, 1, 2, 2, true},
                            {2, 4, 1, 0, 1, false}}) {
    const int64_t h = 6, w = 7, in = 4, out = 6, reach = 2 * c.dilation + 1;
    const int64_t out_h = (h + 2 * c.pad - reach) / c.stride + 1, out_w = (w + 2 * c.pad - reach) / c.stride + 1;
    const int64_t places = c.offset_groups * 9;
    Image x{{}, 2, in, h, w}, offsets{{}, 2, 2 * places, out_h, out_w}, mask{{}, 2, places, out_h, out_w};
    Image weights{input_values(static_cast<size_t>(out * in / c.groups * 9)), out, in / c.groups, 3, 3};
    TestProgram p;
    std::vector<Arguments> operands = {{"Input", {p.input("x", {-1, in, h, w})}},
                                       {"Offset", {p.input("offset", {-1, 2 * places, out_h, out_w})}},
                                       {"Filter", {p.floats({out, in / c.groups, 3, 3}, weights.data)}}};
    if (c.mask) operands.push_back({"Mask", {p.input("mask", {-1, places, out_h, out_w})}});
    p.output(p.op(c.mask ? "deformable_conv" : "deformable_conv_v1", operands,
                  {attr("strides", Ints{c.stride, c.stride}), attr("paddings", Ints{c.pad, c.pad}),
                   attr("dilations", Ints{c.dilation, c.dilation}), attr("groups", static_cast<int>(c.groups)),
                   attr("deformable_groups", static_cast<int>(c.offset_groups)), attr("im2col_step", 1)},
                  "Output"));
    std::vector<Shape> sizes;
    const auto size_of = [](const Image& i) { return static_cast<size_t>(i.n * i.c * i.h * i.w); };
    const Values all = input_values(size_of(x) + size_of(offsets) + size_of(mask));
    auto from = all.begin();
    for (Image* i : {&x, &offsets, &mask}) {
      i->data.assign(from, from + static_cast<std::ptrdiff_t>(size_of(*i)));
      from += static_cast<std::ptrdiff_t>(size_of(*i));
      sizes.push_back({i->n, i->c, i->h, i->w});
    }
    if (!c.mask) sizes.pop_back();
    expect_near(results(p, sizes), deformed(c, x, weights, offsets, mask),
                "groups " + std::to_string(c.groups) + " and " + std::to_string(c.offset_groups));
  }
}

double keys(double d) {
  constexpr double a = -0.75;
  d = std::fabs(d);
  if (d <= 1) return (a + 2) * d * d * d - (a + 3) * d * d + 1;
  return d < 2 ? a * (d * d * d - 5 * d * d + 8 * d - 4) : 0;
}

TEST(PaddleWindows, BicubicInterpolation) {
  const Image x{input_values(2 * 5 * 4), 1, 2, 5, 4};
  for (const char* type : {"bicubic_interp", "bicubic_interp_v2"})
    for (bool corners : {false, true})
      for (auto [h, w] : {std::pair{5, 4}, {10, 8}, {7, 9}, {3, 2}}) {
        TestProgram p;
        p.output(p.op(type, {{"X", {p.input("x", {1, 2, 5, 4})}}},
                      {attr("out_h", h), attr("out_w", w), flag("align_corners", corners), attr("align_mode", 1)}));
        const auto place = [&](int i, int in, int out) {
          return corners ? i * (in - 1.0) / (out - 1.0) : (i + 0.5) * in / out - 0.5;
        };
        Values want;
        for (int64_t c = 0; c < 2; ++c)
          for (int row = 0; row < h; ++row)
            for (int column = 0; column < w; ++column) {
              const double y_at = place(row, 5, h), x_at = place(column, 4, w);
              double sum = 0;
              for (int j = -3; j < 9; ++j)
                for (int i = -3; i < 8; ++i)
                  sum += keys(y_at - j) * keys(x_at - i) * x.at(0, c, std::clamp(j, 0, 4), std::clamp(i, 0, 3));
              want.push_back(static_cast<float>(sum));
            }
        expect_near(results(p), want, std::string(type) + " to " + std::to_string(h) + "x" + std::to_string(w));
      }
}

TEST(PaddleWindows, LinearInterpolationOfRows) {
  const Values x = input_values(2 * 5);
  for (bool corners : {false, true})
    for (int mode : {0, 1})
      for (bool scaled : {false, true}) {
        TestProgram p;
        std::vector<Attr> attrs = {flag("align_corners", corners), attr("align_mode", mode)};
        attrs.push_back(scaled ? attr("scale", 2.0f) : attr("out_w", 10));
        p.output(p.op("linear_interp_v2", {{"X", {p.input("x", {1, 2, 5})}}}, attrs));
        Values want;
        for (int row = 0; row < 2; ++row)
          for (int i = 0; i < 10; ++i) {
            const double at = corners ? i * 4.0 / 9 : mode ? i / 2.0 : std::max((i + 0.5) / 2 - 0.5, 0.0);
            const int left = static_cast<int>(at), right = std::min(left + 1, 4);
            const float share = static_cast<float>(at - left);
            want.push_back((1 - share) * x[static_cast<size_t>(row * 5 + left)] +
                           share * x[static_cast<size_t>(row * 5 + right)]);
          }
        expect_near(results(p), want, "linear");
      }
}

TEST(PaddleWindows, Unfold) {
  struct Case {
    int64_t kernel_h, kernel_w, stride_h, stride_w, dilation_h, dilation_w;
    Ints pads;  // top, left, bottom, right
  };
  for (const Case& c : {Case{3, 3, 1, 1, 1, 1, {1, 1, 1, 1}},
                        {2, 2, 2, 2, 1, 1, {0, 0, 0, 0}},
                        {1, 3, 2, 1, 1, 2, {0, 2, 1, 0}},
                        {4, 2, 3, 3, 1, 1, {2, 0, 1, 3}},
                        {1, 1, 1, 1, 1, 1, {0, 0, 0, 0}}})
    for (bool dynamic : {false, true}) {
      const Image x{input_values(2 * 3 * 6 * 5), 2, 3, 6, 5};
      TestProgram p;
      p.output(p.op("unfold", {{"X", {p.input("x", dynamic ? Ints{-1, 3, -1, -1} : Ints{2, 3, 6, 5})}}},
                    {attr("kernel_sizes", Ints{c.kernel_h, c.kernel_w}), attr("strides", Ints{c.stride_h, c.stride_w}),
                     attr("paddings", c.pads), attr("dilations", Ints{c.dilation_h, c.dilation_w})},
                    "Y"));
      const int64_t out_h = (6 + c.pads[0] + c.pads[2] - (c.dilation_h * (c.kernel_h - 1) + 1)) / c.stride_h + 1;
      const int64_t out_w = (5 + c.pads[1] + c.pads[3] - (c.dilation_w * (c.kernel_w - 1) + 1)) / c.stride_w + 1;
      Values want;
      for (int64_t i = 0; i < 2; ++i)
        for (int64_t k = 0; k < 3 * c.kernel_h * c.kernel_w; ++k)
          for (int64_t place = 0; place < out_h * out_w; ++place) {
            const int64_t tap = k % (c.kernel_h * c.kernel_w);
            want.push_back(
                static_cast<float>(x.at(i, k / (c.kernel_h * c.kernel_w),
                                        place / out_w * c.stride_h - c.pads[0] + tap / c.kernel_w * c.dilation_h,
                                        place % out_w * c.stride_w - c.pads[1] + tap % c.kernel_w * c.dilation_w)));
          }
      const std::string what = "unfold " + std::to_string(c.kernel_h) + "x" + std::to_string(c.kernel_w);
      expect_near(dynamic ? results(p, {Shape{2, 3, 6, 5}}) : results(p), want, what);
    }
}

TEST(PaddleWindows, UnfoldRefuses) {
  for (const auto& [kernel, pads, why] : {std::tuple<Ints, Ints, const char*>{{40, 40}, {0, 0, 0, 0}, "elements"},
                                          {{0, 1}, {0, 0, 0, 0}, "kernel_sizes"},
                                          {{2, 2}, {0, -1, 0, 0}, "paddings"},
                                          {{2, 2}, {0, 0}, "paddings"}}) {
    TestProgram p;
    p.output(p.op("unfold", {{"X", {p.input("x", {1, 1, 50, 50})}}},
                  {attr("kernel_sizes", kernel), attr("paddings", pads)}, "Y"));
    auto g = import(p);
    ASSERT_FALSE(g) << why;
    EXPECT_NE(g.error().text.find(why), std::string::npos) << g.error().text;
  }
  TestProgram none;
  none.output(none.op("unfold", {{"X", {none.input("x", {1, 1, 5, 5})}}}, {}, "Y"));
  auto g = import(none);
  ASSERT_FALSE(g);
  EXPECT_NE(g.error().text.find("needs kernel_sizes"), std::string::npos) << g.error().text;
}

// An element's place counts as if the channels had been spread over blocks first.
TEST(PaddleWindows, SpaceToDepth) {
  const int64_t n = 2, c = 8, h = 4, w = 6, b = 2;
  TestProgram p;
  p.output(p.op("space_to_depth", {{"X", {p.input("x", {-1, c, h, w})}}}, {attr("blocksize", 2)}));
  const Values x = input_values(static_cast<size_t>(n * c * h * w));
  Values want(x.size());
  for (int64_t i = 0; i < n * c * h * w; ++i) {
    const int64_t column = i % w, row = i / w % h, channel = i / (w * h) % c, image = i / (w * h * c);
    const int64_t rest = channel % (c / b / b), block = channel / (c / b / b);
    const int64_t y = row * b + block / b, z = column * b + block % b;
    want[static_cast<size_t>(((image * (c / b / b) + rest) * h * b + y) * w * b + z)] = x[static_cast<size_t>(i)];
  }
  expect_near(results(p, {Shape{n, c, h, w}}), want, "space_to_depth");
  auto g = import(p);
  ASSERT_TRUE(g);
  EXPECT_EQ(tensor(*g, g->outputs[0]).shape.text(), "{-1, 32, 2, 3}");
}

}  // namespace
}  // namespace octet::convert
