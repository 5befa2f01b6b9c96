// Symmetric int8 weights.
#include "converter/quant/weights.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "converter/quant/grid.h"
#include "kernels/quant.h"

namespace octet::convert {
namespace {

bool folds(const LayerWeights& w) { return w.x->scale.size() > 1; }

float input_scale(const LayerWeights& w, int64_t group, int64_t c) {
  return folds(w) ? w.x->scale[static_cast<size_t>(group * w.in + c)] : 1.0f;
}

double squared_error(std::span<const float> row, float scale) {
  double sum = 0;
  const float inverse = 1 / scale;
  for (float v : row) {
    const double d = v - scale * static_cast<float>(kernels::quantize_s8(v, inverse));
    sum += d * d;
  }
  return sum;
}

// The scale of one row whose largest magnitude is `largest`.
float scale_of(std::span<const float> row, float largest, WeightMethod method) {
  const float full = largest / 127;
  if (method == WeightMethod::kMax) return full;
  float best = full;
  double least = squared_error(row, full);
  for (int percent = 98; percent >= 60; percent -= 2) {
    const float scale = full * static_cast<float>(percent) / 100;
    const double error = squared_error(row, scale);
    if (error < least) least = error, best = scale;
  }
  return best;
}

// The bias is added in units of the accumulator, which has to hold it: at most 2^29 of them.
float least_scale(const LayerWeights& w, int64_t n) {
  constexpr float kMostUnits = 536870912;
  const float unit = w.bias.empty() ? 0 : std::abs(w.bias[static_cast<size_t>(n)]) / kMostUnits;
  return std::max(folds(w) ? unit : unit / w.x->scale[0], std::numeric_limits<float>::min() * 1024);
}

// A depthwise kernel reads neighbouring pixels, which are alike, and nothing evens its errors out: elements next to a half
// are rounded the other way until the errors add up to at most half a step (as C. Guo et al. do in SQuant, 2022). What is
// clipped has no error that others could make up for.
void balance(std::span<const float> kernel, float inverse, std::span<int8_t> q) {
  auto error = [&](size_t i) { return static_cast<float>(q[i]) - std::clamp(kernel[i] * inverse, -127.0f, 127.0f); };
  float sum = 0;
  for (size_t i = 0; i < kernel.size(); ++i) sum += error(i);
  while (std::abs(sum) > 0.5f) {
    const float sign = sum > 0 ? 1.0f : -1.0f;
    size_t furthest = 0;
    for (size_t i = 1; i < kernel.size(); ++i)
      if (sign * error(i) > sign * error(furthest)) furthest = i;
    q[furthest] = static_cast<int8_t>(q[furthest] - static_cast<int>(sign));
    sum -= sign;
  }
}

}  // namespace

QuantisedWeights quantise_weights(const LayerWeights& w, WeightMethod method) {
  QuantisedWeights q;
  q.values.reserve(w.values.size());
  const int64_t depth = w.taps * w.in;
  std::vector<float> row(static_cast<size_t>(depth));
  for (int64_t n = 0; n < w.out; ++n) {
    float largest = 0;
    for (int64_t k = 0; k < depth; ++k) {
      float& v = row[static_cast<size_t>(k)];
      v = w.values[static_cast<size_t>(n * depth + k)] * input_scale(w, n / (w.out / w.groups), k % w.in);
      largest = std::max(largest, std::abs(v));
    }
    const auto step = w.on_grid ? grid_step(row, 127) : std::nullopt;
    const float wanted = step ? *step : largest > 0 ? scale_of(row, largest, method) : 0;
    const float scale = std::max(wanted, least_scale(w, n));
    for (float v : row) q.values.push_back(kernels::quantize_s8(v, 1 / scale));
    if (!step && w.groups > 1 && w.in == 1) balance(row, 1 / scale, std::span(q.values).last(row.size()));
    q.scale.push_back(scale);
  }
  return q;
}

std::vector<float> mean_error(const LayerWeights& w, const QuantisedWeights& q, std::span<const double> input_mean) {
  const int64_t depth = w.taps * w.in;
  std::vector<float> error;
  for (int64_t n = 0; n < w.out; ++n) {
    const int64_t group = n / (w.out / w.groups);
    double sum = 0;
    for (int64_t k = 0; k < depth; ++k) {
      const size_t i = static_cast<size_t>(n * depth + k);
      const double stored =
          static_cast<double>(q.values[i]) * q.scale[static_cast<size_t>(n)] / input_scale(w, group, k % w.in);
      sum += (stored - w.values[i]) * input_mean[static_cast<size_t>(group * w.in + k % w.in)];
    }
    error.push_back(static_cast<float>(sum));
  }
  return error;
}

}  // namespace octet::convert
