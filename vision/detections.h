// Boxes in a picture, and what is done with them whatever network they come from.
#pragma once
#include <vector>

#include "vision/preprocess.h"

namespace octet::vision {

struct Detection {
  int label = 0;  // position in the network's list of classes
  float score = 0;
  float x1 = 0, y1 = 0, x2 = 0, y2 = 0;  // pixels of the picture; of the network's input before to_picture()
  float angle = 0;                       // the corners are those before turning about the centre, clockwise, in radians
  int source = 0;                        // which of the network's boxes it is: where what belongs to it lies
};

struct DetectionOptions {
  float score_threshold = .001f;  // scores must be above
  float nms_iou = .65f;           // a box that overlaps a better one of its class by more is dropped
  float iou_epsilon = 0;          // added to the union
  bool multi_label = true;        // every class above the threshold makes a box; otherwise only the best one
  int class_candidates = 30000;   // the best so many of a class enter suppression
  int max_candidates = 30000;     // the best so many of all classes
  int max_detections = 100;
  int classes = 0;       // that the model has names of; 0: not known. Other numbers of classes are refused
  bool rotated = false;  // boxes have angles: they overlap by the distance of Gaussians (ProbIoU)
  int key_points = 0;    // of each object, where the model says
  bool operator==(const DetectionOptions&) const = default;
};

// Greedy suppression within each class. The result is sorted by score; ties keep their order.
std::vector<Detection> suppress(const std::vector<Detection>& candidates, const DetectionOptions& options);

// From pixels of the input to pixels of the picture; boxes may reach over its edges.
void to_picture(Detection& d, const Geometry& geometry);

}  // namespace octet::vision
