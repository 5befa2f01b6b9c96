// What Paddle's two kinds of suppression share: operands, and how far boxes overlap.
#pragma once
#include "runtime/ops/common.h"

namespace octet {

struct BoxOperands {
  int64_t images = 0, boxes = 0, classes = 0;
};

// Of boxes [n, m, 4] and scores [n, classes, m].
inline Result<BoxOperands> box_operands(Inference& inf) {
  const Shape &boxes = inf.shape(0), &scores = inf.shape(1);
  if (boxes.rank() != 3 || scores.rank() != 3 || !may_equal(boxes[2], 4) || !may_equal(boxes[0], scores[0]) ||
      !may_equal(boxes[1], scores[2]))
    return inf.error("boxes " + boxes.text() + " and scores " + scores.text() + " do not go together");
  if (!may_fit_int(scores.elements()) || !may_fit_int(Shape{boxes[0], boxes[1]}.elements()))
    return inf.error("too many boxes");
  return BoxOperands{boxes[0], boxes[1], scores[1]};
}

// The shapes for at most `top_k` boxes a class and `keep_top_k` an image; below 0: all.
inline Result<void> infer_kept(Inference& inf, const BoxOperands& of, int64_t top_k, int64_t keep_top_k) {
  int64_t kept = of.classes * (top_k < 0 ? of.boxes : std::min(of.boxes, top_k)), rows = -1;
  if (keep_top_k >= 0) kept = std::min(kept, keep_top_k);
  if (!inf.partial && !checked_mul(of.images, kept, &rows)) return inf.error("too many boxes");
  inf.out(0, {rows, 6});
  inf.out(1, {rows, 1});
  inf.out(2, {of.images});
  return {};
}

inline DType kept_type(const NodeDef&, int output) { return output == 0 ? DType::kF32 : DType::kS32; }

inline float paddle_area(const float* b, float one) {
  return b[2] < b[0] || b[3] < b[1] ? 0.0f : (b[2] - b[0] + one) * (b[3] - b[1] + one);
}

// `one`: what a box from 3 to 3 is wide.
inline float paddle_iou(const float* a, const float* b, float one) {
  if (b[0] > a[2] || b[2] < a[0] || b[1] > a[3] || b[3] < a[1]) return 0;
  const float w = std::min(a[2], b[2]) - std::max(a[0], b[0]) + one;
  const float h = std::min(a[3], b[3]) - std::max(a[1], b[1]) + one;
  return w * h / (paddle_area(a, one) + paddle_area(b, one) - w * h);
}

// The boxes that score above the threshold, best first, of equals the first; at most top_k where that is not below 0.
inline int64_t candidates(const float* scores, int64_t boxes, float threshold, int64_t top_k, int32_t* order) {
  int32_t* end = order;
  for (int64_t i = 0; i < boxes; ++i)
    if (scores[i] > threshold) *end++ = static_cast<int32_t>(i);
  const int64_t found = end - order, count = top_k < 0 ? found : std::min(found, top_k);
  std::partial_sort(order, order + count, end,
                    [&](int32_t a, int32_t b) { return scores[a] > scores[b] || (scores[a] == scores[b] && a < b); });
  return count;
}

// A box that was kept.
struct Kept {
  float score;
  int32_t type, box;
};

// By falling score, of equals the first.
inline bool better(const Kept& a, const Kept& b) {
  if (a.score != b.score) return a.score > b.score;
  return a.type != b.type ? a.type < b.type : a.box < b.box;
}

// The values that hold operands and results.
struct KeptValues {
  int boxes, scores, rows, index, counts;
};

// Writes what was kept, `room` places for each image, as rows and indices. Returns how many.
inline int64_t write_kept(const RunContext& ctx, const BoxOperands& of, const KeptValues& values, const Kept* kept,
                          int64_t room) {
  float* row = ctx.data<float>(values.rows);
  int32_t* index = ctx.data<int32_t>(values.index);
  int64_t rows = 0;
  for (int64_t n = 0; n < of.images; ++n)
    for (int64_t i = 0; i < ctx.data<int32_t>(values.counts)[n]; ++i, ++rows, row += 6) {
      const Kept& k = kept[n * room + i];
      const int64_t place = n * of.boxes + k.box;
      row[0] = static_cast<float>(k.type), row[1] = k.score;
      std::copy_n(ctx.data<float>(values.boxes) + place * 4, 4, row + 2);
      index[rows] = static_cast<int32_t>(place);
    }
  ctx.shapes[values.rows] = {rows, 6};
  ctx.shapes[values.index] = {rows, 1};
  return rows;
}

}  // namespace octet
