// Paddle's matrix_nms: overlapping boxes lose score, as much as their neighbours' own overlaps leave (X. Wang et al., "SOLOv2",
// 2020).
#include "runtime/ops/overlap.h"

namespace octet {
namespace {

std::span<const std::string_view> names(const NodeDef&) {
  static constexpr std::string_view kNames[] = {"matrix_nms"};
  return kNames;
}

Result<void> check(const NodeDef& n, const ModelData& m) {
  for (int i : {0, 1}) OCTET_TRY(check_type(n, m, i, {DType::kF32}));
  return {};
}

int64_t most_of_class(const schema::MatrixNms& a, int64_t boxes) {
  return a.top_k() < 0 ? boxes : std::min<int64_t>(boxes, a.top_k());
}

Result<void> infer(Inference& inf) {
  const auto& a = inf.node.attributes<schema::MatrixNms>();
  const auto of = box_operands(inf);
  if (!of) return of.error();
  return infer_kept(inf, *of, a.top_k(), a.keep_top_k());
}

struct Job {
  BoxOperands of;
  int64_t most, background, top_k, keep_top_k;
  float score_threshold, post_threshold, sigma, one;
  bool gaussian;
  KeptValues values;
};

// `worst` holds for each candidate its largest overlap with a better one.
int64_t decay(const Job& job, const float* boxes, const float* scores, int32_t type, const int32_t* order,
              int64_t count, float* worst, Kept* kept) {
  Kept* end = kept;
  for (int64_t i = 0; i < count; ++i) {
    float least = 1, most = 0;
    for (int64_t j = 0; j < i; ++j) {
      const float iou = paddle_iou(boxes + 4 * int64_t{order[i]}, boxes + 4 * int64_t{order[j]}, job.one);
      const float factor =
          job.gaussian ? std::exp((worst[j] * worst[j] - iou * iou) * job.sigma) : (1 - iou) / (1 - worst[j]);
      least = std::min(least, factor);
      most = std::max(most, iou);
    }
    worst[i] = most;
    const float score = least * scores[order[i]];
    if (score > job.post_threshold) *end++ = {score, type, order[i]};
  }
  return end - kept;
}

struct Room {  // of one image
  Kept* kept;
  int32_t* order;
  float* worst;
};

int64_t select(const Job& job, const float* boxes, const float* scores, const Room& room) {
  int64_t count = 0;
  for (int64_t c = 0; c < job.of.classes; ++c) {
    if (c == job.background) continue;
    const float* s = scores + c * job.of.boxes;
    const int64_t found = candidates(s, job.of.boxes, job.score_threshold, job.top_k, room.order);
    count += decay(job, boxes, s, static_cast<int32_t>(c), room.order, found, room.worst, room.kept + count);
  }
  const int64_t most = job.keep_top_k < 0 ? count : std::min(count, job.keep_top_k);
  std::partial_sort(room.kept, room.kept + most, room.kept + count, better);
  return most;
}

void run(const RunContext& ctx, const Job& job) {
  const int64_t room = job.of.classes * job.most;
  auto* kept = reinterpret_cast<Kept*>(ctx.scratch);
  auto* orders = reinterpret_cast<int32_t*>(kept + job.of.images * room);
  auto* worst = reinterpret_cast<float*>(orders + job.of.images * job.of.boxes);
  int32_t* counts = ctx.data<int32_t>(job.values.counts);
  parallel_rows(ctx.threads, job.of.images, 1, [&](int64_t begin, int64_t end) {
    for (int64_t n = begin; n < end; ++n)
      counts[n] = static_cast<int32_t>(select(job, ctx.data<float>(job.values.boxes) + n * job.of.boxes * 4,
                                              ctx.data<float>(job.values.scores) + n * job.of.classes * job.of.boxes,
                                              {kept + n * room, orders + n * job.of.boxes, worst + n * job.of.boxes}));
  });
  write_kept(ctx, job.of, job.values, kept, room);
}

Result<void> prepare(Prepare& p) {
  const auto& a = p.node->attributes<schema::MatrixNms>();
  const Shape &boxes = p.in(0).shape, &scores = p.in(1).shape;
  Job job{.of = {boxes[0], boxes[1], scores[1]},
          .most = most_of_class(a, boxes[1]),
          .background = a.background(),
          .top_k = a.top_k(),
          .keep_top_k = a.keep_top_k(),
          .score_threshold = a.score_threshold(),
          .post_threshold = a.post_threshold(),
          .sigma = a.sigma(),
          .one = a.normalized() ? 0.0f : 1.0f,
          .gaussian = a.gaussian(),
          .values = {p.in(0).id, p.in(1).id, p.out(0).id, p.out(1).id, p.out(2).id}};
  p.step.scratch_bytes = static_cast<size_t>(job.of.images * job.of.classes * job.most) * sizeof(Kept) +
                         static_cast<size_t>(job.of.images * job.of.boxes) * (sizeof(int32_t) + sizeof(float));
  p.step.kernel = "matrix_nms";
  p.step.run = [job](const RunContext& ctx) { run(ctx, job); };
  return {};
}

}  // namespace

extern const OpKind kMatrixNms;
const OpKind kMatrixNms = {.type = schema::Op::MatrixNms,
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
