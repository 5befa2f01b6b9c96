// Networks that leave little to do: SSD with boxes and scores, and those that end in detections.
#include "vision/decode_forms.h"

namespace octet::vision {
namespace {

// Whole numbers of any type that exports use for labels, counts and indices; -1 for others.
int64_t integer_at(const Tensor& t, size_t i) {
  switch (t.dtype) {
    case DType::kS64:
      return static_cast<const int64_t*>(t.data)[i];
    case DType::kS32:
      return static_cast<const int32_t*>(t.data)[i];
    default:
      return -1;
  }
}

bool is_integers(const Tensor& t) { return t.dtype == DType::kS64 || t.dtype == DType::kS32; }

constexpr int64_t kMostLabels = 1 << 20;

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
  std::stable_sort(kept.begin(), kept.end(), [](const auto& a, const auto& b) { return a.score > b.score; });
  kept.resize(std::min(kept.size(), static_cast<size_t>(outputs.options.max_detections)));
  for (Detection& d : kept) to_picture(d, outputs.geometry);
  return Found{.detections = std::move(kept), .classes = static_cast<int>(classes)};
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

Result<Found> decode_detr(const Outputs& outputs) {
  const Tensor *labels = nullptr, *boxes = nullptr, *scores = nullptr;
  for (const Tensor& t : outputs.tensors) {
    if (is_integers(t) && t.shape.rank() == 2) labels = &t;
    if (t.dtype == DType::kF32 && t.shape.rank() == 2) scores = &t;
    if (is_volume(t, outputs.index) && t.shape[2] == 4) boxes = &t;
  }
  if (!labels || !boxes || !scores || labels->shape != scores->shape || labels->shape[0] <= outputs.index ||
      boxes->shape[1] != labels->shape[1])
    return unexpected(outputs.tensors[0],
                      "one of labels s64 {batch, m}, boxes f32 {batch, m, 4}, scores f32 {batch, m}");
  const size_t count = static_cast<size_t>(labels->shape[1]), first = static_cast<size_t>(outputs.index) * count;
  const float* b = part_of(*boxes, outputs.index).data();
  Found found;
  for (size_t i = 0; i < count; ++i) {
    const float score = scores->f32()[first + i];
    const int64_t label = integer_at(*labels, first + i);
    if (!(score > outputs.options.score_threshold) || label < 0 || label > kMostLabels) continue;
    const Detection d{static_cast<int>(label), score, b[4 * i], b[4 * i + 1], b[4 * i + 2], b[4 * i + 3]};
    if (is_finite(d)) found.detections.push_back(d);
  }
  std::stable_sort(found.detections.begin(), found.detections.end(),
                   [](const auto& a, const auto& c) { return a.score > c.score; });
  return found;
}

Result<Found> decode_rows(const Outputs& outputs, float width, float height) {
  const Tensor& rows = outputs.tensors[0];
  int64_t first = 0, count = rows.shape[0];
  if (outputs.tensors.size() > 1) {
    const Tensor& counts = outputs.tensors[1];
    if (!is_integers(counts) || counts.shape.elements() <= outputs.index)
      return unexpected(counts, "the number of boxes of each picture");
    for (int i = 0; i <= outputs.index; ++i) {
      first += i > 0 ? count : 0;
      count = integer_at(counts, static_cast<size_t>(i));
      if (count < 0 || count > rows.shape[0] - first)
        return unexpected(counts, ("counts of " + std::to_string(rows.shape[0]) + " boxes").c_str());
    }
  }
  Found found;
  for (int64_t i = first; i < first + count; ++i) {
    const float* row = rows.f32().data() + 6 * i;
    if (!(row[0] >= 0 && row[0] < static_cast<float>(kMostLabels))) continue;
    const Detection d{static_cast<int>(row[0]), row[1],         row[2] * width,
                      row[3] * height,          row[4] * width, row[5] * height};
    if (d.score > outputs.options.score_threshold && is_finite(d)) found.detections.push_back(d);
  }
  std::stable_sort(found.detections.begin(), found.detections.end(),
                   [](const auto& a, const auto& b) { return a.score > b.score; });
  return found;
}

}  // namespace octet::vision
