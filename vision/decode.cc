// Which decoder, and what they share.
#include "vision/decode.h"

#include <utility>

#include "vision/decode_forms.h"

namespace octet::vision {
namespace {

bool is_rows(std::span<const Tensor> outputs) {
  return !outputs.empty() && outputs[0].dtype == DType::kF32 && outputs[0].shape.rank() == 2 &&
         outputs[0].shape[1] == 6;
}

}  // namespace

Error unexpected(const Tensor& tensor, const char* expected) {
  return {Code::kBadModel, "output '" + std::string(tensor.name) + "' is " + name_of(tensor.dtype) + " " +
                               tensor.shape.text() + ", expected " + expected};
}

bool is_volume(const Tensor& tensor, int index) {
  return tensor.dtype == DType::kF32 && tensor.shape.rank() == 3 && tensor.shape[0] > index &&
         tensor.shape.elements() > 0;
}

std::span<const float> part_of(const Tensor& tensor, int index) {
  const size_t size = tensor.f32().size() / static_cast<size_t>(tensor.shape[0]);
  return tensor.f32().subspan(static_cast<size_t>(index) * size, size);
}

bool is_finite(const Detection& d) {
  return std::isfinite(d.x1) && std::isfinite(d.y1) && std::isfinite(d.x2) && std::isfinite(d.y2);
}

float scaled_scores(const float* __restrict x, float* __restrict y, size_t n, float factor) {
  float best = 0;
  for (size_t i = 0; i < n; ++i) y[i] = x[i] * factor;
  for (size_t i = 0; i < n; ++i) best = y[i] > best ? y[i] : best;
  return best;
}

std::vector<float> largest_of(const float* planes, size_t rows, size_t n) {
  std::vector<float> out(planes, planes + n);
  float* __restrict best = out.data();
  for (size_t r = 1; r < rows; ++r) {
    const float* __restrict x = planes + r * n;
    for (size_t i = 0; i < n; ++i) best[i] = x[i] > best[i] ? x[i] : best[i];
  }
  return out;
}

void add_classes(std::span<const float> scores, float best, const Detection& box, const DetectionOptions& options,
                 std::vector<Detection>& out) {
  if (!is_finite(box)) return;
  Detection d = box;
  for (size_t c = 0; c < scores.size(); ++c) {
    if (!(options.multi_label ? scores[c] > options.score_threshold : scores[c] == best)) continue;
    d.label = static_cast<int>(c);
    d.score = scores[c];
    out.push_back(d);
    if (!options.multi_label) return;
  }
}

Found finish(const std::vector<Detection>& candidates, size_t classes, const Outputs& outputs) {
  Found found{.detections = suppress(candidates, outputs.options), .classes = static_cast<int>(classes)};
  for (Detection& d : found.detections) to_picture(d, outputs.geometry);
  return found;
}

bool has_nms(Decoder decoder, std::span<const Tensor> outputs) {
  return is_rows(outputs) || decoder == Decoder::kDetr ||
         ((decoder == Decoder::kSsd || decoder == Decoder::kSsdCorners) && outputs.size() == 3);
}

Result<Found> decode(Decoder decoder, std::span<const Tensor> tensors, int index, const Geometry& geometry,
                     const DetectionOptions& options) {
  const Outputs outputs{tensors, index, geometry, options};
  if (is_rows(tensors)) {
    const bool relative = decoder == Decoder::kRelativeRows;
    return decode_rows(outputs, relative ? static_cast<float>(geometry.image_width) : 1,
                       relative ? static_cast<float>(geometry.image_height) : 1);
  }
  switch (decoder) {
    case Decoder::kYolo5:
      return decode_yolo5(outputs, false);
    case Decoder::kYoloX:
      return decode_yolo5(outputs, true);
    case Decoder::kYolo8:
      return decode_yolo8(outputs);
    case Decoder::kCorners:
      return decode_corners(outputs);
    case Decoder::kGfl:
      return decode_gfl(outputs);
    case Decoder::kNanoDet:
      return decode_nanodet(outputs);
    case Decoder::kSsd:
      return decode_ssd(outputs, false);
    case Decoder::kSsdCorners:
      return decode_ssd(outputs, true);
    case Decoder::kDetr:
      return decode_detr(outputs);
    case Decoder::kRows:
    case Decoder::kRelativeRows:
      break;
  }
  return unexpected(tensors[0], "rows of NMS in the graph, f32 {boxes, 6}");
}

}  // namespace octet::vision
