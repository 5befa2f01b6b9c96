// Resizing along one dim of a known size in ONNX Runtime's own float arithmetic: places for nearest, a matrix for what the runtime's
// Resize does not do (antialias, tf_crop_and_resize).
#pragma once
#include <cstdint>
#include <vector>

#include "schema/model_generated.h"

namespace octet::convert {

struct ResizeAxis {
  int64_t in = 1, out = 1;
  float scale = 1;
  bool given_scale = false;  // by the file; else out / in
  bool crop = false;         // tf_crop_and_resize
  float start = 0, end = 1;  // of the crop, 0 and 1 being the first and the last pixel
  bool antialias = false, exclude_outside = false;
};

// The input's place of each output, by the op's nearest and coordinate modes.
std::vector<int64_t> nearest_places(const ResizeAxis& a, const schema::ResizeT& op);
// The same as the runtime's Resize finds them, which counts places that miss a whole or half one by little as these.
std::vector<int64_t> runtime_places(const ResizeAxis& a, const schema::ResizeT& op);

// [out][in]: how much of each input an output has.
std::vector<float> resize_matrix(const ResizeAxis& a, const schema::ResizeT& op);
// Which outputs lie outside the input: of tf_crop_and_resize.
std::vector<bool> outside(const ResizeAxis& a, const schema::ResizeT& op);

}  // namespace octet::convert
