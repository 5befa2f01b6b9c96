// What the decoders share: scores that are read row by row or plane by plane, and shapes that are checked first.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>

#include "vision/decode.h"

namespace octet::vision {

// One picture of a batch.
struct Outputs {
  std::span<const Tensor> tensors;
  int index;
  const Geometry& geometry;
  const DetectionOptions& options;
};

Error unexpected(const Tensor& tensor, const char* expected);

// f32 {n, a, b} with room for this picture.
bool is_volume(const Tensor& tensor, int index);

// The picture's part of a tensor whose first axis is the batch.
std::span<const float> part_of(const Tensor& tensor, int index);

// Are all corners numbers?
bool is_finite(const Detection& d);

// y = x * factor; returns the largest. A loop of its own so that it is vectorised.
float scaled_scores(const float* __restrict x, float* __restrict y, size_t n, float factor);

// The largest of each column of `planes` rows of n.
std::vector<float> largest_of(const float* planes, size_t rows, size_t n);

// Adds `box` once for each class whose score passes; `best` is the largest score.
void add_classes(std::span<const float> scores, float best, const Detection& box, const DetectionOptions& options,
                 std::vector<Detection>& out);

// Suppression and the way back to the picture, the same for all.
Found finish(const std::vector<Detection>& candidates, size_t classes, const Outputs& outputs);

// Scores {classes, boxes}: first throws away what cannot pass (nearly all boxes), so that the costly steps see few.
template <class BoxOf>
void add_planes(const float* scores, size_t classes, size_t boxes, const DetectionOptions& options, BoxOf box_of,
                std::vector<Detection>& out) {
  const std::vector<float> best = largest_of(scores, classes, boxes);
  std::vector<float> row(classes);
  for (size_t i = 0; i < boxes; ++i) {
    if (!(best[i] > options.score_threshold)) continue;
    for (size_t c = 0; c < classes; ++c) row[c] = scores[c * boxes + i];
    add_classes(row, best[i], box_of(i), options, out);
  }
}

Result<Found> decode_yolo5(const Outputs& outputs, bool grid);
Result<Found> decode_yolo8(const Outputs& outputs);
Result<Found> decode_corners(const Outputs& outputs);
Result<Found> decode_gfl(const Outputs& outputs);
Result<Found> decode_nanodet(const Outputs& outputs);
Result<Found> decode_ssd(const Outputs& outputs, bool x_first);
Result<Found> decode_detr(const Outputs& outputs);
// Corners times width and height.
Result<Found> decode_rows(const Outputs& outputs, float width, float height);

}  // namespace octet::vision
