// The decoder first throws away what cannot pass (nearly all boxes), so that the costly steps see few.
#include "demos/vision/yolo.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <cmath>
#include <cstdint>
#include <functional>

namespace octet::vision {
namespace {

constexpr size_t kBoxColumns = 5;  // cx, cy, w, h, objectness

// y = x * objectness; returns the largest. A loop of its own so that it is vectorised.
float class_scores(const float* __restrict x, float* __restrict y, size_t n, float objectness) {
  float best = 0;
  for (size_t i = 0; i < n; ++i) y[i] = x[i] * objectness;
  for (size_t i = 0; i < n; ++i) best = y[i] > best ? y[i] : best;
  return best;
}

Detection box_of(const float* row) {
  const float half_w = row[2] / 2, half_h = row[3] / 2;
  return {.x1 = row[0] - half_w, .y1 = row[1] - half_h, .x2 = row[0] + half_w, .y2 = row[1] + half_h};
}

bool is_finite(const Detection& d) {
  return std::isfinite(d.x1) && std::isfinite(d.y1) && std::isfinite(d.x2) && std::isfinite(d.y2);
}

// Candidates of one row that passed the objectness test.
void add_row(const float* row, std::span<float> scores, const YoloOptions& o, std::vector<Detection>& out) {
  const float best = class_scores(row + kBoxColumns, scores.data(), scores.size(), row[4]);
  if (!(best > o.score_threshold)) return;
  Detection d = box_of(row);
  if (!is_finite(d)) return;
  bool taken = false;
  for (size_t c = 0; c < scores.size(); ++c) {
    if (!(o.multi_label ? scores[c] > o.score_threshold : !taken && scores[c] == best)) continue;
    d.label = static_cast<int>(c);
    d.score = scores[c];
    out.push_back(d);
    taken = true;
  }
}

float area(const Detection& d) { return (d.x2 - d.x1) * (d.y2 - d.y1); }

bool overlaps(const Detection& a, const Detection& b, float iou) {
  const float w = std::min(a.x2, b.x2) - std::max(a.x1, b.x1);
  const float h = std::min(a.y2, b.y2) - std::max(a.y1, b.y1);
  if (w <= 0 || h <= 0) return false;
  const float common = w * h;
  return common > iou * (area(a) + area(b) - common);
}

void to_picture(Detection& d, const Geometry& g) {
  const auto map = [](float v, int pad, double scale, int limit) {
    return static_cast<float>(std::clamp((v - pad) / scale, 0.0, static_cast<double>(limit)));
  };
  d.x1 = map(d.x1, g.pad_x, g.scale_x, g.image_width);
  d.x2 = map(d.x2, g.pad_x, g.scale_x, g.image_width);
  d.y1 = map(d.y1, g.pad_y, g.scale_y, g.image_height);
  d.y2 = map(d.y2, g.pad_y, g.scale_y, g.image_height);
}

// Smaller is better: high scores first, among equal ones the earlier candidate.
uint64_t rank(float score, size_t index) {
  const uint32_t bits = std::bit_cast<uint32_t>(score);
  const uint32_t rising = bits >> 31 ? ~bits : bits | 0x80000000u;  // orders as the floats do
  return static_cast<uint64_t>(~rising) << 32 | static_cast<uint32_t>(index);
}

}  // namespace

std::vector<Detection> suppress(const std::vector<Detection>& candidates, const YoloOptions& o) {
  // A heap, not a sort: the walk usually ends after a few hundred of many thousand candidates.
  std::vector<uint64_t> order(candidates.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = rank(candidates[i].score, i);
  std::make_heap(order.begin(), order.end(), std::greater<>());
  std::vector<std::vector<size_t>> kept_of_class;
  std::vector<Detection> kept;
  for (int walked = 0; !order.empty() && walked < o.max_candidates; ++walked) {
    if (kept.size() >= static_cast<size_t>(o.max_detections)) break;
    const Detection& d = candidates[order.front() & 0xffffffff];
    std::pop_heap(order.begin(), order.end(), std::greater<>());
    order.pop_back();
    const size_t label = static_cast<size_t>(d.label);
    if (label >= kept_of_class.size()) kept_of_class.resize(label + 1);
    auto& same = kept_of_class[label];
    if (std::any_of(same.begin(), same.end(), [&](size_t k) { return overlaps(kept[k], d, o.nms_iou); })) continue;
    same.push_back(kept.size());
    kept.push_back(d);
  }
  return kept;
}

std::vector<Detection> decode_yolo(std::span<const float> rows, size_t columns, const Geometry& geometry,
                                   const YoloOptions& o) {
  assert(columns > kBoxColumns && rows.size() % columns == 0);
  std::vector<Detection> candidates;
  std::vector<float> scores(columns - kBoxColumns);
  for (const float *row = rows.data(), *end = row + rows.size(); row != end; row += columns)
    if (row[4] > o.score_threshold) add_row(row, scores, o, candidates);
  auto kept = suppress(candidates, o);
  for (Detection& d : kept) to_picture(d, geometry);
  return kept;
}

}  // namespace octet::vision
