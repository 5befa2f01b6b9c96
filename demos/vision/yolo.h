// Boxes from the output of YOLOv5, v6 and v7 networks that carry no post-processing of their own.
#pragma once
#include <span>
#include <vector>

#include "demos/vision/preprocess.h"

namespace octet::vision {

struct Detection {
  int label = 0;  // position in the list of classes
  float score = 0;
  float x1 = 0, y1 = 0, x2 = 0, y2 = 0;  // pixels of the picture
};

struct YoloOptions {
  float score_threshold = .001f;  // both objectness and objectness * class score must be above
  float nms_iou = .6f;            // a box that overlaps a better one of its class by more is dropped
  bool multi_label = true;        // every class above the threshold makes a box; otherwise only the best one
  int max_candidates = 30000;     // the best so many enter suppression
  int max_detections = 300;
};

// `rows` is one picture's [boxes, columns], columns = cx, cy, w, h, objectness, one score a class; pixels of the input.
// The result is sorted by score, scaled back to the picture and clipped to it.
std::vector<Detection> decode_yolo(std::span<const float> rows, size_t columns, const Geometry& geometry,
                                   const YoloOptions& options = {});

// Greedy suppression within each class; ties keep their order. Exposed for other decoders and for tests.
std::vector<Detection> suppress(const std::vector<Detection>& candidates, const YoloOptions& options);

}  // namespace octet::vision
