// Hand-made outputs of detectors, and what is expected of their boxes.
#pragma once
#include <gtest/gtest.h>

#include <memory>

#include "vision/decode.h"

namespace octet::vision {

// Outputs with their memory.
class Rig {
 public:
  Rig& add(const Shape& shape, std::vector<float> values, const char* name = "out") {
    floats_.push_back(std::make_unique<std::vector<float>>(std::move(values)));
    EXPECT_EQ(static_cast<size_t>(shape.elements()), floats_.back()->size());
    tensors_.push_back({.name = name, .dtype = DType::kF32, .shape = shape, .data = floats_.back()->data()});
    return *this;
  }
  Rig& integers(const Shape& shape, std::vector<int64_t> values) {
    integers_.push_back(std::make_unique<std::vector<int64_t>>(std::move(values)));
    tensors_.push_back({.name = "out", .dtype = DType::kS64, .shape = shape, .data = integers_.back()->data()});
    return *this;
  }
  std::span<const Tensor> tensors() const { return tensors_; }

 private:
  std::vector<std::unique_ptr<std::vector<float>>> floats_;
  std::vector<std::unique_ptr<std::vector<int64_t>>> integers_;
  std::vector<Tensor> tensors_;
};

inline Geometry same_size(int height, int width) {
  return fit(height, width, {.height = height, .width = width, .resize = Resize::kStretch});
}

inline std::vector<Detection> boxes_of(Decoder decoder, const Rig& rig, const Geometry& g,
                                       const DetectionOptions& o = {}, int index = 0) {
  auto found = decode(decoder, rig.tensors(), index, g, o);
  EXPECT_TRUE(found) << found.error().text;
  return found ? found->detections : std::vector<Detection>{};
}

inline void expect_box(const Detection& d, const Detection& expected) {
  EXPECT_EQ(d.label, expected.label);
  EXPECT_FLOAT_EQ(d.score, expected.score);
  EXPECT_NEAR(d.x1, expected.x1, 1e-3);
  EXPECT_NEAR(d.y1, expected.y1, 1e-3);
  EXPECT_NEAR(d.x2, expected.x2, 1e-3);
  EXPECT_NEAR(d.y2, expected.y2, 1e-3);
}

}  // namespace octet::vision
