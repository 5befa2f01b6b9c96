// Classifiers: the best classes of the whole picture.
#include <numeric>

#include "vision/decode/forms.h"

namespace octet::vision {

Result<Found> decode_classes(const Outputs& outputs) {
  constexpr size_t kBest = 5;
  const Tensor& t = outputs.tensors[0];
  if (t.dtype != DType::kF32 || t.shape.rank() != 2 || t.shape[0] <= outputs.index || t.shape[1] < 1)
    return unexpected(t, "f32 {batch, classes}");
  const auto row = part_of(t, outputs.index);
  std::vector<float> scores(row.begin(), row.end());
  const float sum = std::accumulate(scores.begin(), scores.end(), 0.0f);
  const float top = *std::max_element(scores.begin(), scores.end());
  // Outputs that are no probabilities are the logarithms of such, up to a factor.
  if (std::any_of(scores.begin(), scores.end(), [](float v) { return v < 0; }) || std::abs(sum - 1) > .05f) {
    float all = 0;
    for (float& v : scores) all += v = std::exp(v - top);
    for (float& v : scores) v /= all;
  }
  std::vector<size_t> order(scores.size());
  std::iota(order.begin(), order.end(), size_t{0});
  const size_t kept = std::min(kBest, order.size());
  const auto better = [&](size_t a, size_t b) { return scores[a] != scores[b] ? scores[a] > scores[b] : a < b; };
  std::partial_sort(order.begin(), order.begin() + static_cast<int64_t>(kept), order.end(), better);
  std::vector<Detection> found;
  for (size_t i = 0; i < kept; ++i)
    found.push_back({.label = static_cast<int>(order[i]),
                     .score = scores[order[i]],
                     .x2 = static_cast<float>(outputs.geometry.image_width),
                     .y2 = static_cast<float>(outputs.geometry.image_height)});
  return in_picture(std::move(found), scores.size(), outputs);
}

}  // namespace octet::vision
