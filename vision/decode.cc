// Which decoder, and what they share.
#include "vision/decode.h"

#include <utility>

#include "vision/decode/forms.h"

namespace octet::vision {
namespace {

// Rounding to int8 may take a score of 1 a little beyond it.
constexpr float kMostScore = 1.01f;

// Can a detector have said this?
Result<void> check(std::span<const Detection> found, size_t classes, const Outputs& outputs) {
  const auto bad = [&](const std::string& what) {
    const Tensor& t = outputs.tensors[0];
    return Error{Code::kBadModel, "output '" + std::string(t.name) + "' " + t.shape.text() + ": " + what};
  };
  const size_t known = static_cast<size_t>(outputs.options.classes);
  if (known && classes && classes != known)
    return bad("read so it tells " + std::to_string(classes) + " classes apart; the model has names of " +
               std::to_string(known));
  for (const Detection& d : found) {
    if (d.score > kMostScore)
      return bad("read so it gives class " + std::to_string(d.label) + " the score " + std::to_string(d.score) +
                 "; scores end at 1");
    if (known && static_cast<size_t>(d.label) >= known)
      return bad("read so it gives class " + std::to_string(d.label) + "; the model has names of " +
                 std::to_string(known));
  }
  return {};
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

bool turned(size_t boxes, size_t classes, const Geometry& g) {
  constexpr int kFinest = 8;
  const auto cells = static_cast<size_t>(g.input_height / kFinest) * static_cast<size_t>(g.input_width / kFinest);
  return boxes < cells && classes >= cells;
}

bool is_integers(const Tensor& t) { return t.dtype == DType::kS64 || t.dtype == DType::kS32; }

int64_t integer_at(const Tensor& t, size_t i) {
  if (t.dtype == DType::kS64) return static_cast<const int64_t*>(t.data)[i];
  return t.dtype == DType::kS32 ? static_cast<const int32_t*>(t.data)[i] : -1;
}

Result<Found> finish(const std::vector<Detection>& candidates, size_t classes, const Outputs& outputs) {
  if (auto fine = check(candidates, classes, outputs); !fine) return fine.error();
  Found found{.detections = suppress(candidates, outputs.options), .classes = static_cast<int>(classes)};
  for (Detection& d : found.detections) to_picture(d, outputs.geometry);
  return found;
}

Result<Found> in_picture(std::vector<Detection> found, size_t classes, const Outputs& outputs) {
  if (auto fine = check(found, classes, outputs); !fine) return fine.error();
  std::stable_sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.score > b.score; });
  found.resize(std::min(found.size(), static_cast<size_t>(outputs.options.max_detections)));
  return Found{.detections = std::move(found), .classes = static_cast<int>(classes)};
}

Result<Found> in_input(std::vector<Detection> found, size_t classes, const Outputs& outputs) {
  for (Detection& d : found) to_picture(d, outputs.geometry);
  return in_picture(std::move(found), classes, outputs);
}

bool has_nms(Decoder decoder, std::span<const Tensor> outputs, const Geometry& geometry) {
  return final_form(outputs, geometry) != FinalForm::kNone || decoder == Decoder::kDetr ||
         ((decoder == Decoder::kSsd || decoder == Decoder::kSsdCorners) && outputs.size() == 3);
}

Result<Found> decode(Decoder decoder, std::span<const Tensor> tensors, int index, const Geometry& geometry,
                     const DetectionOptions& options) {
  const Outputs outputs{tensors, index, geometry, options};
  const FinalForm form = decoder == Decoder::kClasses ? FinalForm::kNone : final_form(tensors, geometry);
  if (form != FinalForm::kNone) return decode_final(form, outputs, decoder == Decoder::kRelativeRows);
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
    case Decoder::kPose:
      return decode_pose(outputs);
    case Decoder::kRotated:
      return decode_rotated(outputs);
    case Decoder::kFastestDet:
      return decode_fastest_det(outputs);
    case Decoder::kScrfd:
      return decode_scrfd(outputs);
    case Decoder::kRetinaFace:
      return decode_retina_face(outputs);
    case Decoder::kYuNet:
      return decode_yunet(outputs);
    case Decoder::kUltraFace:
      return decode_ultra_face(outputs);
    case Decoder::kYolo5Face:
      return decode_yolo5_face(outputs);
    case Decoder::kClasses:
      return decode_classes(outputs);
    case Decoder::kRows:
    case Decoder::kRelativeRows:
      return decode_final(FinalForm::kNone, outputs, false);
    case Decoder::kNoBoxes:
      break;
  }
  return unexpected(tensors[0], "a detector's");
}

}  // namespace octet::vision
