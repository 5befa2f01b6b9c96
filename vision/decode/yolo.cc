// The YOLO families and PP-YOLOE: boxes with a score for each class.
#include "vision/decode/forms.h"

namespace octet::vision {
namespace {

constexpr int kStrides[] = {8, 16, 32};

struct Cell {
  float x, y, stride;
};

// The cells of all strides, row by row.
std::vector<Cell> cells_of(const Geometry& g) {
  std::vector<Cell> cells;
  for (const int stride : kStrides)
    for (int y = 0; y < g.input_height / stride; ++y)
      for (int x = 0; x < g.input_width / stride; ++x)
        cells.push_back({static_cast<float>(x), static_cast<float>(y), static_cast<float>(stride)});
  return cells;
}

}  // namespace

Result<Found> decode_yolo5(const Outputs& outputs, bool grid) {
  const Tensor& t = outputs.tensors[0];
  if (!is_volume(t, outputs.index) || t.shape[2] < 6) return unexpected(t, "f32 {batch, boxes, 5 + classes}");
  const size_t columns = static_cast<size_t>(t.shape[2]);
  const size_t coefficients = has_prototypes(outputs) ? static_cast<size_t>(outputs.tensors[1].shape[1]) : 0;
  if (columns < 6 + coefficients) return unexpected(t, "f32 {batch, boxes, 5 + classes + coefficients}");
  const size_t classes = columns - 5 - coefficients;
  const auto rows = part_of(t, outputs.index);
  if (turned(static_cast<size_t>(t.shape[1]), classes, outputs.geometry))
    return unexpected(t, "f32 {batch, boxes, 5 + classes}, more boxes than classes");
  std::vector<Cell> cells;
  if (grid) {
    cells = cells_of(outputs.geometry);
    if (cells.size() * columns != rows.size())
      return unexpected(
          t, ("a row for each of the " + std::to_string(cells.size()) + " cells of strides 8, 16, 32").c_str());
  }
  const float threshold = outputs.options.score_threshold;
  std::vector<Detection> candidates;
  std::vector<float> scores(classes);
  for (size_t i = 0; i * columns < rows.size(); ++i) {
    const float* row = rows.data() + i * columns;
    if (!(row[4] > threshold)) continue;
    const float best = scaled_scores(row + 5, scores.data(), classes, row[4]);
    if (!(best > threshold)) continue;
    Detection box = centred(row[0], row[1], row[2], row[3]);
    if (grid) {
      const Cell& c = cells[i];
      box = centred((row[0] + c.x) * c.stride, (row[1] + c.y) * c.stride, std::exp(row[2]) * c.stride,
                    std::exp(row[3]) * c.stride);
    }
    box.source = static_cast<int>(i);
    add_classes(scores, best, box, outputs.options, candidates);
  }
  auto found = finish(candidates, classes, outputs);
  if (!coefficients) return found;
  return with_masks(std::move(found), outputs, [&](size_t i, float* out) {
    std::copy_n(rows.data() + i * columns + 5 + classes, coefficients, out);
  });
}

Result<Found> decode_corners(const Outputs& outputs) {
  const Tensor& t = outputs.tensors[0];
  const auto corners = [](const float* b) { return Detection{.x1 = b[0], .y1 = b[1], .x2 = b[2], .y2 = b[3]}; };
  std::vector<Detection> candidates;
  if (outputs.tensors.size() > 1) {
    const bool boxes_first = t.shape.rank() == 3 && t.shape[2] == 4;
    const Tensor &boxes = boxes_first ? t : outputs.tensors[1], &scores = boxes_first ? outputs.tensors[1] : t;
    if (!is_volume(boxes, outputs.index) || boxes.shape[2] != 4)
      return unexpected(boxes, "boxes, f32 {batch, boxes, 4}");
    if (!is_volume(scores, outputs.index) || scores.shape[2] != boxes.shape[1])
      return unexpected(scores, "scores of those boxes, f32 {batch, classes, boxes}");
    const float* b = part_of(boxes, outputs.index).data();
    const size_t classes = static_cast<size_t>(scores.shape[1]);
    add_planes(
        part_of(scores, outputs.index).data(), classes, static_cast<size_t>(scores.shape[2]), outputs.options,
        [&](size_t i) { return corners(b + 4 * i); }, candidates);
    return finish(candidates, classes, outputs);
  }
  if (!is_volume(t, outputs.index) || t.shape[2] < 5) return unexpected(t, "f32 {batch, boxes, 4 + classes}");
  const size_t columns = static_cast<size_t>(t.shape[2]), classes = columns - 4;
  const auto rows = part_of(t, outputs.index);
  std::vector<float> scores(classes);
  for (const float *row = rows.data(), *end = row + rows.size(); row != end; row += columns) {
    const float best = scaled_scores(row + 4, scores.data(), classes, 1);
    if (best > outputs.options.score_threshold) add_classes(scores, best, corners(row), outputs.options, candidates);
  }
  return finish(candidates, classes, outputs);
}

}  // namespace octet::vision
