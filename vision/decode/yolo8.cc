// Heads without objectness, a plane of boxes for each number: boxes alone, with masks, with key points, with angles.
#include "vision/decode/forms.h"

namespace octet::vision {
namespace {

// {n, 4 + classes + more, boxes}; `more` planes follow the scores.
struct Planes {
  const float* x = nullptr;
  size_t boxes = 0, classes = 0;
  const float* more(size_t i) const { return x + (4 + classes + i) * boxes; }
};

Result<Planes> planes_of(const Outputs& outputs, size_t more) {
  const Tensor& t = outputs.tensors[0];
  const std::string expected =
      "f32 {batch, 4 + classes" + (more ? " + " + std::to_string(more) : std::string()) + ", boxes}";
  if (!is_volume(t, outputs.index) || t.shape[1] < static_cast<int64_t>(5 + more))
    return unexpected(t, expected.c_str());
  const Planes p{part_of(t, outputs.index).data(), static_cast<size_t>(t.shape[2]),
                 static_cast<size_t>(t.shape[1]) - 4 - more};
  if (turned(p.boxes, p.classes, outputs.geometry))
    return unexpected(t, (expected + ", more boxes than classes").c_str());
  return p;
}

std::vector<Detection> candidates_of(const Planes& p, const DetectionOptions& options) {
  const size_t n = p.boxes;
  std::vector<Detection> candidates;
  add_planes(
      p.x + 4 * n, p.classes, n, options,
      [&](size_t i) { return centred(p.x[i], p.x[n + i], p.x[2 * n + i], p.x[3 * n + i]); }, candidates);
  return candidates;
}

}  // namespace

Result<Found> decode_yolo8(const Outputs& outputs) {
  const size_t coefficients = has_prototypes(outputs) ? static_cast<size_t>(outputs.tensors[1].shape[1]) : 0;
  const auto p = planes_of(outputs, coefficients);
  if (!p) return p.error();
  auto found = finish(candidates_of(*p, outputs.options), p->classes, outputs);
  if (!coefficients) return found;
  return with_masks(std::move(found), outputs, [&](size_t i, float* out) {
    for (size_t k = 0; k < coefficients; ++k) out[k] = p->more(k)[i];
  });
}

Result<Found> decode_pose(const Outputs& outputs) {
  // Without a word about them there is one class, which is what such networks are trained on.
  const Tensor& t = outputs.tensors[0];
  const int64_t rest = t.shape.rank() == 3 ? t.shape[1] - 4 - std::max(1, outputs.options.classes) : 0;
  const size_t points = static_cast<size_t>(outputs.options.key_points ? outputs.options.key_points : rest / 3);
  if (points == 0 || (!outputs.options.key_points && rest % 3))
    return unexpected(t, "f32 {batch, 4 + classes + 3 * points, boxes}");
  const size_t numbers = rest > 0 && rest % 2 == 0 && static_cast<size_t>(rest) == 2 * points ? 2 : 3;
  const auto p = planes_of(outputs, numbers * points);
  if (!p) return p.error();
  return finish_points(
      candidates_of(*p, outputs.options), p->classes, outputs, [&](size_t i, std::vector<KeyPoint>& out) {
        for (size_t k = 0; k < points; ++k)
          out.push_back(
              {p->more(numbers * k)[i], p->more(numbers * k + 1)[i], numbers == 3 ? p->more(3 * k + 2)[i] : 1});
      });
}

Result<Found> decode_rotated(const Outputs& outputs) {
  const auto p = planes_of(outputs, 1);
  if (!p) return p.error();
  auto candidates = candidates_of(*p, outputs.options);
  for (Detection& d : candidates) d.angle = p->more(0)[d.source];
  std::erase_if(candidates, [](const Detection& d) { return !std::isfinite(d.angle); });
  return finish(candidates, p->classes, outputs);
}

}  // namespace octet::vision
