// FastestDet: one grid of cells, a plane for each number.
#include "vision/decode/forms.h"

namespace octet::vision {

Result<Found> decode_fastest_det(const Outputs& outputs) {
  const Tensor& t = outputs.tensors[0];
  if (t.dtype != DType::kF32 || t.shape.rank() != 4 || t.shape[0] <= outputs.index || t.shape[1] < 6 ||
      t.shape.elements() <= 0)
    return unexpected(t, "f32 {batch, 5 + classes, rows, columns}");
  const size_t classes = static_cast<size_t>(t.shape[1]) - 5, cells = static_cast<size_t>(t.shape[2] * t.shape[3]);
  const float* x = part_of(t, outputs.index).data();
  const float sx = static_cast<float>(outputs.geometry.input_width) / static_cast<float>(t.shape[3]);
  const float sy = static_cast<float>(outputs.geometry.input_height) / static_cast<float>(t.shape[2]);
  const auto sigmoid = [](float v) { return 1 / (1 + std::exp(-v)); };
  std::vector<Detection> candidates;
  std::vector<float> scores(classes);
  for (size_t i = 0; i < cells; ++i) {
    const auto at = [&](size_t plane) { return x[plane * cells + i]; };
    float best = 0;
    // A network that does not know what it sees there is not sure that it sees something.
    for (size_t c = 0; c < classes; ++c) {
      scores[c] = std::pow(at(0), .6f) * std::pow(at(5 + c), .4f);
      best = std::max(best, scores[c]);
    }
    if (!(best > outputs.options.score_threshold)) continue;
    const float column = static_cast<float>(i % static_cast<size_t>(t.shape[3]));
    const float row = static_cast<float>(i / static_cast<size_t>(t.shape[3]));
    add_classes(scores, best,
                centred((column + std::tanh(at(1))) * sx, (row + std::tanh(at(2))) * sy,
                        sigmoid(at(3)) * static_cast<float>(outputs.geometry.input_width),
                        sigmoid(at(4)) * static_cast<float>(outputs.geometry.input_height)),
                outputs.options, candidates);
  }
  return finish(candidates, classes, outputs);
}

}  // namespace octet::vision
