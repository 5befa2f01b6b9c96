// Slices of a tensor picked by tuples of indices, with ONNX' meaning.
#include "runtime/ops/common.h"

namespace octet {
namespace {

std::span<const std::string_view> names(const NodeDef&) {
  static constexpr std::string_view kNames[] = {"gather_nd", "GatherND"};
  return kNames;
}

Result<void> check(const NodeDef& n, const ModelData& m) {
  OCTET_TRY(check_dense(n, m, 0));
  OCTET_TRY(check_type(n, m, 1, {DType::kS64}));
  const int batch = n.attributes<schema::GatherNd>().batch_dims();
  if (batch < 0 || batch >= kMaxRank) return bad_node(n, text_of(batch) + " batch dims");
  return {};
}

Result<void> infer(Inference& inf) {
  const Shape &x = inf.shape(0), &indices = inf.shape(1);
  const int batch = inf.node.attributes<schema::GatherNd>().batch_dims();
  const int64_t k = indices.rank() ? indices[-1] : 0;
  bool fits = indices.rank() > batch && x.rank() > batch && k >= 0 && k <= x.rank() - batch;
  for (int d = 0; fits && d < batch; ++d) fits = may_equal(x[d], indices[d]);
  const int left = x.rank() - batch - static_cast<int>(fits ? k : 0);
  if (!fits || indices.rank() - 1 + left > kMaxRank)
    return inf.error("indices " + indices.text() + " into " + x.text() + " with " + text_of(batch) + " batch dims");
  Shape out;
  for (int d = 0; d < indices.rank() - 1; ++d) out.push_back(d < batch ? std::max(x[d], indices[d]) : indices[d]);
  for (int d = x.rank() - left; d < x.rank(); ++d) out.push_back(x[d]);
  inf.out(0, out);
  for (int d = batch; d < batch + k; ++d)
    if (x[d] == 0 && out.elements() != 0) return inf.error("nothing to pick from " + x.text());
  return {};
}

struct Job {
  int64_t tuples = 1, tuples_of_batch = 1, batch_step = 1;  // steps in elements of x
  int k = 0;
  std::array<int64_t, kMaxRank> size{}, step{};
  size_t bytes = 0;  // of a slice
  int64_t slice = 1;
  int x = -1, indices = -1, out = -1;  // value ids
};

// Indices are brought inside: memory is never read elsewhere.
void run(const RunContext& ctx, const Job& job) {
  const size_t element = job.bytes / static_cast<size_t>(job.slice);
  for (int64_t i = 0; i < job.tuples; ++i) {
    const int64_t* tuple = ctx.data<int64_t>(job.indices) + i * job.k;
    int64_t at = i / job.tuples_of_batch * job.batch_step;
    for (int d = 0; d < job.k; ++d) {
      const int64_t size = job.size[static_cast<size_t>(d)], v = tuple[d];
      at += std::clamp<int64_t>(v < 0 ? v + size : v, 0, size - 1) * job.step[static_cast<size_t>(d)];
    }
    std::memcpy(ctx.data<std::byte>(job.out) + static_cast<size_t>(i) * job.bytes,
                ctx.data<std::byte>(job.x) + static_cast<size_t>(at) * element, job.bytes);
  }
}

Result<void> prepare(Prepare& p) {
  if (nothing_to_do(p)) return {};
  const Shape &x = p.in(0).shape, &indices = p.in(1).shape;
  const int batch = p.node->attributes<schema::GatherNd>().batch_dims();
  Job job;
  job.k = static_cast<int>(indices[-1]);
  for (int d = 0; d < indices.rank() - 1; ++d) {
    job.tuples *= indices[d];
    if (d >= batch) job.tuples_of_batch *= indices[d];
  }
  int64_t step = 1;
  for (int d = x.rank(); d-- > batch; step *= x[d]) {
    if (d == batch + job.k - 1) job.slice = step;
    if (d >= batch + job.k) continue;
    job.size[static_cast<size_t>(d - batch)] = x[d];
    job.step[static_cast<size_t>(d - batch)] = step;
  }
  job.batch_step = step;
  if (job.k == 0) job.slice = step;
  job.bytes = static_cast<size_t>(job.slice) * size_of(p.in(0).dtype);
  job.x = p.in(0).id, job.indices = p.in(1).id, job.out = p.out().id;
  p.step.run = [job = std::make_shared<const Job>(job)](const RunContext& ctx) { run(ctx, *job); };
  p.step.kernel = "gather_nd";
  return {};
}

}  // namespace

extern const OpKind kGatherNd;
const OpKind kGatherNd = {.type = schema::Op::GatherNd,
                          .names = names,
                          .min_inputs = 2,
                          .max_inputs = 2,
                          .check = check,
                          .infer = infer,
                          .prepare = prepare};

}  // namespace octet
