// minmax, percentile, KL and squared error over a histogram.
#include "converter/quant/ranges.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <vector>

namespace octet::convert {
namespace {

constexpr RangeMethod kMethods[] = {
    {"minmax", false, [](const Statistics& s, double) { return minmax(s); }},
    {"percentile", true, [](const Statistics& s, double keep) { return percentile(s, keep); }},
    {"kl", true, [](const Statistics& s, double) { return kl(s); }},
    {"mse", true, [](const Statistics& s, double) { return mse(s); }},
};

constexpr int kLevels = 255;  // steps of a u8 range

Range clip(const Statistics& s, double low, double high) {
  return {static_cast<float>(std::clamp<double>(low, s.min, 0)),
          static_cast<float>(std::clamp<double>(high, 0, s.max))};
}

// Divergence of bins [first, last) with the outliers added to the end bins from the same bins without them, averaged
// over kLevels levels. Outliers where no other values are count as explained by next to nothing.
double divergence(const Histogram& h, size_t first, size_t last, int64_t below, int64_t above) {
  double total = 0, inside = 0, sum = 0;
  auto p = [&](size_t i) {
    return static_cast<double>(h.bins[i] + (i == first ? below : 0) + (i + 1 == last ? above : 0));
  };
  for (size_t i = first; i < last; ++i) total += p(i), inside += static_cast<double>(h.bins[i]);
  if (inside == 0) return std::numeric_limits<double>::infinity();
  const size_t n = last - first;
  for (size_t level = 0, begin = 0; level < kLevels; ++level) {
    const size_t end = (level + 1) * n / kLevels;
    double mass = 0, used = 0;
    for (size_t i = begin; i < end; ++i) mass += static_cast<double>(h.bins[first + i]), used += p(first + i) > 0;
    for (size_t i = begin; i < end; ++i) {
      const double pi = p(first + i);
      if (pi == 0) continue;
      constexpr double kNextToNothing = 1e-4;
      sum += pi / total * std::log(pi / total * inside * used / std::max(mass, kNextToNothing));
    }
    begin = end;
  }
  return sum;
}

// Prefix sums of count, x and x^2, so that the error of a range takes three look-ups a side.
struct Moments {
  std::vector<std::array<double, 3>> upto;
  explicit Moments(const Histogram& h) : upto(h.bins.size() + 1) {
    for (size_t i = 0; i < h.bins.size(); ++i) {
      const double n = static_cast<double>(h.bins[i]), x = h.centre(i);
      upto[i + 1] = {upto[i][0] + n, upto[i][1] + n * x, upto[i][2] + n * x * x};
    }
  }
  double count(size_t first, size_t last) const { return upto[last][0] - upto[first][0]; }
  // Sum of (x - bound)^2 over bins [first, last).
  double outside(size_t first, size_t last, double bound) const {
    const double n = count(first, last), x = upto[last][1] - upto[first][1], xx = upto[last][2] - upto[first][2];
    return xx - 2 * bound * x + bound * bound * n;
  }
};

size_t bin_of(const Histogram& h, double value) {
  return static_cast<size_t>(std::clamp<double>((value - h.low) / h.width, 0, static_cast<double>(h.bins.size())));
}

}  // namespace

std::span<const RangeMethod> range_methods() { return kMethods; }

const RangeMethod* find_range_method(std::string_view name) {
  for (const RangeMethod& m : kMethods)
    if (m.name == name) return &m;
  return nullptr;
}

Range minmax(const Statistics& s) { return {std::min(s.min, 0.0f), std::max(s.max, 0.0f)}; }

Range percentile(const Statistics& s, double keep) {
  const Histogram& h = s.histogram;
  const double drop = static_cast<double>(h.count()) * (1 - keep) / 2;
  double low = s.min, high = s.max, seen = 0;
  for (size_t i = 0; i < h.bins.size() && seen + static_cast<double>(h.bins[i]) <= drop; ++i)
    seen += static_cast<double>(h.bins[i]), low = h.edge(i + 1);
  seen = 0;
  for (size_t i = h.bins.size(); i-- > 0 && seen + static_cast<double>(h.bins[i]) <= drop;)
    seen += static_cast<double>(h.bins[i]), high = h.edge(i);
  return clip(s, low, high);
}

Range kl(const Statistics& s) {
  const Histogram& h = s.histogram;
  if (h.width == 0) return minmax(s);
  const double largest = std::max(-s.min, s.max);
  double best = std::numeric_limits<double>::infinity();
  Range range = minmax(s);
  constexpr int kCandidates = 128;
  for (int i = kCandidates; i > 0; --i) {
    const Range r = clip(s, -largest * i / kCandidates, largest * i / kCandidates);
    const size_t first = bin_of(h, r.low), last = std::min(bin_of(h, r.high) + 1, h.bins.size());
    if (last - first < 2 * kLevels) break;  // bins as fine as levels say nothing of the error inside
    int64_t below = 0, above = 0;
    for (size_t b = 0; b < first; ++b) below += h.bins[b];
    for (size_t b = last; b < h.bins.size(); ++b) above += h.bins[b];
    const double d = divergence(h, first, last, below, above);
    if (d < best) best = d, range = r;
  }
  return range;
}

Range mse(const Statistics& s) {
  const Histogram& h = s.histogram;
  if (h.width == 0) return minmax(s);
  const Moments moments(h);
  const size_t bins = h.bins.size();
  double best = std::numeric_limits<double>::infinity();
  Range range = minmax(s);
  constexpr int kCandidates = 100;
  for (int i = kCandidates; i > 0; --i) {
    const double low = static_cast<double>(s.min) * i / kCandidates;
    const size_t first = bin_of(h, low);
    const double below = moments.outside(0, first, low);
    for (int j = kCandidates; j > 0; --j) {
      const double high = static_cast<double>(s.max) * j / kCandidates, step = (high - low) / kLevels;
      const size_t last = std::max(first, bin_of(h, high));
      const double error = below + moments.outside(last, bins, high) + moments.count(first, last) * step * step / 12;
      if (error < best) best = error, range = clip(s, low, high);
      if (s.max == 0) break;
    }
    if (s.min == 0) break;
  }
  return range;
}

}  // namespace octet::convert
