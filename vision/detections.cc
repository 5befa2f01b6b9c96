// Suppression walks a heap of scores and ends as soon as enough boxes are kept.
#include "vision/detections.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <functional>

namespace octet::vision {
namespace {

float area(const Detection& d) { return (d.x2 - d.x1) * (d.y2 - d.y1); }

// A box as a Gaussian: centre and covariance.
struct Gaussian {
  double x, y, xx, yy, xy;
};

Gaussian gaussian_of(const Detection& d) {
  const double w = static_cast<double>(d.x2) - d.x1, h = static_cast<double>(d.y2) - d.y1;
  const double a = w * w / 12, b = h * h / 12;
  const double c = std::cos(static_cast<double>(d.angle)), s = std::sin(static_cast<double>(d.angle));
  return {(static_cast<double>(d.x1) + d.x2) / 2, (static_cast<double>(d.y1) + d.y2) / 2, a * c * c + b * s * s,
          a * s * s + b * c * c, (a - b) * c * s};
}

// 1 - Hellinger's distance of the two, as the networks' own code compares rotated boxes (Llerena et al., 2021).
double prob_iou(const Detection& first, const Detection& second) {
  constexpr double kTiny = 1e-7;
  const Gaussian p = gaussian_of(first), q = gaussian_of(second);
  const double xx = p.xx + q.xx, yy = p.yy + q.yy, xy = p.xy + q.xy, dx = p.x - q.x, dy = p.y - q.y;
  const double det = xx * yy - xy * xy;
  const double distance = (xx * dy * dy + yy * dx * dx - 2 * xy * dx * dy) / (det + kTiny) / 4;
  const double own = std::max(p.xx * p.yy - p.xy * p.xy, 0.0) * std::max(q.xx * q.yy - q.xy * q.xy, 0.0);
  const double shape = std::log(det / (4 * std::sqrt(own) + kTiny) + kTiny) / 2;
  const double bhattacharyya = std::clamp(distance + shape, kTiny, 100.0);
  return 1 - std::sqrt(1 - std::exp(-bhattacharyya) + kTiny);
}

bool overlaps(const Detection& a, const Detection& b, const DetectionOptions& o) {
  if (o.rotated) return prob_iou(a, b) > static_cast<double>(o.nms_iou);
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
