// DETR and its kin: as many boxes as there are queries, none of which needs suppression.
#include "vision/decode/forms.h"

namespace octet::vision {
namespace {

Result<Found> decode_triple(const Tensor& labels, const Tensor& boxes, const Tensor& scores, const Outputs& outputs) {
  const size_t count = static_cast<size_t>(labels.shape[1]), first = static_cast<size_t>(outputs.index) * count;
  const float* b = part_of(boxes, outputs.index).data();
  std::vector<Detection> found;
  for (size_t i = 0; i < count; ++i) {
    const float score = scores.f32()[first + i];
    const int64_t label = integer_at(labels, first + i);
    if (!(score > outputs.options.score_threshold) || label < 0 || label > kMostLabels) continue;
    const Detection d{static_cast<int>(label), score, b[4 * i], b[4 * i + 1], b[4 * i + 2], b[4 * i + 3]};
    if (is_finite(d)) found.push_back(d);
  }
  return in_picture(std::move(found), 0, outputs);
}

// Which of a row's numbers are classes, and how they become scores.
struct Head {
  size_t first = 0, classes = 0;
  enum { kScores, kLogits, kSoftmax } kind = kScores;
};

// COCO's ids count from 1 to 90: heads of 91 have no use for the first number, and those of 92 end in "no object", which needs a
// softmax. Numbers outside 0..1 are logits.
Head head_of(std::span<const float> values, size_t columns) {
  constexpr size_t kCocoIds = 90;
  Head head{.first = 0, .classes = columns};
  if (columns == kCocoIds + 1 || columns == kCocoIds + 2) head.first = 1, head.classes = kCocoIds;
  if (columns == kCocoIds + 2)
    head.kind = Head::kSoftmax;
  else if (std::any_of(values.begin(), values.end(), [](float v) { return v < 0 || v > 1; }))
    head.kind = Head::kLogits;
  return head;
}

void scores_of(const float* row, size_t columns, const Head& head, std::vector<float>& out) {
  float top = 0, sum = 0;
  if (head.kind == Head::kSoftmax) {
    top = *std::max_element(row, row + columns);
    for (size_t c = 0; c < columns; ++c) sum += std::exp(row[c] - top);
  }
  for (size_t c = 0; c < head.classes; ++c) {
    const float v = row[head.first + c];
    out[c] = head.kind == Head::kSoftmax  ? std::exp(v - top) / sum
             : head.kind == Head::kLogits ? 1 / (1 + std::exp(-v))
                                          : v;
  }
}

// Boxes as cx, cy, w, h in parts of the input; `b` and `s` step through rows of boxes and of numbers for classes.
struct Rows {
  const float *b, *s;
  size_t box_step, score_step, count, columns;
};

Result<Found> decode_queries(const Rows& rows, const Head& head, const Outputs& outputs) {
  const float width = static_cast<float>(outputs.geometry.input_width);
  const float height = static_cast<float>(outputs.geometry.input_height);
  std::vector<Detection> found;
  std::vector<float> scores(head.classes);
  for (size_t i = 0; i < rows.count; ++i) {
    const float* b = rows.b + i * rows.box_step;
    scores_of(rows.s + i * rows.score_step, rows.columns, head, scores);
    const float best = *std::max_element(scores.begin(), scores.end());
    if (best > outputs.options.score_threshold)
      add_classes(scores, best, centred(b[0] * width, b[1] * height, b[2] * width, b[3] * height), outputs.options,
                  found);
  }
  return in_input(std::move(found), head.classes, outputs);
}

Result<Found> decode_pair(const Tensor& boxes, const Tensor& classes, const Outputs& outputs) {
  if (boxes.shape[1] != classes.shape[1] || classes.shape[2] < 1)
    return unexpected(classes, "numbers for the classes of each box, f32 {batch, boxes, classes}");
  const size_t count = static_cast<size_t>(boxes.shape[1]), columns = static_cast<size_t>(classes.shape[2]);
  const auto values = part_of(classes, outputs.index);
  return decode_queries({part_of(boxes, outputs.index).data(), values.data(), 4, columns, count, columns},
                        head_of(values, columns), outputs);
}

// ultralytics' RT-DETR: {n, m, 4 + classes}, scores.
Result<Found> decode_joined(const Tensor& t, const Outputs& outputs) {
  const size_t columns = static_cast<size_t>(t.shape[2]);
  const float* row = part_of(t, outputs.index).data();
  return decode_queries({row, row + 4, columns, columns, static_cast<size_t>(t.shape[1]), columns - 4},
                        {.first = 0, .classes = columns - 4}, outputs);
}

}  // namespace

Result<Found> decode_detr(const Outputs& outputs) {
  const auto& t = outputs.tensors;
  if (t.size() == 1 && is_volume(t[0], outputs.index) && t[0].shape[2] > 4) return decode_joined(t[0], outputs);
  if (t.size() == 2 && is_volume(t[0], outputs.index) && is_volume(t[1], outputs.index)) {
    // Where both are of four the boxes are named so.
    const bool second = t[0].shape[2] != 4 || (t[1].shape[2] == 4 && t[1].name.find("box") != std::string_view::npos);
    if (t[second ? 1 : 0].shape[2] == 4) return decode_pair(t[second ? 1 : 0], t[second ? 0 : 1], outputs);
  }
  const Tensor *labels = nullptr, *boxes = nullptr, *scores = nullptr;
  for (const Tensor& tensor : t) {
    if (is_integers(tensor) && tensor.shape.rank() == 2) labels = &tensor;
    if (tensor.dtype == DType::kF32 && tensor.shape.rank() == 2) scores = &tensor;
    if (is_volume(tensor, outputs.index) && tensor.shape[2] == 4) boxes = &tensor;
  }
  if (!labels || !boxes || !scores || labels->shape != scores->shape || labels->shape[0] <= outputs.index ||
      boxes->shape[1] != labels->shape[1])
    return unexpected(t[0],
                      "one of labels s64 {batch, m}, boxes f32 {batch, m, 4}, scores f32 {batch, m}; or boxes and "
                      "classes f32 {batch, m, classes}; or f32 {batch, m, 4 + classes}");
  return decode_triple(*labels, *boxes, *scores, outputs);
}

}  // namespace octet::vision
