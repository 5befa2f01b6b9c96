// DETR and its kin: as many boxes as there are queries, none of which needs suppression.
#include "vision/decode/forms.h"

namespace octet::vision {

Result<Found> decode_detr(const Outputs& outputs) {
  const Tensor *labels = nullptr, *boxes = nullptr, *scores = nullptr;
  for (const Tensor& t : outputs.tensors) {
    if (is_integers(t) && t.shape.rank() == 2) labels = &t;
    if (t.dtype == DType::kF32 && t.shape.rank() == 2) scores = &t;
    if (is_volume(t, outputs.index) && t.shape[2] == 4) boxes = &t;
  }
  if (!labels || !boxes || !scores || labels->shape != scores->shape || labels->shape[0] <= outputs.index ||
      boxes->shape[1] != labels->shape[1])
    return unexpected(outputs.tensors[0],
                      "one of labels s64 {batch, m}, boxes f32 {batch, m, 4}, scores f32 {batch, m}");
  const size_t count = static_cast<size_t>(labels->shape[1]), first = static_cast<size_t>(outputs.index) * count;
  const float* b = part_of(*boxes, outputs.index).data();
  std::vector<Detection> found;
  for (size_t i = 0; i < count; ++i) {
    const float score = scores->f32()[first + i];
    const int64_t label = integer_at(*labels, first + i);
    if (!(score > outputs.options.score_threshold) || label < 0 || label > kMostLabels) continue;
    const Detection d{static_cast<int>(label), score, b[4 * i], b[4 * i + 1], b[4 * i + 2], b[4 * i + 3]};
    if (is_finite(d)) found.push_back(d);
  }
  return in_picture(std::move(found), 0, outputs);
}

}  // namespace octet::vision
