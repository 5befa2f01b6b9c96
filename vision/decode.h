// Boxes from the outputs of detectors, by the form that their exports have.
#pragma once
#include <octet/octet.h>

#include <span>
#include <vector>

#include <opencv2/core/mat.hpp>
#include "vision/detections.h"

namespace octet::vision {

enum class Decoder {
  kYolo5,  // {n, boxes, 5 + classes}: cx, cy, w, h in pixels, objectness, scores
  kYolo8,  // {n, 4 + classes, boxes}: cx, cy, w, h in pixels, scores. With prototypes {n, k, h, w} in a second output k more
           // rows are coefficients of masks; likewise kYolo5
  kPose,     // {n, 4 + classes + 3 * points, boxes}: kYolo8's with x, y and visibility of key points
  kRotated,  // {n, 4 + classes + 1, boxes}: kYolo8's with angles in radians
  kYoloX,    // as kYolo5, but centres are offsets in cells, sizes are logarithms, both in units of the stride
  kCorners,  // {n, boxes, 4 + classes}: x1, y1, x2, y2 in pixels, scores; or boxes {n, m, 4} and scores {n, classes, m}
  kGfl,  // for each stride scores {n, cells, classes} and distances {n, cells, 4 * bins} as distributions; or kCorners'
         // two outputs
  kNanoDet,  // {n, cells, classes + 4 * 8}: kGfl in one piece, cells anchored at their corners; or for each stride scores
             // {n, cells, classes} and distances {n, cells, 4 * 8} in any order, anchored at the centres
  kFastestDet,  // {n, 5 + classes, h, w}: objectness, offsets, sizes, scores of each cell
  kSsd,  // boxes {n, m, 4} as y1, x1, y2, x2 in 0..1; scores {n, m, 1 + classes}, background first, or {n, classes, m};
         // indices {k, 3} of NonMaxSuppression where the graph has it
  kSsdCorners,  // the same, boxes as x1, y1, x2, y2
  kDetr,  // labels {n, m}, boxes {n, m, 4} in pixels of the picture, scores {n, m}; or boxes {n, m, 4} as cx, cy, w, h
          // in 0..1 and {n, m, classes} logits or scores; or both in one, {n, m, 4 + classes}
  kScrfd,  // faces: for each stride scores {.., 1}, distances {.., 4} and, if there are any, key points {.., 10}, in any order
  kRetinaFace,  // faces: {n, m, 4}, {n, m, 2}, {n, m, 10} relative to prior boxes
  kYuNet,  // faces: for each stride two scores {n, cells, 1}, boxes {n, cells, 4}, key points {n, cells, 10}, in any order
  kUltraFace,     // faces: kSsdCorners', scores and boxes in any order
  kYolo5Face,     // faces: {n, boxes, 16}: cx, cy, w, h, objectness, five key points in pixels, score
  kClasses,       // {n, classes}: of the whole picture; the best five
  kRows,          // {k, 6}: label, score, x1, y1, x2, y2 in pixels of the picture; boxes of each picture {n}. Read
                  // so by every decoder, as are {k, 7}, {n, m, 6} and EfficientNMS_TRT's four outputs (decode/rows.cc)
  kRelativeRows,  // the same in parts of the picture, 0..1
  kNoBoxes,       // segmenters
};

struct KeyPoint {
  float x = 0, y = 0;  // pixels of the picture
  float score = 1;     // is it visible?
};

// What of a picture belongs to a detection: rows of `box`, CV_8U, 0 and 255. Empty: nothing.
struct Mask {
  cv::Rect box;  // inside the picture
  cv::Mat bits;
};

struct Found {
  std::vector<Detection> detections{};  // pixels of the picture, best first
  std::vector<KeyPoint> key_points{};   // as many for each detection, one detection after the other; empty: none
  std::vector<Mask> masks{};            // one for each detection; empty: none
  int classes = 0;                      // that the network tells apart; 0: its outputs do not say
};

// Does the graph do suppression itself, or need none? Of `geometry` only the input's size counts.
bool has_nms(Decoder decoder, std::span<const Tensor> outputs, const Geometry& geometry);

// Boxes of picture `index` of the batch that `outputs` belong to. Fails where the outputs have another form, or say what no
// detector of the family can say: scores above 1, other classes than `options` counts.
Result<Found> decode(Decoder decoder, std::span<const Tensor> outputs, int index, const Geometry& geometry,
                     const DetectionOptions& options);

}  // namespace octet::vision
