// What the decoders share: scores that are read row by row or plane by plane, and shapes that are checked first.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <functional>
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

// Another family's output, read along the wrong axis: fewer boxes than the finest grid has cells, and so many classes.
bool turned(size_t boxes, size_t classes, const Geometry& g);

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

// The same with the key points of what is kept: `points_of(source, out)` appends those of a box, in pixels of the input.
template <class PointsOf>
Result<Found> finish_points(const std::vector<Detection>& candidates, size_t classes, const Outputs& outputs,
                            PointsOf points_of) {
  auto found = finish(candidates, classes, outputs);
  if (!found) return found;
  for (const Detection& d : found->detections) points_of(static_cast<size_t>(d.source), found->key_points);
  const Geometry& g = outputs.geometry;
  for (KeyPoint& p : found->key_points) {
    p.x = static_cast<float>((p.x - static_cast<float>(g.pad_x)) / g.scale_x);
    p.y = static_cast<float>((p.y - static_cast<float>(g.pad_y)) / g.scale_y);
  }
  return found;
}

inline constexpr size_t kFacePoints = 5;  // eyes, nose, corners of the mouth

inline Detection centred(float cx, float cy, float w, float h) {
  return {.x1 = cx - w / 2, .y1 = cy - h / 2, .x2 = cx + w / 2, .y2 = cy + h / 2};
}

// Scores {classes, boxes}: first throws away what cannot pass (nearly all boxes), so that the costly steps see few.
template <class BoxOf>
void add_planes(const float* scores, size_t classes, size_t boxes, const DetectionOptions& options, BoxOf box_of,
                std::vector<Detection>& out) {
  const std::vector<float> best = largest_of(scores, classes, boxes);
  std::vector<float> row(classes);
  for (size_t i = 0; i < boxes; ++i) {
    if (!(best[i] > options.score_threshold)) continue;
    for (size_t c = 0; c < classes; ++c) row[c] = scores[c * boxes + i];
    Detection box = box_of(i);
    box.source = static_cast<int>(i);
    add_classes(row, best[i], box, options, out);
  }
}

Result<Found> decode_yolo5(const Outputs& outputs, bool grid);
Result<Found> decode_yolo8(const Outputs& outputs);
Result<Found> decode_corners(const Outputs& outputs);
Result<Found> decode_gfl(const Outputs& outputs);
Result<Found> decode_nanodet(const Outputs& outputs);
Result<Found> decode_ssd(const Outputs& outputs, bool x_first);
Result<Found> decode_detr(const Outputs& outputs);
Result<Found> decode_pose(const Outputs& outputs);
Result<Found> decode_rotated(const Outputs& outputs);
Result<Found> decode_fastest_det(const Outputs& outputs);
Result<Found> decode_scrfd(const Outputs& outputs);
Result<Found> decode_retina_face(const Outputs& outputs);
Result<Found> decode_yunet(const Outputs& outputs);
Result<Found> decode_ultra_face(const Outputs& outputs);
Result<Found> decode_yolo5_face(const Outputs& outputs);
Result<Found> decode_classes(const Outputs& outputs);

// Prototypes of masks: f32 {n, k, h, w} in a second output.
bool has_prototypes(const Outputs& outputs);
// Adds masks to what was found, from k coefficients each: `coefficients_of(source, k numbers)`.
Result<Found> with_masks(Result<Found> found, const Outputs& outputs,
                         const std::function<void(size_t source, float* out)>& coefficients_of);

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
