// SSD: boxes and scores, with the indices of NonMaxSuppression where the graph has it.
#include "vision/decode/forms.h"

namespace octet::vision {
namespace {

// What NonMaxSuppression kept: {k, 3} of picture, class and box; scores are {n, classes, boxes}.
template <class BoxOf>
Result<Found> selected(const Tensor& indices, std::span<const float> scores, size_t boxes, const Outputs& outputs,
                       BoxOf box_of) {
  const size_t classes = scores.size() / boxes;
  std::vector<Detection> kept;
  for (size_t i = 0; i < static_cast<size_t>(indices.shape[0]); ++i) {
    if (integer_at(indices, 3 * i) != outputs.index) continue;
    const size_t c = static_cast<size_t>(integer_at(indices, 3 * i + 1));
    const size_t b = static_cast<size_t>(integer_at(indices, 3 * i + 2));
    if (c >= classes || b >= boxes) return unexpected(indices, "indices of classes and boxes");
    const float score = scores[c * boxes + b];
    if (!(score > outputs.options.score_threshold)) continue;
    Detection d = box_of(b);
    d.label = static_cast<int>(c);
    d.score = score;
    if (is_finite(d)) kept.push_back(d);
  }
  return in_input(std::move(kept), classes, outputs);
}

}  // namespace

Result<Found> decode_ssd(const Outputs& outputs, bool x_first) {
  const auto& t = outputs.tensors;
  if (!is_volume(t[0], outputs.index) || t[0].shape[2] != 4) return unexpected(t[0], "boxes, f32 {batch, boxes, 4}");
  const int64_t boxes = t[0].shape[1];
  if (t.size() < 2) return unexpected(t[0], "scores in a second output");
  const bool planes = t[1].shape.rank() == 3 && t[1].shape[2] == boxes;
  if (!is_volume(t[1], outputs.index) || (!planes && (t[1].shape[1] != boxes || t[1].shape[2] < 2)))
    return unexpected(t[1], "scores, f32 {batch, classes, boxes} or {batch, boxes, 1 + classes}");
  const float* b = part_of(t[0], outputs.index).data();
  const float width = static_cast<float>(outputs.geometry.input_width);
  const float height = static_cast<float>(outputs.geometry.input_height);
  const auto box_of = [=](size_t i) {
    const float* at = b + 4 * i;
    const size_t x = x_first ? 0 : 1, y = 1 - x;
    return Detection{.x1 = at[x] * width, .y1 = at[y] * height, .x2 = at[2 + x] * width, .y2 = at[2 + y] * height};
  };
  const auto scores = part_of(t[1], outputs.index);
  const size_t count = static_cast<size_t>(boxes);
  if (t.size() > 2) {
    if (!planes || !is_integers(t[2]) || t[2].shape.rank() != 2 || t[2].shape[1] != 3)
      return unexpected(t[2], "the indices of NonMaxSuppression, s64 {kept, 3}");
    return selected(t[2], scores, count, outputs, box_of);
  }
  std::vector<Detection> candidates;
  if (planes) {
    add_planes(scores.data(), scores.size() / count, count, outputs.options, box_of, candidates);
    return finish(candidates, scores.size() / count, outputs);
  }
  const size_t columns = static_cast<size_t>(t[1].shape[2]);
  std::vector<float> row(columns - 1);  // without the background
  for (size_t i = 0; i < count; ++i) {
    const float best = scaled_scores(scores.data() + i * columns + 1, row.data(), row.size(), 1);
    if (best > outputs.options.score_threshold) add_classes(row, best, box_of(i), outputs.options, candidates);
  }
  return finish(candidates, row.size(), outputs);
}

}  // namespace octet::vision
