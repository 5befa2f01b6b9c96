// Histograms and range methods on distributions whose answer is known.
#include <gtest/gtest.h>

#include <cmath>
#include <numeric>
#include <random>

#include "converter/quant/ranges.h"

namespace octet::convert {
namespace {

Statistics statistics(const std::vector<float>& values) {
  Statistics s;
  for (float v : values) s.min = std::min(s.min, v), s.max = std::max(s.max, v);
  add(s.histogram, values);
  return s;
}

Range range_of(const char* method, const Statistics& s, double keep = 1) {
  const RangeMethod* row = find_method(range_methods(), method);
  return row ? row->range(s, keep) : Range{};
}

std::vector<float> normal(size_t n) {
  std::mt19937 random(3);
  std::normal_distribution<float> d;
  std::vector<float> v(n);
  for (float& x : v) x = d(random);
  return v;
}

TEST(Histogram, KeepsEveryValueWhileItWidens) {
  Histogram h;
  for (float v : {1.0f, 1.5f, -3.0f, 100.0f, -1000.0f, 0.0f, 0.001f}) add(h, std::vector<float>{v});
  EXPECT_EQ(h.count(), 7);
  EXPECT_EQ(h.zeros, 1);
  EXPECT_LE(h.low, -1000);
  EXPECT_GE(h.edge(h.bins.size()), 100);
}

TEST(Histogram, WideningPutsValuesWhereOneBigHistogramWould) {
  std::vector<float> values = normal(1000);
  Histogram h;
  for (float v : values) add(h, std::vector<float>{v});
  int64_t below = 0, expected = 0;
  const size_t half = h.bins.size() / 2;
  for (size_t i = 0; i < half; ++i) below += h.bins[i];
  for (float v : values) expected += v < h.edge(half);
  EXPECT_NEAR(static_cast<double>(below), static_cast<double>(expected), 2);
}

TEST(Histogram, SkipsWhatIsNotFinite) {
  Histogram h;
  add(h, std::vector<float>{1, NAN, INFINITY, -INFINITY, 2});
  EXPECT_EQ(h.count(), 2);
}

TEST(Histogram, OneValueOnly) {
  Histogram h;
  add(h, std::vector<float>{5, 5, 5});
  EXPECT_EQ(h.count(), 3);
}

TEST(Ranges, AllHoldZeroAndStayInsideWhatWasSeen) {
  for (const RangeMethod* m : range_methods())
    for (const std::vector<float>& values :
         {std::vector<float>{}, {0, 0}, {1, 2, 3}, {-1, -2, -3}, {-1, 0, 5}, normal(5000)}) {
      const Statistics s = statistics(values);
      const Range r = m->range(s, 0.999);
      EXPECT_LE(r.low, 0) << m->name;
      EXPECT_GE(r.high, 0) << m->name;
      EXPECT_GE(r.low, s.min) << m->name;
      EXPECT_LE(r.high, s.max) << m->name;
    }
}

TEST(Ranges, MinMax) {
  const Range r = range_of("minmax", statistics({-1, 2, 10}));
  EXPECT_EQ(r.low, -1);
  EXPECT_EQ(r.high, 10);
}

TEST(Ranges, PercentileDropsAsManyAsItSaysAtEachEnd) {
  std::vector<float> values(1000);
  std::iota(values.begin(), values.end(), -499.5f);
  const Range r = range_of("percentile", statistics(values), 0.9);
  EXPECT_NEAR(r.low, -450, 2);
  EXPECT_NEAR(r.high, 450, 2);
  EXPECT_EQ(range_of("percentile", statistics(values)).high, 499.5f);
}

TEST(Ranges, PercentileOfRectifiedValuesKeepsTheLowEnd) {
  std::vector<float> values(1000, 0.0f);
  for (int i = 0; i < 500; ++i) values[static_cast<size_t>(i)] = static_cast<float>(i);
  const Range r = range_of("percentile", statistics(values), 0.98);
  EXPECT_EQ(r.low, 0);
  EXPECT_NEAR(r.high, 489, 2);
}

TEST(Ranges, KlAndMseClipAnOutlierButNotABox) {
  std::vector<float> outlier = normal(100000), box(100000);
  outlier[0] = 20;
  for (size_t i = 0; i < box.size(); ++i) box[i] = static_cast<float>(i) / 50000 - 1;
  for (const char* name : {"kl", "mse"}) {
    EXPECT_LT(range_of(name, statistics(outlier)).high, 19) << name;
    EXPECT_GT(range_of(name, statistics(outlier)).high, 3) << name;
    EXPECT_GT(range_of(name, statistics(box)).high, 0.97) << name;
    EXPECT_LT(range_of(name, statistics(box)).low, -0.97) << name;
  }
}

TEST(Ranges, MseIsBetterThanItsNeighbours) {
  const std::vector<float> values = normal(20000);
  const Range r = range_of("mse", statistics(values));
  auto error = [&](double scale) {
    const double low = r.low * scale, step = (r.high - r.low) * scale / 255;
    double sum = 0;
    for (float v : values) {
      const double x = low + step * std::clamp(std::nearbyint((v - low) / step), 0.0, 255.0);
      sum += (x - v) * (x - v);
    }
    return sum;
  };
  EXPECT_LT(error(1), error(1.1));
  EXPECT_LT(error(1), error(0.9));
}

}  // namespace
}  // namespace octet::convert
