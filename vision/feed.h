// What a model is fed with: a batch of pictures, and beside it what some exports ask to know about each picture.
#pragma once
#include <octet/octet.h>

#include <vector>

#include "vision/preprocess.h"

namespace octet::vision {

struct InputSize {
  int batch = 1, height = 0, width = 0;
};

// The inputs of a model. One is f32 {batch, channels, height, width} or {batch, height, width, channels} of 1, 3 or 4; others, {batch, 2}, are known by name: `scale_factor`
// (input / picture, y and x), `im_shape` (height and width of the picture in the input), `orig_target_sizes` (width and
// height of the picture).
class Feed {
 public:
  static Result<Feed> of(const Model& model);

  // What the model takes. `img_shape`, `batch` and `preprocess` fill in what the model leaves to the caller (0: not given;
  // then height and width are 0, batch 1); it is an error where they contradict the model.
  Result<InputSize> size(const Preprocess& preprocess, int img_shape = 0, int batch = 0) const;
  Result<void> prepare(Session& session, const InputSize& size) const;
  int channels() const { return channels_; }  // for read_image_for()
  // Puts a picture into place `slot` of the batch of a prepared session: BGR, made grey for one channel; of 4 channels for those.
  Geometry load(Session& session, int slot, const cv::Mat& picture, const Preprocess& preprocess) const;

 private:
  enum class What { kPicture, kScaleFactor, kImageShape, kPictureSize };
  std::vector<What> inputs_;
  // The batch's picture dims: height, then width; 1: channels come last.
  int height_axis() const { return channels_last_ ? 1 : 2; }
  Shape picture_shape(const InputSize& size) const;

  TensorInfo picture_{};
  bool channels_last_ = false;
  int channels_ = 3;
  Model model_;  // keeps names alive
};

// Runs it and returns the time in milliseconds.
Result<double> timed_run(Session& session);

}  // namespace octet::vision
