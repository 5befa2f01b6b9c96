// Greedy suppression of overlapping boxes for each image and class, with ONNX' (and ONNX Runtime's) rules to the last bit.
#include <cstdint>

#include "runtime/ops/common.h"

namespace octet {
namespace {

std::span<const std::string_view> names(const NodeDef&) {
  static constexpr std::string_view kNames[] = {"non_max_suppression", "NonMaxSuppression"};
  return kNames;
}

Result<void> check(const NodeDef& n, const ModelData& m) {
  for (int i : {0, 1}) OCTET_TRY(check_type(n, m, i, {DType::kF32}));
  if (n.has_input(2)) OCTET_TRY(check_type(n, m, 2, {DType::kS64}));
  for (int i : {3, 4})
    if (n.has_input(i)) OCTET_TRY(check_type(n, m, i, {DType::kF32}));
  return {};
}

Result<void> infer(Inference& inf) {
  const Shape &boxes = inf.shape(0), &scores = inf.shape(1);
  if (boxes.rank() != 3 || scores.rank() != 3 || !may_equal(boxes[2], 4) || !may_equal(boxes[0], scores[0]) ||
      !may_equal(boxes[1], scores[2]) || !may_fit_int(boxes[1]))
    return inf.error("boxes " + boxes.text() + " and scores " + scores.text() + " do not go together");
  for (int i : {3, 4})
    if (inf.node.has_input(i) && inf.shape(i).elements() != 1)
      return inf.error("a threshold of " + inf.shape(i).text());
  if (inf.partial) return inf.out(0, {-1, 3}), Result<void>();
  int64_t most = 0;
  if (inf.node.has_input(2)) {
    const auto known = inf.known_s64(2);
    if (!known) return known.error();
    if (known->size() != 1)
      return inf.error(text_of(static_cast<int64_t>(known->size())) + " numbers of boxes to keep");
    most = std::clamp<int64_t>((*known)[0], 0, boxes[1]);
  }
  int64_t rows = 0;
  if (!checked_mul(boxes[0], scores[1], &rows) || !checked_mul(rows, most, &rows))
    return inf.error("too many classes: " + scores.text());
  inf.out(0, {rows, 3});
  return {};
}

// A box's corners, put in order.
struct Corners {
  float x0, y0, x1, y1;
  float area() const { return (x1 - x0) * (y1 - y0); }
};

Corners corners_of(const float* box, bool center) {
  if (center) {
    const float w = box[2] / 2, h = box[3] / 2;
    return {box[0] - w, box[1] - h, box[0] + w, box[1] + h};
  }
  return {std::min(box[1], box[3]), std::min(box[0], box[2]), std::max(box[1], box[3]), std::max(box[0], box[2])};
}

bool overlaps(const Corners& a, const Corners& b, float threshold) {
  const float x0 = std::max(a.x0, b.x0), x1 = std::min(a.x1, b.x1);
  const float y0 = std::max(a.y0, b.y0), y1 = std::min(a.y1, b.y1);
  if (!(x1 > x0) || !(y1 > y0)) return false;
  const float inside = (x1 - x0) * (y1 - y0);
  const float area_a = a.area(), area_b = b.area(), both = area_a + area_b - inside;
  if (inside <= 0 || area_a <= 0 || area_b <= 0 || both <= 0) return false;
  return inside / both > threshold;
}

struct Job {
  int64_t images, classes, boxes, most;
  bool center;
  int box, score, iou_threshold, score_threshold, out;  // value ids; thresholds: -1 where absent
};

// The candidates by falling score, of equals the first; what is kept of them is moved to the front. Returns how many.
int64_t suppress(const Job& job, const Corners* boxes, const float* scores, float iou, const float* least,
                 int32_t* order) {
  int32_t* end = order;
  for (int64_t i = 0; i < job.boxes; ++i)
    if (least ? scores[i] > *least : scores[i] == scores[i]) *end++ = static_cast<int32_t>(i);
  const auto before = [&](int32_t a, int32_t b) { return scores[a] > scores[b] || (scores[a] == scores[b] && a < b); };
  int32_t* sorted = order;  // the best up to here are in order: rarely are all of them looked at
  int64_t kept = 0;
  for (const int32_t* at = order; at != end && kept < job.most; ++at) {
    if (at == sorted) {
      int32_t* next = sorted + std::min<int64_t>(end - sorted, std::max<int64_t>(64, sorted - order));
      if (next != end) std::nth_element(sorted, next, end, before);
      std::sort(sorted, next, before);
      sorted = next;
    }
    const bool free = std::none_of(order, order + kept, [&](int32_t k) { return overlaps(boxes[*at], boxes[k], iou); });
    if (free) order[kept++] = *at;
  }
  return kept;
}

void run(const RunContext& ctx, const Job& job) {
  const int64_t tasks = job.images * job.classes;
  auto* counts = reinterpret_cast<int64_t*>(ctx.scratch);
  auto* corners = reinterpret_cast<Corners*>(counts + tasks);
  auto* orders = reinterpret_cast<int32_t*>(corners + job.images * job.boxes);
  const float iou = job.iou_threshold < 0 ? 0 : *ctx.data<float>(job.iou_threshold);
  const float* least = job.score_threshold < 0 ? nullptr : ctx.data<float>(job.score_threshold);
  for (int64_t i = 0; i < job.images * job.boxes; ++i)
    corners[i] = corners_of(ctx.data<float>(job.box) + i * 4, job.center);
  parallel_rows(ctx.threads, tasks, 1, [&](int64_t begin, int64_t end) {
    for (int64_t t = begin; t < end; ++t)
      counts[t] = suppress(job, corners + t / job.classes * job.boxes, ctx.data<float>(job.score) + t * job.boxes, iou,
                           least, orders + t * job.boxes);
  });
  int64_t* to = ctx.data<int64_t>(job.out);
  int64_t rows = 0;
  for (int64_t t = 0; t < tasks; ++t)
    for (int64_t i = 0; i < counts[t]; ++i, ++rows) {
      *to++ = t / job.classes;
      *to++ = t % job.classes;
      *to++ = orders[t * job.boxes + i];
    }
  ctx.shapes[job.out][0] = rows;
}

Result<void> prepare(Prepare& p) {
  const Shape &boxes = p.in(0).shape, &scores = p.in(1).shape;
  const Job job{.images = boxes[0],
                .classes = scores[1],
                .boxes = boxes[1],
                .most = p.out().shape[0] / (boxes[0] * scores[1]),
                .center = p.node->attributes<schema::NonMaxSuppression>().center_point_box(),
                .box = p.in(0).id,
                .score = p.in(1).id,
                .iou_threshold = p.has_in(3) ? p.in(3).id : -1,
                .score_threshold = p.has_in(4) ? p.in(4).id : -1,
                .out = p.out().id};
  const auto tasks = static_cast<size_t>(job.images * job.classes);
  const auto all = static_cast<size_t>(job.images * job.boxes), candidates = tasks * static_cast<size_t>(job.boxes);
  p.step.scratch_bytes = tasks * sizeof(int64_t) + all * sizeof(Corners) + candidates * sizeof(int32_t);
  p.step.kernel = "non_max_suppression";
  p.step.run = [job](const RunContext& ctx) { run(ctx, job); };
  return {};
}

}  // namespace

extern const OpKind kNonMaxSuppression;
const OpKind kNonMaxSuppression = {.type = schema::Op::NonMaxSuppression,
                                   .names = names,
                                   .min_inputs = 2,
                                   .max_inputs = 5,
                                   .check = check,
                                   .infer = infer,
                                   .prepare = prepare,
                                   .dtype = always<DType::kS64>,
                                   .sizes_from_data = true};

}  // namespace octet
