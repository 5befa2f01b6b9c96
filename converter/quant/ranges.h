// Range methods: from what was seen of a tensor to the interval that its u8 form shall hold. Pure functions of statistics.
#pragma once
#include <span>
#include <string_view>

#include "converter/quant/histogram.h"

namespace octet::convert {

struct Range {
  float low = 0, high = 0;  // low <= 0 <= high
};

struct Statistics {
  float min = 0, max = 0;  // of what was seen, and 0
  Histogram histogram;     // filled where the method reads it
};

struct RangeMethod {
  std::string_view name;
  bool reads_histogram;
  Range (*range)(const Statistics& s, double keep);
};

std::span<const RangeMethod> range_methods();
const RangeMethod* find_range_method(std::string_view name);

Range minmax(const Statistics& s);
// Drops (1 - keep) / 2 of all values at each end, of those on that side of zero.
Range percentile(const Statistics& s, double keep);
// Smallest divergence between the distribution and its quantised form, over ranges clipped at one magnitude on both sides
// (S. Migacz, 8-bit inference with TensorRT, GTC 2017, made two-sided).
Range kl(const Statistics& s);
// Smallest expected squared error: steps^2 / 12 inside, the distance to the bound outside, each bound chosen by itself.
Range mse(const Statistics& s);

}  // namespace octet::convert
