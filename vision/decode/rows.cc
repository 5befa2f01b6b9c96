// Boxes as they leave a suppression in the graph, or a head that needs none: a row each, or an output for each column.
#include "vision/decode/forms.h"

namespace octet::vision {
namespace {

bool is_matrix(const Tensor& t, int64_t columns) {
  return t.dtype == DType::kF32 && t.shape.rank() == 2 && t.shape[1] == columns;
}

// num_dets {n, 1}, det_boxes {n, m, 4}, det_scores {n, m}, det_classes {n, m}
bool is_efficient_nms(std::span<const Tensor> t) {
  return t.size() == 4 && is_integers(t[0]) && t[0].shape.rank() == 2 && t[0].shape[1] == 1 && t[1].shape.rank() == 3 &&
         t[1].shape[2] == 4 && t[2].shape.rank() == 2 && t[3].shape.rank() == 2 && is_integers(t[3]);
}

Error no_class(const Tensor& t, float label) {
  return unexpected(t, ("numbers of classes, not " + std::to_string(label)).c_str());
}

// A class that is written as a float; -1 stands for nothing found, and is passed over like all below 0.
bool is_class(float label) { return label < static_cast<float>(kMostLabels) && label == std::trunc(label); }

bool ends_in_classes(const Tensor& rows) {
  const auto values = rows.f32();
  for (size_t i = 5; i < values.size(); i += 6)
    if (!(values[i] >= 0 && is_class(values[i]))) return false;
  return true;
}

Result<Found> decode_paddle(const Outputs& outputs, float width, float height) {
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
  std::vector<Detection> found;
  for (int64_t i = first; i < first + count; ++i) {
    const float* row = rows.f32().data() + 6 * i;
    if (!(row[0] >= 0)) continue;
    if (!is_class(row[0])) return no_class(rows, row[0]);
    const Detection d{static_cast<int>(row[0]), row[1],         row[2] * width,
                      row[3] * height,          row[4] * width, row[5] * height};
    if (d.score > outputs.options.score_threshold && is_finite(d)) found.push_back(d);
  }
  return in_picture(std::move(found), 0, outputs);
}

// {n, m, 6}: x1, y1, x2, y2 in pixels of the input, score, class.
Result<Found> decode_end_to_end(const Outputs& outputs) {
  const Tensor& t = outputs.tensors[0];
  std::vector<Detection> found;
  const auto rows = part_of(t, outputs.index);
  for (size_t i = 0; i < rows.size(); i += 6) {
    const float* row = rows.data() + i;
    if (!(row[4] > outputs.options.score_threshold)) continue;
    const Detection d{static_cast<int>(row[5]), row[4], row[0], row[1], row[2], row[3]};
    if (is_finite(d)) found.push_back(d);
  }
  return in_input(std::move(found), 0, outputs);
}

// YOLOv7's, {k, 7}: picture of the batch, x1, y1, x2, y2 in pixels of the input, class, score.
Result<Found> decode_batched_rows(const Outputs& outputs) {
  const Tensor& t = outputs.tensors[0];
  std::vector<Detection> found;
  for (int64_t i = 0; i < t.shape[0]; ++i) {
    const float* row = t.f32().data() + 7 * i;
    if (row[0] != static_cast<float>(outputs.index) || !(row[6] > outputs.options.score_threshold)) continue;
    if (!(row[5] >= 0) || !is_class(row[5])) return no_class(t, row[5]);
    const Detection d{static_cast<int>(row[5]), row[6], row[1], row[2], row[3], row[4]};
    if (is_finite(d)) found.push_back(d);
  }
  return in_input(std::move(found), 0, outputs);
}

Result<Found> decode_efficient_nms(const Outputs& outputs) {
  const auto& t = outputs.tensors;
  const int64_t most = t[1].shape[1];
  if (!is_volume(t[1], outputs.index) || t[2].dtype != DType::kF32 || t[2].shape != t[3].shape ||
      t[2].shape[1] != most || t[2].shape[0] != t[1].shape[0] || t[0].shape[0] != t[1].shape[0])
    return unexpected(t[0], "as many boxes, scores and classes as EfficientNMS_TRT gives");
  const int64_t count = integer_at(t[0], static_cast<size_t>(outputs.index));
  if (count < 0 || count > most) return unexpected(t[0], ("counts of " + std::to_string(most) + " boxes").c_str());
  const float* boxes = part_of(t[1], outputs.index).data();
  const size_t first = static_cast<size_t>(outputs.index * most);
  std::vector<Detection> found;
  for (size_t i = 0; i < static_cast<size_t>(count); ++i) {
    const int64_t label = integer_at(t[3], first + i);
    if (label < 0 || label >= kMostLabels) return unexpected(t[3], "numbers of classes");
    const Detection d{static_cast<int>(label), t[2].f32()[first + i], boxes[4 * i],
                      boxes[4 * i + 1],        boxes[4 * i + 2],      boxes[4 * i + 3]};
    if (d.score > outputs.options.score_threshold && is_finite(d)) found.push_back(d);
  }
  return in_input(std::move(found), 0, outputs);
}

}  // namespace

FinalForm final_form(std::span<const Tensor> t, const Geometry& geometry) {
  if (t.empty()) return FinalForm::kNone;
  if (is_matrix(t[0], 6)) return FinalForm::kPaddle;
  if (is_matrix(t[0], 7)) return FinalForm::kBatchedRows;
  if (is_efficient_nms(t)) return FinalForm::kEfficientNms;
  const bool rows = t[0].dtype == DType::kF32 && t[0].shape.rank() == 3 && t[0].shape[2] == 6 && t.size() == 1;
  // One class of YOLOv5 has rows of six too: of all cells of a grid, or with scores where these have numbers of classes.
  return rows && !is_grid(t[0].shape[1], geometry.input_height, geometry.input_width) && ends_in_classes(t[0])
             ? FinalForm::kEndToEnd
             : FinalForm::kNone;
}

Result<Found> decode_final(FinalForm form, const Outputs& outputs, bool relative) {
  switch (form) {
    case FinalForm::kPaddle:
      return decode_paddle(outputs, relative ? static_cast<float>(outputs.geometry.image_width) : 1,
                           relative ? static_cast<float>(outputs.geometry.image_height) : 1);
    case FinalForm::kBatchedRows:
      return decode_batched_rows(outputs);
    case FinalForm::kEfficientNms:
      return decode_efficient_nms(outputs);
    case FinalForm::kEndToEnd:
      if (!is_volume(outputs.tensors[0], outputs.index)) break;
      return decode_end_to_end(outputs);
    case FinalForm::kNone:
      break;
  }
  return unexpected(outputs.tensors[0], "rows of NMS in the graph, f32 {boxes, 6}");
}

}  // namespace octet::vision
