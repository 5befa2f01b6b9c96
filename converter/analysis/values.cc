#include "converter/analysis/values.h"

#include <algorithm>
#include <cmath>

namespace octet::analysis {
namespace {

constexpr size_t kBins = 96;  // as many as a picture of them can show

// Neighbouring bins in one, ends without counts dropped.
Spread spread_of(const convert::Histogram& h) {
  Spread s{.zeros = h.zeros};
  const auto counted = [](int64_t n) { return n > 0; };
  const auto first = std::find_if(h.bins.begin(), h.bins.end(), counted);
  if (first == h.bins.end()) return s;
  const auto last = std::find_if(h.bins.rbegin(), h.bins.rend(), counted).base();
  const size_t begin = static_cast<size_t>(first - h.bins.begin()), count = static_cast<size_t>(last - first);
  const size_t merged = (count + kBins - 1) / kBins;
  s.bins.assign((count + merged - 1) / merged, 0);
  for (size_t i = 0; i < count; ++i) s.bins[i / merged] += h.bins[begin + i];
  s.low = h.edge(begin), s.high = h.edge(begin + s.bins.size() * merged);
  return s;
}

}  // namespace

void ValueSum::add(std::span<const float> values, size_t channels) {
  if (values_.channels.empty())
    for (size_t c = 0; c < channels; ++c) {
      const float scale = quant_.scale_at(static_cast<int64_t>(c));
      const auto zero = static_cast<float>(quant_.zero_at(static_cast<int64_t>(c)));
      values_.channels.push_back({0, 0, -zero * scale, (255 - zero) * scale});
    }
  if (channels == 0 || values_.channels.size() != channels) return;
  convert::add(histogram_, values);
  for (size_t i = 0; i < values.size(); ++i) {
    ChannelRange& r = values_.channels[i % channels];
    const float v = values[i], half = (r.high - r.low) / 510;  // what rounding moves is not clipped
    if (!std::isfinite(v)) continue;
    r.min = std::min(r.min, v), r.max = std::max(r.max, v);
    outside_ += v < r.low - half || v > r.high + half;
    ++count_;
  }
}

TensorValues ValueSum::result() const {
  TensorValues out = values_;
  out.spread = spread_of(histogram_);
  if (count_) out.clipped = static_cast<double>(outside_) / static_cast<double>(count_);
  return out;
}

TensorValues weight_values(const TensorDef& weights, std::span<const float> step, bool folded) {
  TensorValues out{.name = std::string(weights.name)};
  const auto values = weights.values<float>();
  convert::Histogram histogram;
  convert::add(histogram, values);
  out.spread = spread_of(histogram);
  const size_t rows = step.size(), row = rows ? values.size() / rows : 0;
  size_t outside = 0;
  for (size_t r = 0; r < rows; ++r) {
    ChannelRange range;
    for (float v : values.subspan(r * row, row)) range.min = std::min(range.min, v), range.max = std::max(range.max, v);
    range.low = folded ? range.min : -127 * step[r], range.high = folded ? range.max : 127 * step[r];
    for (float v : values.subspan(r * row, row)) outside += !folded && std::fabs(v) > 127.5f * step[r];
    out.channels.push_back(range);
  }
  if (!values.empty()) out.clipped = static_cast<double>(outside) / static_cast<double>(values.size());
  return out;
}

}  // namespace octet::analysis
