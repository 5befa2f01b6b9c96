// Deformable convolution against its definition, with loops in double.
#include "tests/runtime/op_rig.h"

namespace octet {
extern const OpKind kDeformConv2d;

namespace {

struct Case {
  int64_t n, h, w, in, out;  // channels of all groups
  int kernel_h, kernel_w, stride, pad, dilation, groups, offset_groups;
  const char* why;
};

constexpr Case kCases[] = {
    {1, 6, 7, 4, 5, 3, 3, 1, 1, 1, 1, 1, "plain"},
    {2, 5, 9, 16, 32, 3, 3, 1, 1, 1, 1, 1, "whole blocks, two images"},
    {1, 9, 8, 6, 8, 3, 2, 2, 1, 1, 2, 1, "groups and strides"},
    {1, 8, 8, 6, 9, 3, 3, 1, 2, 2, 3, 2, "dilated, two groups of offsets for three of channels"},
    {2, 7, 5, 17, 33, 1, 1, 1, 0, 1, 1, 17, "single taps, a place for each channel"},
    {1, 12, 13, 24, 80, 3, 3, 1, 1, 1, 1, 2, "many tiles, several widths of channels"},
    {1, 5, 6, 120, 80, 3, 3, 1, 1, 1, 1, 1, "several blocks; channels whose weights pass in two parts"},
    {1, 3, 3, 2, 2, 3, 3, 1, 0, 1, 2, 1, "one pixel"},
};

schema::DeformConv2dT attributes(const Case& c) {
  schema::DeformConv2dT a;
  a.stride_h = a.stride_w = c.stride;
  a.pad_top = a.pad_left = a.pad_bottom = a.pad_right = c.pad;
  a.dilation_h = a.dilation_w = c.dilation;
  a.groups = c.groups, a.offset_groups = c.offset_groups;
  return a;
}

int64_t out_size(int64_t in, int kernel, const Case& c) {
  return (in + 2 * c.pad - (c.dilation * (kernel - 1) + 1)) / c.stride + 1;
}

Operand known_noise(const Shape& shape, unsigned seed) {
  Operand o = noise<float>(shape, seed);
  o.known = true;
  return o;
}

// Operands of a case; the offsets reach from -4 to 4 pixels, so that some lie outside and some between pixels at the border.
std::vector<Operand> operands(const Case& c, bool bias, bool mask, int64_t gap) {
  const Shape places{c.n, out_size(c.h, c.kernel_h, c), out_size(c.w, c.kernel_w, c)};
  const int64_t taps = int64_t{c.offset_groups} * c.kernel_h * c.kernel_w;
  std::vector<Operand> all = {noise<float>({c.n, c.h, c.w, c.in}, 1).apart(gap),
                              known_noise({c.out, c.kernel_h, c.kernel_w, c.in / c.groups}, 2), known_noise({c.out}, 3),
                              noise<float>({places[0], places[1], places[2], 2 * taps}, 4).apart(gap)};
  if (!bias)
    for (float& v : all[2].values<float>()) v = 0;
  if (mask) all.push_back(noise<float>({places[0], places[1], places[2], taps}, 5).apart(gap));
  return all;
}

double pixel(const Operand& x, int64_t n, int64_t row, int64_t column, int64_t channel) {
  if (row < 0 || column < 0 || row >= x.shape[1] || column >= x.shape[2]) return 0;
  return double{x.values<float>()[static_cast<size_t>(ravel({n, row, column, channel}, x.shape))]};
}

double sampled(const Operand& x, int64_t n, double row, double column, int64_t channel) {
  const double top = std::floor(row), left = std::floor(column), dy = row - top, dx = column - left;
  const auto r = static_cast<int64_t>(top), l = static_cast<int64_t>(left);
  return (1 - dy) * ((1 - dx) * pixel(x, n, r, l, channel) + dx * pixel(x, n, r, l + 1, channel)) +
         dy * ((1 - dx) * pixel(x, n, r + 1, l, channel) + dx * pixel(x, n, r + 1, l + 1, channel));
}

// What the taps of an output pixel read: [ky][kx][channel].
std::vector<double> patch(const Case& c, const std::vector<Operand>& all, int64_t n, int64_t line, int64_t column) {
  const Operand& offsets = all[3];
  std::vector<double> read;
  for (int64_t ky = 0; ky < c.kernel_h; ++ky)
    for (int64_t kx = 0; kx < c.kernel_w; ++kx)
      for (int64_t channel = 0; channel < c.in; ++channel) {
        const int64_t place = (channel / (c.in / c.offset_groups) * c.kernel_h + ky) * c.kernel_w + kx;
        const auto move = static_cast<size_t>(ravel({n, line, column, 2 * place}, offsets.shape));
        const double y =
            static_cast<double>(line * c.stride - c.pad + ky * c.dilation) + double{offsets.values<float>()[move]};
        const double x = static_cast<double>(column * c.stride - c.pad + kx * c.dilation) +
                         double{offsets.values<float>()[move + 1]};
        double v = sampled(all[0], n, y, x, channel);
        if (all.size() > 4)
          v *= double{all[4].values<float>()[static_cast<size_t>(ravel({n, line, column, place}, all[4].shape))]};
        read.push_back(v);
      }
  return read;
}

double product(const Case& c, const std::vector<Operand>& all, const std::vector<double>& read, int64_t out) {
  const int64_t in = c.in / c.groups, group = out / (c.out / c.groups), taps = int64_t{c.kernel_h} * c.kernel_w;
  double sum = double{all[2].values<float>()[static_cast<size_t>(out)]};
  for (int64_t t = 0; t < taps; ++t)
    for (int64_t i = 0; i < in; ++i)
      sum += read[static_cast<size_t>(t * c.in + group * in + i)] *
             double{all[1].values<float>()[static_cast<size_t>((out * taps + t) * in + i)]};
  return sum;
}

TEST(DeformConv2d, AsDefined) {
  for (const Case& c : kCases)
    for (bool mask : {false, true})
      for (int64_t gap : {0, 3}) {
        const auto all = operands(c, gap == 0, mask, gap);
        OpRig rig(kDeformConv2d, attributes(c), all, like({}, {}, gap));
        const Operand out = run_everywhere(rig, c.why);
        ASSERT_EQ(out.shape, (Shape{c.n, out_size(c.h, c.kernel_h, c), out_size(c.w, c.kernel_w, c), c.out})) << c.why;
        std::vector<double> read;
        for (int64_t i = 0; i < out.shape.elements(); ++i) {
          const auto at = unravel(i, out.shape);
          if (at[3] == 0) read = patch(c, all, at[0], at[1], at[2]);
          ASSERT_NEAR(out.values<float>()[static_cast<size_t>(i)], product(c, all, read, at[3]), 3e-3)
              << c.why << " mask " << mask << " gap " << gap << " at " << i;
        }
      }
}

TEST(DeformConv2d, PlacesThatAreNoneReadZeros) {
  const Case c{1, 3, 3, 1, 1, 1, 1, 1, 0, 1, 1, 1, ""};
  auto all = operands(c, false, false, 0);
  const float wild[] = {NAN, INFINITY, -INFINITY, 1e30f, -1e30f, 3e9f, 100, -100, NAN};
  for (size_t i = 0; i < 9; ++i) all[3].values<float>()[2 * i] = wild[i], all[3].values<float>()[2 * i + 1] = 0;
  OpRig rig(kDeformConv2d, attributes(c), all);
  ASSERT_TRUE(rig.run()) << rig.error();
  EXPECT_EQ(rig.out().list<float>(), std::vector<float>(9, 0.0f));
}

TEST(DeformConv2d, Refuses) {
  const Case good = kCases[0];
  using Change = void (*)(schema::DeformConv2dT&, std::vector<Operand>&);
  const std::pair<Change, const char*> cases[] = {
      {[](auto& a, auto&) { a.stride_h = 0; }, "stride"},
      {[](auto& a, auto&) { a.dilation_w = -1; }, "dilation"},
      {[](auto& a, auto&) { a.pad_left = -1; }, "padding"},
      {[](auto& a, auto&) { a.groups = 0; }, "groups"},
      {[](auto& a, auto&) { a.groups = 5; }, "input"},
      {[](auto& a, auto&) { a.offset_groups = 3; }, "groups of offsets"},
      {[](auto& a, auto&) { a.offset_groups = 0; }, "groups of offsets"},
      {[](auto& a, auto&) { a.offset_groups = 2; }, "offsets {1, 6, 7, 18}, expected {1, 6, 7, 36}"},
      {[](auto&, auto& o) { o.resize(3); }, "no offsets"},
      {[](auto&, auto& o) { o[1].known = false; }, "not constant"},
      {[](auto&, auto& o) {
         o[3] = noise<float>({1, 6, 6, 18}, 1);
       },
       "offsets"},
      {[](auto&, auto& o) {
         o[3] = counting<int64_t>({1, 6, 7, 18});
       },
       "input 3"},
      {[](auto&, auto& o) {
         o.push_back(noise<float>({1, 6, 7, 18}, 1));
       },
       "mask"},
      {[](auto& a, auto&) { a.dilation_h = 9; }, "smaller than the window"}};
  for (const auto& [change, why] : cases) {
    auto a = attributes(good);
    auto all = operands(good, true, false, 0);
    change(a, all);
    OpRig rig(kDeformConv2d, a, all);
    EXPECT_FALSE(rig.run()) << why;
    EXPECT_NE(rig.error().find(why), std::string::npos) << why << ": " << rig.error();
  }
}

}  // namespace
}  // namespace octet
