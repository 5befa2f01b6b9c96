// Suppression walks a heap of scores and ends as soon as enough boxes are kept.
#include "vision/detections.h"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <functional>

namespace octet::vision {
namespace {

float area(const Detection& d) { return (d.x2 - d.x1) * (d.y2 - d.y1); }

bool overlaps(const Detection& a, const Detection& b, const DetectionOptions& o) {
  const float w = std::min(a.x2, b.x2) - std::max(a.x1, b.x1);
  const float h = std::min(a.y2, b.y2) - std::max(a.y1, b.y1);
  if (w <= 0 || h <= 0) return false;
  const float common = w * h;
  return common > o.nms_iou * (area(a) + area(b) - common + o.iou_epsilon);
}

// Smaller is better: high scores first, among equal ones the earlier candidate.
uint64_t rank(float score, size_t index) {
  const uint32_t bits = std::bit_cast<uint32_t>(score);
  const uint32_t rising = bits >> 31 ? ~bits : bits | 0x80000000u;  // orders as the floats do
  return static_cast<uint64_t>(~rising) << 32 | static_cast<uint32_t>(index);
}

}  // namespace

std::vector<Detection> suppress(const std::vector<Detection>& candidates, const DetectionOptions& o) {
  // A heap, not a sort: the walk usually ends after a few hundred of many thousand candidates.
  std::vector<uint64_t> order(candidates.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = rank(candidates[i].score, i);
  std::make_heap(order.begin(), order.end(), std::greater<>());
  struct Class {
    int walked = 0;
    std::vector<size_t> kept;
  };
  std::vector<Class> classes;
  std::vector<Detection> kept;
  for (int walked = 0; !order.empty() && walked < o.max_candidates; ++walked) {
    if (kept.size() >= static_cast<size_t>(o.max_detections)) break;
    const Detection& d = candidates[order.front() & 0xffffffff];
    std::pop_heap(order.begin(), order.end(), std::greater<>());
    order.pop_back();
    const size_t label = static_cast<size_t>(d.label);
    if (label >= classes.size()) classes.resize(label + 1);
    Class& same = classes[label];
    if (same.walked++ >= o.class_candidates) continue;
    if (std::any_of(same.kept.begin(), same.kept.end(), [&](size_t k) { return overlaps(kept[k], d, o); })) continue;
    same.kept.push_back(kept.size());
    kept.push_back(d);
  }
  return kept;
}

void to_picture(Detection& d, const Geometry& g) {
  const auto map = [](float v, int pad, double scale) { return static_cast<float>((v - pad) / scale); };
  d.x1 = map(d.x1, g.pad_x, g.scale_x);
  d.x2 = map(d.x2, g.pad_x, g.scale_x);
  d.y1 = map(d.y1, g.pad_y, g.scale_y);
  d.y2 = map(d.y2, g.pad_y, g.scale_y);
}

}  // namespace octet::vision
