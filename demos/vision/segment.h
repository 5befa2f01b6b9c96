// Class of each pixel from a segmenter's output, in the size of the picture it was fed.
#pragma once
#include <octet/octet.h>

#include <opencv2/core/mat.hpp>

#include "demos/vision/preprocess.h"

namespace octet::vision {

// CV_32S. `output` holds scores [1, classes, h, w] or [1, h, w, classes], one probability of class 1 [1, 1, h, w], or
// labels [1, h, w] or [1, 1, h, w]. Only the first picture of a batch is looked at.
Result<cv::Mat> segment(const Tensor& output, int classes, const Geometry& geometry, bool resize_logits);

}  // namespace octet::vision
