// A histogram that widens as values come, so that one pass over data of unknown range fills it.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

namespace octet::convert {

// Bins of one width from `low` on. Exact zeros are counted apart: quantisation never moves them.
struct Histogram {
  double low = 0, width = 0;  // width 0: nothing but zeros seen
  std::vector<int64_t> bins;
  int64_t zeros = 0;

  double edge(size_t bin) const { return low + width * static_cast<double>(bin); }  // lower edge
  double centre(size_t bin) const { return edge(bin) + width / 2; }
  int64_t count() const;              // of all values
  size_t bin_of(double value) const;  // width > 0; values above all bins: their number
};

// Counts finite values; what is not finite has no place on an axis and is skipped.
void add(Histogram& h, std::span<const float> values);
// Makes room for [low, high], merging pairs of bins as often as it takes.
void widen(Histogram& h, float low, float high);
// add() for one value that widen() has made room for.
inline void add_inside(Histogram& h, float value) {
  if (value == 0) {
    ++h.zeros;
    return;
  }
  const double at = (static_cast<double>(value) - h.low) / h.width;
  ++h.bins[at <= 0 ? 0 : at >= static_cast<double>(h.bins.size()) ? h.bins.size() - 1 : static_cast<size_t>(at)];
}

}  // namespace octet::convert
