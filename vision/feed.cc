// Inputs are known by their shapes and names.
#include "vision/feed.h"

#include <algorithm>
#include <chrono>
#include <opencv2/imgproc.hpp>

namespace octet::vision {
namespace {

template <class T>
void put_pair(const Tensor& tensor, int slot, double first, double second) {
  T* at = static_cast<T*>(tensor.data) + 2 * slot;
  at[0] = static_cast<T>(first);
  at[1] = static_cast<T>(second);
}

// From planes of each channel to pixels.
void interleave(const std::vector<float>& planes, size_t channels, std::span<float> pixels) {
  const size_t plane = planes.size() / channels;
  for (size_t i = 0; i < plane; ++i)
    for (size_t c = 0; c < channels; ++c) pixels[channels * i + c] = planes[c * plane + i];
}

bool is_channels(int64_t n) { return n == 1 || n == 3 || n == 4; }

std::string described(const TensorInfo& input) {
  return "input '" + std::string(input.name) + "' is " + name_of(input.dtype) + " " + input.shape.text();
}

}  // namespace

Result<Feed> Feed::of(const Model& model) {
  Feed feed;
  feed.model_ = model;
  bool picture = false;
  const auto bad = [&](const std::string& what) { return Error{Code::kBadModel, "'" + model.name() + "': " + what}; };
  for (const TensorInfo& input : feed.model_.inputs()) {
    const bool pair = input.shape.rank() == 2 && (input.shape[1] == 2 || input.shape[1] == -1) &&
                      (input.dtype == DType::kF32 || input.dtype == DType::kS64 || input.dtype == DType::kS32);
    const bool four = input.dtype == DType::kF32 && input.shape.rank() == 4;
    const bool last = four && is_channels(input.shape[3]) && !is_channels(input.shape[1]);
    if (last || (four && (is_channels(input.shape[1]) || input.shape[1] == -1))) {
      if (picture) return bad("takes more than one picture");
      picture = true;
      feed.channels_last_ = last;
      if (const int64_t channels = input.shape[last ? 3 : 1]; channels > 0) feed.channels_ = static_cast<int>(channels);
      feed.picture_ = input;
      feed.inputs_.push_back(What::kPicture);
    } else if (pair && input.name.find("scale_factor") != std::string_view::npos) {
      feed.inputs_.push_back(What::kScaleFactor);
    } else if (pair && input.name.find("im_shape") != std::string_view::npos) {
      feed.inputs_.push_back(What::kImageShape);
    } else if (pair && input.name.find("target_sizes") != std::string_view::npos) {
      feed.inputs_.push_back(What::kPictureSize);
    } else {
      return bad(
          described(input) +
          ", expected a picture f32 {batch, channels, height, width} or {batch, height, width, channels} of 1, 3 or 4 "
          "channels, or scale_factor, im_shape or orig_target_sizes");
    }
  }
  if (!picture) return bad("takes no picture");
  return feed;
}

Result<InputSize> Feed::size(const Preprocess& preprocess, int img_shape, int batch) const {
  const auto pick = [&](int axis, int wanted, const char* flag) -> Result<int> {
    const int64_t fixed = picture_.shape[axis];
    if (fixed == -1) return wanted;
    if (wanted != 0 && wanted != fixed)
      return Error{Code::kBadModel, "'" + model_.name() + "': " + described(picture_) + ": " + flag + " " +
                                        std::to_string(wanted) + " does not fit"};
    return static_cast<int>(fixed);
  };
  const char* flag = img_shape ? "--img_shape" : "a preprocessed height or width of";
  const auto n = pick(0, batch, "--batch_size");
  const auto h = pick(height_axis(), img_shape ? img_shape : preprocess.height, flag);
  const auto w = pick(height_axis() + 1, img_shape ? img_shape : preprocess.width, flag);
  for (const auto* size : {&n, &h, &w})
    if (!*size) return size->error();
  return InputSize{.batch = std::max(1, *n), .height = *h, .width = *w};
}

Shape Feed::picture_shape(const InputSize& size) const {
  return channels_last_ ? Shape{size.batch, size.height, size.width, channels_}
                        : Shape{size.batch, channels_, size.height, size.width};
}

Result<void> Feed::prepare(Session& session, const InputSize& size) const {
  for (size_t i = 0; i < inputs_.size(); ++i) {
    const Shape shape = inputs_[i] == What::kPicture ? picture_shape(size) : Shape{size.batch, 2};
    if (auto set = session.resize_input(static_cast<int>(i), shape); !set) return set;
  }
  return session.prepare();
}

Geometry Feed::load(Session& session, int slot, const cv::Mat& picture, const Preprocess& p) const {
  cv::Mat grey;
  if (channels_ == 1 && picture.channels() == 3) cv::cvtColor(picture, grey, cv::COLOR_BGR2GRAY);
  const cv::Mat& taken = grey.empty() ? picture : grey;
  const auto place_of = std::find(inputs_.begin(), inputs_.end(), What::kPicture) - inputs_.begin();
  const Tensor input = session.input(static_cast<int>(place_of));
  const size_t pixels = input.f32().size() / static_cast<size_t>(input.shape[0]);
  const std::span<float> place = input.f32().subspan(static_cast<size_t>(slot) * pixels, pixels);
  std::vector<float> planes(channels_last_ ? pixels : 0);
  const Geometry g = preprocess(taken, p, channels_last_ ? std::span<float>(planes) : place);
  if (channels_last_) interleave(planes, static_cast<size_t>(channels_), place);
  for (size_t i = 0; i < inputs_.size(); ++i) {
    double first = 0, second = 0;
    switch (inputs_[i]) {
      case What::kPicture:
        continue;
      case What::kScaleFactor:
        first = g.scale_y, second = g.scale_x;
        break;
      case What::kImageShape:
        first = g.placed_height, second = g.placed_width;
        break;
      case What::kPictureSize:
        first = g.image_width, second = g.image_height;
        break;
    }
    const Tensor pair = session.input(static_cast<int>(i));
    if (pair.dtype == DType::kF32) put_pair<float>(pair, slot, first, second);
    if (pair.dtype == DType::kS32) put_pair<int32_t>(pair, slot, first, second);
    if (pair.dtype == DType::kS64) put_pair<int64_t>(pair, slot, first, second);
  }
  return g;
}

Result<double> timed_run(Session& session) {
  const auto start = std::chrono::steady_clock::now();
  if (auto run = session.run(); !run) return run.error();
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace octet::vision
