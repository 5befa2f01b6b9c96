// Ops that read an image through windows or between its pixels: bicubic_interp, linear_interp, against
// loops.
#include <algorithm>
#include <cmath>

#include "tests/converter/paddle_rig.h"

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

}  // namespace
}  // namespace octet::convert
