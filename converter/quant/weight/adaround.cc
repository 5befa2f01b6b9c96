// Each weight goes to the step below or above, as makes the squared error of the layer's output least (M. Nagel et al., Up or Down?
// Adaptive Rounding for Post-Training Quantization, 2020). There the error is relaxed and descended by gradients; it is quadratic in
// what rounding adds, with the inputs' Gram matrix, so here single weights change sides as long as that helps.
#include <algorithm>
#include <cmath>

#include "converter/graph/edit.h"
#include "converter/quant/methods.h"

namespace octet::convert {
namespace {

constexpr int64_t kDeepest = 4608;  // of a Gram matrix
constexpr int kSweeps = 10;

// Rows of a table that are taken together, so that what they are added to passes through the cache once for all of them.
constexpr size_t kTogether = 8;

// sum[j] += rows[0][j] * by[0] + rows[1][j] * by[1] ..., always in this order.
void add_rows(const float* __restrict rows, size_t k, const float* __restrict by, float* __restrict sum, size_t from) {
  for (size_t j = from; j < k; ++j) {
    float more = 0;
    for (size_t r = 0; r < kTogether; ++r) more += rows[r * k + j] * by[r];
    sum[j] += more;
  }
}

// Of a group's inputs in units of their folded scales, mean of all places, [depth][depth]. Few places say little of how inputs go
// together: the fewer, the more the inputs' own powers count.
std::vector<float> gram(const LayerWeights& w, int64_t group) {
  const int64_t depth = w.taps * w.in, channels = w.in * w.groups;
  const size_t k = at(depth);
  std::vector<float> sum(k * k), rows(kTogether * k), by(kTogether);
  for (size_t first = 0; first < w.places.size(); first += kTogether) {
    const size_t count = std::min(kTogether, w.places.size() - first);
    std::fill(rows.begin(), rows.end(), 0.0f);
    for (size_t r = 0; r < count; ++r) {
      const auto inputs = w.inputs.subspan((first + r) * at(w.taps * channels), at(w.taps * channels));
      for (int64_t i = 0; i < depth; ++i)
        rows[r * k + at(i)] =
            inputs[at(i / w.in * channels + group * w.in + i % w.in)] / folded_scale(w, group, i % w.in);
    }
    for (size_t i = 0; i < k; ++i) {
      for (size_t r = 0; r < count; ++r) by[r] = rows[r * k + i] * static_cast<float>(w.places[first + r]);
      add_rows(rows.data(), k, by.data(), sum.data() + i * k, i);
    }
  }
  const float own = 0.25f * static_cast<float>(k) / static_cast<float>(w.places.size());
  for (size_t i = 0; i < k; ++i) {
    sum[i * k + i] *= 1 + own;
    for (size_t j = 0; j < i; ++j) sum[i * k + j] = sum[j * k + i];
  }
  return sum;
}

// An output channel: what its weights are in steps, what they are rounded to, and half of the loss's derivative by each error.
struct Row {
  std::span<int8_t> q;
  std::vector<float> error, slope;
};

void round_row(Row& row, std::span<const float> gram) {
  const size_t k = row.q.size();
  bool changed = true;
  for (int sweep = 0; changed && sweep < kSweeps; ++sweep) {
    changed = false;
    for (size_t i = 0; i < k; ++i) {
      const float error = row.error[i], other = error > 0 ? -1.0f : 1.0f;
      const int stored = row.q[i] + static_cast<int>(other);
      if (error == 0 || std::abs(error) >= 1 || std::abs(stored) > 127) continue;
      if (!(2 * other * row.slope[i] + gram[i * k + i] < 0)) continue;
      row.q[i] = static_cast<int8_t>(stored), row.error[i] += other, changed = true;
      float* const slope = row.slope.data();
      const float* const moved = gram.data() + i * k;
      for (size_t j = 0; j < k; ++j) slope[j] += other * moved[j];
    }
  }
}

QuantisedWeights quantise(const LayerWeights& w) {
  QuantisedWeights q = quantise_rows(w, [](std::span<const float>, float largest) { return largest / 127; });
  const int64_t depth = w.taps * w.in, each = w.out / w.groups;
  const size_t k = at(depth);
  if (w.places.empty() || w.on_grid || depth > kDeepest) return q;
  for (int64_t group = 0; group < w.groups; ++group) {
    const std::vector<float> together = gram(w, group);
    std::vector<Row> rows(at(each));
    for (size_t r = 0; r < rows.size(); ++r) {
      const size_t n = at(group * each) + r;
      rows[r] = {std::span(q.values).subspan(n * k, k), std::vector<float>(k), std::vector<float>(k)};
      for (size_t i = 0; i < k; ++i)
        rows[r].error[i] = static_cast<float>(rows[r].q[i]) -
                           w.values[n * k + i] * folded_scale(w, group, static_cast<int64_t>(i) % w.in) / q.scale[n];
    }
    for (size_t i = 0; i < k; i += kTogether) {  // some rows of the matrix for all channels: they stay in the cache
      const size_t count = std::min(kTogether, k - i);
      std::vector<float> by(kTogether);
      for (Row& row : rows) {
        std::copy_n(row.error.begin() + static_cast<std::ptrdiff_t>(i), count, by.begin());
        if (count == kTogether)
          add_rows(together.data() + i * k, k, by.data(), row.slope.data(), 0);
        else
          for (size_t r = 0; r < count; ++r)
            for (size_t j = 0; j < k; ++j) row.slope[j] += together[(i + r) * k + j] * by[r];
      }
    }
    for (Row& row : rows) round_row(row, together);
  }
  return q;
}

}  // namespace

extern constinit const WeightMethod kWeightAdaround{"adaround", "up or down, as changes the layer's output least",
                                                    quantise};

}  // namespace octet::convert
