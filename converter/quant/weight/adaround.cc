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

// Of a group's inputs in units of their folded scales, mean of all places, [depth][depth]. Few places say little of how inputs go
// together: the fewer, the more the inputs' own powers count.
std::vector<float> gram(const LayerWeights& w, int64_t group) {
  const int64_t depth = w.taps * w.in, channels = w.in * w.groups;
  const size_t k = at(depth);
  std::vector<float> sum(k * k), row(k);
  for (size_t r = 0; r < w.places.size(); ++r) {
    const auto inputs = w.inputs.subspan(r * at(w.taps * channels), at(w.taps * channels));
    for (int64_t i = 0; i < depth; ++i)
      row[at(i)] = inputs[at(i / w.in * channels + group * w.in + i % w.in)] / folded_scale(w, group, i % w.in);
    for (size_t i = 0; i < k; ++i) {
      const float v = row[i] * static_cast<float>(w.places[r]);
      if (v == 0) continue;
      for (size_t j = 0; j < k; ++j) sum[i * k + j] += v * row[j];
    }
  }
  const float own = 0.25f * static_cast<float>(k) / static_cast<float>(w.places.size());
  for (size_t i = 0; i < k; ++i) sum[i * k + i] *= 1 + own;
  return sum;
}

// `wanted`: the weights in steps. `q`: what they are rounded to.
void round_row(std::span<const float> wanted, std::span<const float> gram, std::span<int8_t> q) {
  const size_t k = wanted.size();
  std::vector<float> error(k), slope(k);  // slope: half of the loss's derivative by each error
  for (size_t i = 0; i < k; ++i) error[i] = static_cast<float>(q[i]) - wanted[i];
  for (size_t i = 0; i < k; ++i)
    for (size_t j = 0; j < k && error[i] != 0; ++j) slope[j] += error[i] * gram[i * k + j];
  bool changed = true;
  for (int sweep = 0; changed && sweep < kSweeps; ++sweep) {
    changed = false;
    for (size_t i = 0; i < k; ++i) {
      const float other = error[i] > 0 ? -1.0f : 1.0f;
      const int stored = q[i] + static_cast<int>(other);
      if (error[i] == 0 || std::abs(error[i]) >= 1 || std::abs(stored) > 127) continue;
      if (!(2 * other * slope[i] + gram[i * k + i] < 0)) continue;
      q[i] = static_cast<int8_t>(stored), error[i] += other, changed = true;
      for (size_t j = 0; j < k; ++j) slope[j] += other * gram[i * k + j];
    }
  }
}

QuantisedWeights quantise(const LayerWeights& w) {
  QuantisedWeights q = quantise_rows(w, [](std::span<const float>, float largest) { return largest / 127; });
  const int64_t depth = w.taps * w.in, each = w.out / w.groups;
  if (w.places.empty() || w.on_grid || depth > kDeepest) return q;
  std::vector<float> wanted(at(depth));
  for (int64_t group = 0; group < w.groups; ++group) {
    const std::vector<float> together = gram(w, group);
    for (int64_t n = group * each; n < (group + 1) * each; ++n) {
      for (int64_t i = 0; i < depth; ++i)
        wanted[at(i)] = w.values[at(n * depth + i)] * folded_scale(w, group, i % w.in) / q.scale[at(n)];
      round_row(wanted, together, std::span(q.values).subspan(at(n * depth), at(depth)));
    }
  }
  return q;
}

}  // namespace

extern constinit const WeightMethod kWeightAdaround{"adaround", "up or down, as changes the layer's output least",
                                                    quantise};

}  // namespace octet::convert
