// Paddle's multiclass_nms, multiclass_nms2 and multiclass_nms3: greedy suppression by class, then the best of all classes.
#include "runtime/ops/overlap.h"

namespace octet {
namespace {

std::span<const std::string_view> names(const NodeDef&) {
  static constexpr std::string_view kNames[] = {"multiclass_nms", "multiclass_nms2", "multiclass_nms3"};
  return kNames;
}

Result<void> check(const NodeDef& n, const ModelData& m) {
  for (int i : {0, 1}) OCTET_TRY(check_type(n, m, i, {DType::kF32}));
  return {};
}

// At most so many boxes of a class can be kept.
int64_t most_of_class(const schema::MulticlassNms& a, int64_t boxes) {
  return a.top_k() < 0 ? boxes : std::min<int64_t>(boxes, a.top_k());
}

Result<void> infer(Inference& inf) {
  const auto& a = inf.node.attributes<schema::MulticlassNms>();
  const auto of = box_operands(inf);
  if (!of) return of.error();
  OCTET_TRY(infer_kept(inf, *of, a.top_k(), a.keep_top_k()));
  const Shape& rows = inf.values[static_cast<size_t>(inf.node.outputs[0])].shape;
  if (a.empty_row()) inf.out(0, inf.partial ? Shape{-1, -1} : Shape{std::max<int64_t>(rows[0], 1), 6});
  return {};
}

struct Job {
  BoxOperands of;
  int64_t most, background, top_k, keep_top_k;
  float score_threshold, iou_threshold, eta, one;
  bool empty_row;
  KeptValues values;
};

// Moves what is kept of `count` candidates to the front.
int64_t suppress(const Job& job, const float* boxes, int32_t* order, int64_t count) {
  float threshold = job.iou_threshold;
  int64_t kept = 0;
  for (int64_t i = 0; i < count; ++i) {
    const float* box = boxes + 4 * int64_t{order[i]};
    const bool free = std::all_of(
        order, order + kept, [&](int32_t k) { return paddle_iou(box, boxes + 4 * int64_t{k}, job.one) <= threshold; });
    if (!free) continue;
    order[kept++] = order[i];
    if (job.eta < 1 && threshold > 0.5f) threshold *= job.eta;
  }
  return kept;
}

// The boxes of one image, by class and falling score.
int64_t select(const Job& job, const float* boxes, const float* scores, int32_t* order, Kept* kept) {
  int64_t count = 0;
  for (int64_t c = 0; c < job.of.classes; ++c) {
    if (c == job.background) continue;
    const float* s = scores + c * job.of.boxes;
    const int64_t found = candidates(s, job.of.boxes, job.score_threshold, job.top_k, order);
    const int64_t free = suppress(job, boxes, order, found);
    for (int64_t i = 0; i < free; ++i) kept[count++] = {s[order[i]], static_cast<int32_t>(c), order[i]};
  }
  if (job.keep_top_k < 0 || count <= job.keep_top_k) return count;
  // The best of all; then back into the order by class.
  std::partial_sort(kept, kept + job.keep_top_k, kept + count, better);
  std::sort(kept, kept + job.keep_top_k,
            [](const Kept& a, const Kept& b) { return a.type != b.type ? a.type < b.type : better(a, b); });
  return job.keep_top_k;
}

void run(const RunContext& ctx, const Job& job) {
  const int64_t room = job.of.classes * job.most;
  auto* kept = reinterpret_cast<Kept*>(ctx.scratch);
  auto* orders = reinterpret_cast<int32_t*>(kept + job.of.images * room);
  int32_t* counts = ctx.data<int32_t>(job.values.counts);
  parallel_rows(ctx.threads, job.of.images, 1, [&](int64_t begin, int64_t end) {
    for (int64_t n = begin; n < end; ++n)
      counts[n] = static_cast<int32_t>(select(job, ctx.data<float>(job.values.boxes) + n * job.of.boxes * 4,
                                              ctx.data<float>(job.values.scores) + n * job.of.classes * job.of.boxes,
                                              orders + n * job.of.boxes, kept + n * room));
  });
  const int64_t rows = write_kept(ctx, job.of, job.values, kept, room);
  if (rows > 0 || !job.empty_row) return;
  *ctx.data<float>(job.values.rows) = -1;
  ctx.shapes[job.values.rows] = {1, 1};
}

Result<void> prepare(Prepare& p) {
  const auto& a = p.node->attributes<schema::MulticlassNms>();
  const Shape &boxes = p.in(0).shape, &scores = p.in(1).shape;
  Job job{.of = {boxes[0], boxes[1], scores[1]},
          .most = most_of_class(a, boxes[1]),
          .background = a.background(),
          .top_k = a.top_k(),
          .keep_top_k = a.keep_top_k(),
          .score_threshold = a.score_threshold(),
          .iou_threshold = a.iou_threshold(),
          .eta = a.eta(),
          .one = a.normalized() ? 0.0f : 1.0f,
          .empty_row = a.empty_row(),
          .values = {p.in(0).id, p.in(1).id, p.out(0).id, p.out(1).id, p.out(2).id}};
  p.step.scratch_bytes = static_cast<size_t>(job.of.images * job.of.classes * job.most) * sizeof(Kept) +
                         static_cast<size_t>(job.of.images * job.of.boxes) * sizeof(int32_t);
  p.step.kernel = "multiclass_nms";
  p.step.run = [job](const RunContext& ctx) { run(ctx, job); };
  return {};
}

}  // namespace

extern const OpKind kMulticlassNms;
const OpKind kMulticlassNms = {.type = schema::Op::MulticlassNms,
                               .names = names,
                               .min_inputs = 2,
                               .max_inputs = 2,
                               .check = check,
                               .infer = infer,
                               .prepare = prepare,
                               .dtype = kept_type,
                               .outputs = 3,
                               .sizes_from_data = true};

}  // namespace octet
