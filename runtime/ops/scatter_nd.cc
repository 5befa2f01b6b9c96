// A tensor with slices replaced, each named by a tuple of indices, with ONNX' meaning.
#include "runtime/ops/picks.h"

namespace octet {
namespace {

std::span<const std::string_view> names(const NodeDef&) {
  static constexpr std::string_view kNames[] = {"scatter_nd", "ScatterND", "scatter_nd_add", "scatter"};
  return kNames;
}

Result<void> check(const NodeDef& n, const ModelData& m) {
  return check_scatter_types(n, m, n.attributes<schema::ScatterNd>().reduction());
}

Result<void> check_tuples(Inference& inf, const Shape& x, int k) {
  const auto* at = reinterpret_cast<const int64_t*>(inf.in(1).constant);
  const int64_t count = inf.shape(1).elements();
  for (int64_t i = 0; at && i < count; ++i) {
    const int64_t size = x[static_cast<int>(i % k)];
    if (size >= 0 && (at[i] < -size || at[i] >= size) && at[i] != kUnknown)
      return inf.error("index " + text_of(at[i]) + " on axis " + text_of(i % k) + " of " + x.text());
  }
  return {};
}

Result<void> infer(Inference& inf) {
  const Shape &x = inf.shape(0), &indices = inf.shape(1), &updates = inf.shape(2);
  const int64_t k = indices.rank() ? indices[-1] : -1;
  bool fits = k >= 1 && k <= x.rank() && updates.rank() == indices.rank() - 1 + x.rank() - static_cast<int>(k);
  for (int d = 0; fits && d < updates.rank(); ++d)
    fits = may_equal(updates[d], d < indices.rank() - 1 ? indices[d] : x[d - indices.rank() + 1 + static_cast<int>(k)]);
  if (!fits) return inf.error("updates " + updates.text() + " at indices " + indices.text() + " into " + x.text());
  inf.out(0, x);
  return check_tuples(inf, x, static_cast<int>(k));
}

struct Job {
  int64_t count, tuples, slice;  // elements of x, of a slice
  int k;
  std::array<int64_t, kMaxRank> size{}, step{};
  schema::ScatterReduction how;
  int x, indices, updates, out;  // value ids
};

// What a tuple outside of the tensor would update is left out.
template <class T>
void run(const RunContext& ctx, const Job& job) {
  T* out = ctx.data<T>(job.out);
  std::copy_n(ctx.data<T>(job.x), job.count, out);
  for (int64_t i = 0; i < job.tuples; ++i) {
    const int64_t* tuple = ctx.data<int64_t>(job.indices) + i * job.k;
    int64_t at = 0;
    bool inside = true;
    for (size_t d = 0; d < static_cast<size_t>(job.k); ++d) {
      const int64_t index = tuple[d] < 0 ? tuple[d] + job.size[d] : tuple[d];
      inside = inside && index >= 0 && index < job.size[d];
      if (inside) at += index * job.step[d];
    }
    const T* update = ctx.data<T>(job.updates) + i * job.slice;
    for (int64_t j = 0; inside && j < job.slice; ++j) out[at + j] = combine(job.how, out[at + j], update[j]);
  }
}

Result<void> prepare(Prepare& p) {
  if (nothing_to_do(p)) return {};
  const Shape &x = p.in(0).shape, &indices = p.in(1).shape;
  Job job{x.elements(),
          1,
          1,
          static_cast<int>(indices[-1]),
          {},
          {},
          p.node->attributes<schema::ScatterNd>().reduction(),
          p.in(0).id,
          p.in(1).id,
          p.in(2).id,
          p.out().id};
  for (int d = 0; d < indices.rank() - 1; ++d) job.tuples *= indices[d];
  for (int d = job.k; d < x.rank(); ++d) job.slice *= x[d];
  int64_t step = job.slice;
  for (int d = job.k; d-- > 0; step *= x[d]) {
    job.size[static_cast<size_t>(d)] = x[d];
    job.step[static_cast<size_t>(d)] = step;
  }
  with_type(p.in(0).dtype, [&]<class T>(T) {
    p.step.run = [job = std::make_shared<const Job>(job)](const RunContext& ctx) { run<T>(ctx, *job); };
  });
  p.step.kernel = "scatter_nd";
  return {};
}

}  // namespace

extern const OpKind kScatterNd;
const OpKind kScatterNd = {.type = schema::Op::ScatterNd,
                           .names = names,
                           .min_inputs = 3,
                           .max_inputs = 3,
                           .check = check,
                           .infer = infer,
                           .prepare = prepare};

}  // namespace octet
