// What the decoders share: scores that are read row by row or plane by plane, and shapes that are checked first.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>

#include "vision/decode.h"
#include "vision/decode/fitting.h"

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

// Whole numbers of any type that exports use for labels, counts and indices; -1 for others.
bool is_integers(const Tensor& t);
int64_t integer_at(const Tensor& t, size_t i);
inline constexpr int64_t kMostLabels = 1 << 20;

// Are all corners numbers?
bool is_finite(const Detection& d);

// y = x * factor; returns the largest. A loop of its own so that it is vectorised.
float scaled_scores(const float* __restrict x, float* __restrict y, size_t n, float factor);

// The largest of each column of `planes` rows of n.
std::vector<float> largest_of(const float* planes, size_t rows, size_t n);

// Adds `box` once for each class whose score passes; `best` is the largest score.
void add_classes(std::span<const float> scores, float best, const Detection& box, const DetectionOptions& options,
                 std::vector<Detection>& out);

// How what was found reaches the caller: best first, checked against what a detector can say at all (scores up to 1, as many
// classes as the file names, 0: the outputs do not say). The first suppresses, the others are done with it.
Result<Found> finish(const std::vector<Detection>& candidates, size_t classes, const Outputs& outputs);
Result<Found> in_input(std::vector<Detection> found, size_t classes, const Outputs& outputs);    // pixels of the input
Result<Found> in_picture(std::vector<Detection> found, size_t classes, const Outputs& outputs);  // of the picture

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

// Outputs that need no suppression, whatever the family.
enum class FinalForm {
  kNone,
  kPaddle,        // {k, 6}: class, score, corners in pixels of the picture, or in parts of it
  kBatchedRows,   // {k, 7}, YOLOv7
  kEndToEnd,      // {n, m, 6}, YOLOv10 and later, and ultralytics' nms=True
  kEfficientNms,  // four outputs
};
FinalForm final_form(std::span<const Tensor> outputs, const Geometry& geometry);
Result<Found> decode_final(FinalForm form, const Outputs& outputs, bool relative);

}  // namespace octet::vision
