// Class of each pixel from a segmenter's output, in the size of the picture it was fed.
#pragma once
#include <octet/octet.h>

#include <opencv2/core/mat.hpp>

#include "vision/preprocess.h"

namespace octet::vision {

// CV_32S. `output` holds scores [1, channels, h, w] or [1, h, w, channels], one probability of class 1 [1, 1, h, w], or
// labels [1, h, w] or [1, 1, h, w]. There are at least `classes` channels (0: unknown). Only the first picture of a batch
// is looked at.
Result<cv::Mat> segment(const Tensor& output, int classes, const Geometry& geometry, bool resize_logits);

// Classes that `output` tells apart; 0: it holds labels.
int classes_of(const Tensor& output, int expected);

}  // namespace octet::vision
