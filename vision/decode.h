// Boxes from the outputs of detectors, by the form that their exports have.
#pragma once
#include <octet/octet.h>

#include <span>
#include <vector>

#include "vision/detections.h"

namespace octet::vision {

enum class Decoder {
  kYolo5,    // {n, boxes, 5 + classes}: cx, cy, w, h in pixels, objectness, scores
  kYolo8,    // {n, 4 + classes, boxes}: cx, cy, w, h in pixels, scores
  kYoloX,    // as kYolo5, but centres are offsets in cells, sizes are logarithms, both in units of the stride
  kCorners,  // {n, boxes, 4 + classes}: x1, y1, x2, y2 in pixels, scores; or boxes {n, m, 4} and scores {n, classes, m}
  kGfl,  // for each stride scores {n, cells, classes} and distances {n, cells, 4 * bins} as distributions; or kCorners'
         // two outputs
  kNanoDet,  // {n, cells, classes + 4 * 8}: kGfl in one piece, cells anchored at their corners
  kSsd,  // boxes {n, m, 4} as y1, x1, y2, x2 in 0..1; scores {n, m, 1 + classes}, background first, or {n, classes, m};
         // indices {k, 3} of NonMaxSuppression where the graph has it
  kSsdCorners,    // the same, boxes as x1, y1, x2, y2
  kDetr,          // labels {n, m}, boxes {n, m, 4} in pixels of the picture, scores {n, m}
  kRows,          // {k, 6}: label, score, x1, y1, x2, y2 in pixels of the picture; boxes of each picture {n}. Read
                  // so by every decoder, as are {k, 7}, {n, m, 6} and EfficientNMS_TRT's four outputs (decode/rows.cc)
  kRelativeRows,  // the same in parts of the picture, 0..1
  kNoBoxes,       // segmenters
};

struct Found {
  std::vector<Detection> detections;  // pixels of the picture, best first
  int classes = 0;                    // that the network tells apart; 0: its outputs do not say
};

// Does the graph do suppression itself, or need none? Of `geometry` only the input's size counts.
bool has_nms(Decoder decoder, std::span<const Tensor> outputs, const Geometry& geometry);

// Boxes of picture `index` of the batch that `outputs` belong to. Fails where the outputs have another form, or say what no
// detector of the family can say: scores above 1, other classes than `options` counts.
Result<Found> decode(Decoder decoder, std::span<const Tensor> outputs, int index, const Geometry& geometry,
                     const DetectionOptions& options);

}  // namespace octet::vision
