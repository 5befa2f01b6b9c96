// Boxes as offsets from prior boxes and back, with Paddle's arithmetic.
#include "runtime/ops/common.h"

namespace octet {
namespace {

std::span<const std::string_view> names(const NodeDef&) {
  static constexpr std::string_view kNames[] = {"box_coder"};
  return kNames;
}

Result<void> check(const NodeDef& n, const ModelData& m) {
  for (int i : {0, 1, 2})
    if (n.has_input(i)) OCTET_TRY(check_type(n, m, i, {DType::kF32}));
  if (!n.has_input(2)) return bad_node(n, "the target boxes are missing");
  const int axis = n.attributes<schema::BoxCoder>().axis();
  if (axis != 0 && axis != 1) return bad_node(n, "axis " + text_of(axis));
  return {};
}

Result<void> infer(Inference& inf) {
  const auto& a = inf.node.attributes<schema::BoxCoder>();
  const Shape &priors = inf.shape(0), &target = inf.shape(2);
  bool fits = priors.rank() == 2 && may_equal(priors[1], 4) && target.rank() == (a.encode() ? 2 : 3) &&
              may_equal(target[-1], 4);
  if (fits && !a.encode()) fits = may_equal(target[a.axis() == 0 ? 1 : 0], priors[0]);
  if (fits && inf.node.has_input(1) && !inf.partial) fits = inf.shape(1) == priors || inf.shape(1).elements() == 4;
  if (!fits)
    return inf.error("priors " + priors.text() + " and boxes " + target.text() + " do not go together" +
                     (inf.node.has_input(1) ? " with variances " + inf.shape(1).text() : ""));
  inf.out(0, a.encode() ? Shape{target[0], priors[0], 4} : target);
  return {};
}

struct Job {
  int64_t rows, columns;  // of the output
  bool encode, by_row;    // by_row: a prior for each row
  float one;              // what a box from 3 to 3 is wide
  int64_t variance_step;
  int priors, variances, target, out;  // value ids; variances: -1 where absent
};

struct Prior {
  float w, h, cx, cy;
};

void decode(const Prior& p, const float* v, const float* t, float one, float* out) {
  const float cx = v[0] * t[0] * p.w + p.cx, cy = v[1] * t[1] * p.h + p.cy;
  const float w = std::exp(v[2] * t[2]) * p.w, h = std::exp(v[3] * t[3]) * p.h;
  out[0] = cx - w / 2, out[1] = cy - h / 2, out[2] = cx + w / 2 - one, out[3] = cy + h / 2 - one;
}

void encode(const Prior& p, const float* v, const float* t, float one, float* out) {
  const float w = t[2] - t[0] + one, h = t[3] - t[1] + one;
  out[0] = ((t[2] + t[0]) / 2 - p.cx) / p.w / v[0];
  out[1] = ((t[3] + t[1]) / 2 - p.cy) / p.h / v[1];
  out[2] = std::log(std::fabs(w / p.w)) / v[2];
  out[3] = std::log(std::fabs(h / p.h)) / v[3];
}

void run(const RunContext& ctx, const Job& job) {
  constexpr float kNone[] = {1, 1, 1, 1};
  parallel_rows(ctx.threads, job.rows * job.columns, 1024, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t row = i / job.columns, which = job.by_row ? row : i % job.columns;
      const float* b = ctx.data<float>(job.priors) + 4 * which;
      const float w = b[2] - b[0] + job.one, h = b[3] - b[1] + job.one;
      const Prior prior{w, h, b[0] + w / 2, b[1] + h / 2};
      const float* v = job.variances < 0 ? kNone : ctx.data<float>(job.variances) + which * job.variance_step;
      const float* t = ctx.data<float>(job.target) + 4 * (job.encode ? row : i);
      (job.encode ? encode : decode)(prior, v, t, job.one, ctx.data<float>(job.out) + 4 * i);
    }
  });
}

Result<void> prepare(Prepare& p) {
  if (nothing_to_do(p)) return {};
  const auto& a = p.node->attributes<schema::BoxCoder>();
  const Shape& out = p.out().shape;
  const Job job{.rows = out[0],
                .columns = out[1],
                .encode = a.encode(),
                .by_row = !a.encode() && a.axis() == 1,
                .one = a.normalized() ? 0.0f : 1.0f,
                .variance_step = p.has_in(1) && p.in(1).shape == p.in(0).shape ? 4 : 0,
                .priors = p.in(0).id,
                .variances = p.has_in(1) ? p.in(1).id : -1,
                .target = p.in(2).id,
                .out = p.out().id};
  p.step.run = [job](const RunContext& ctx) { run(ctx, job); };
  p.step.kernel = "box_coder";
  return {};
}

}  // namespace

extern const OpKind kBoxCoder;
const OpKind kBoxCoder = {.type = schema::Op::BoxCoder,
                          .names = names,
                          .min_inputs = 1,
                          .max_inputs = 3,
                          .check = check,
                          .infer = infer,
                          .prepare = prepare};

}  // namespace octet
