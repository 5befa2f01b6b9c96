// Heads of generalised focal loss: a side's distance from the anchor is the mean of a distribution over bins.
#include "vision/decode/forms.h"

namespace octet::vision {
namespace {

constexpr int kStrides[] = {8, 16, 32, 64, 128};

int cells_along(int side, int stride) { return (side + stride - 1) / stride; }

// Mean bin of softmax(x).
float expected_bin(const float* x, size_t bins) {
  const float top = *std::max_element(x, x + bins);
  float sum = 0, weighted = 0;
  for (size_t i = 0; i < bins; ++i) {
    const float e = std::exp(x[i] - top);
    sum += e;
    weighted += e * static_cast<float>(i);
  }
  return weighted / sum;
}

// The cells of one stride: row i of `scores` and of `distances` is cell i.
struct Level {
  const float *scores, *distances;
  size_t score_step, distance_step;  // floats from row to row
  size_t classes, bins;
  int stride;
  float anchor;  // in a cell: .5 its centre, 0 its corner
};

void add_level(const Level& level, const Outputs& outputs, std::vector<Detection>& candidates) {
  const int width = cells_along(outputs.geometry.input_width, level.stride);
  const int height = cells_along(outputs.geometry.input_height, level.stride);
  const float stride = static_cast<float>(level.stride);
  std::vector<float> scores(level.classes);
  for (int cell = 0; cell < width * height; ++cell) {
    const size_t row = static_cast<size_t>(cell);
    const float best = scaled_scores(level.scores + row * level.score_step, scores.data(), level.classes, 1);
    if (!(best > outputs.options.score_threshold)) continue;
    const float* d = level.distances + row * level.distance_step;
    float side[4];
    for (size_t s = 0; s < 4; ++s) side[s] = expected_bin(d + s * level.bins, level.bins) * stride;
    const auto column = cell % width, line = cell / width;
    const float x = (static_cast<float>(column) + level.anchor) * stride;
    const float y = (static_cast<float>(line) + level.anchor) * stride;
    const Detection box{.x1 = x - side[0], .y1 = y - side[1], .x2 = x + side[2], .y2 = y + side[3]};
    add_classes(scores, best, box, outputs.options, candidates);
  }
}

int cells_of(const Geometry& g, int stride) {
  return cells_along(g.input_width, stride) * cells_along(g.input_height, stride);
}

}  // namespace

Result<Found> decode_gfl(const Outputs& outputs) {
  const auto& t = outputs.tensors;
  if (t.size() == 2 && (t[0].shape[-1] == 4 || t[1].shape[-1] == 4)) return decode_corners(outputs);
  if (t.size() % 2 != 0 || t.size() / 2 > std::size(kStrides))
    return unexpected(t[0], "with others scores of each stride, then distances of each stride");
  std::vector<Detection> candidates;
  const size_t levels = t.size() / 2;
  for (size_t i = 0; i < levels; ++i) {
    const Tensor &scores = t[i], &distances = t[levels + i];
    const int64_t cells = cells_of(outputs.geometry, kStrides[i]);
    const std::string expected = "f32 {batch, " + std::to_string(cells) + ", ";
    if (!is_volume(scores, outputs.index) || scores.shape[1] != cells || scores.shape[2] != t[0].shape[2])
      return unexpected(scores, (expected + "classes}").c_str());
    if (!is_volume(distances, outputs.index) || distances.shape[1] != cells || distances.shape[2] % 4 != 0)
      return unexpected(distances, (expected + "4 * bins}").c_str());
    const size_t classes = static_cast<size_t>(scores.shape[2]), sides = static_cast<size_t>(distances.shape[2]);
    add_level({.scores = part_of(scores, outputs.index).data(),
               .distances = part_of(distances, outputs.index).data(),
               .score_step = classes,
               .distance_step = sides,
               .classes = classes,
               .bins = sides / 4,
               .stride = kStrides[i],
               .anchor = .5f},
              outputs, candidates);
  }
  return finish(candidates, static_cast<size_t>(t[0].shape[2]), outputs);
}

namespace {

// The older export: scores and distances of each stride, known by their numbers of rows and columns.
Result<Found> decode_nanodet_levels(const Outputs& outputs) {
  constexpr int64_t kSides = 32;
  const auto& t = outputs.tensors;
  const size_t levels = t.size() / 2;
  if (t.size() % 2 || levels > std::size(kStrides))
    return unexpected(t[0], "with others scores and distances of each stride");
  std::vector<Detection> candidates;
  size_t classes = 0;
  for (size_t level = 0; level < levels; ++level) {
    const int64_t cells = cells_of(outputs.geometry, kStrides[level]);
    const Tensor *scores = nullptr, *distances = nullptr;
    for (const Tensor& tensor : t) {
      if (!is_volume(tensor, outputs.index) || tensor.shape[1] != cells) continue;
      const bool sides = tensor.shape[2] == kSides && (scores || distances == nullptr);
      // With 32 classes both look alike: scores come first.
      const bool alike = sides && !scores && t[0].shape[2] == kSides && t[1].shape[2] == kSides;
      (sides && !alike ? distances : scores) = &tensor;
    }
    if (!scores || !distances || (classes && scores->shape[2] != static_cast<int64_t>(classes)))
      return unexpected(t[level], ("with others f32 {batch, " + std::to_string(cells) + ", classes} and {batch, " +
                                   std::to_string(cells) + ", 32}")
                                      .c_str());
    classes = static_cast<size_t>(scores->shape[2]);
    add_level({.scores = part_of(*scores, outputs.index).data(),
               .distances = part_of(*distances, outputs.index).data(),
               .score_step = classes,
               .distance_step = kSides,
               .classes = classes,
               .bins = kSides / 4,
               .stride = kStrides[level],
               .anchor = .5f},
              outputs, candidates);
  }
  return finish(candidates, classes, outputs);
}

}  // namespace

Result<Found> decode_nanodet(const Outputs& outputs) {
  constexpr size_t kBins = 8;
  if (outputs.tensors.size() > 1) return decode_nanodet_levels(outputs);
  const Tensor& t = outputs.tensors[0];
  if (!is_volume(t, outputs.index) || t.shape[2] <= static_cast<int64_t>(4 * kBins))
    return unexpected(t, "f32 {batch, cells, classes + 32}");
  const size_t columns = static_cast<size_t>(t.shape[2]), classes = columns - 4 * kBins;
  const float* row = part_of(t, outputs.index).data();
  std::vector<Detection> candidates;
  int64_t left = t.shape[1];
  for (const int stride : kStrides) {
    const int cells = cells_of(outputs.geometry, stride);
    if (left < cells || left == 0) break;
    add_level({.scores = row,
               .distances = row + classes,
               .score_step = columns,
               .distance_step = columns,
               .classes = classes,
               .bins = kBins,
               .stride = stride,
               .anchor = 0},
              outputs, candidates);
    row += static_cast<size_t>(cells) * columns;
    left -= cells;
  }
  if (left != 0) return unexpected(t, "a row for each cell of strides 8, 16, 32, ...");
  return finish(candidates, classes, outputs);
}

}  // namespace octet::vision
