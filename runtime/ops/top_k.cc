// The largest or smallest elements along an axis, and where they stood.
#include "runtime/ops/common.h"

namespace octet {
namespace {

std::span<const std::string_view> names(const NodeDef&) {
  static constexpr std::string_view kNames[] = {"top_k", "TopK", "top_k_v2"};
  return kNames;
}

Result<void> check(const NodeDef& n, const ModelData& m) {
  OCTET_TRY(check_type(n, m, 0, {DType::kF32, DType::kS64, DType::kS32}));
  OCTET_TRY(check_type(n, m, 1, {DType::kS64}));
  const int64_t count = m.input(n, 1).shape.elements();
  if (count >= 0 && count != 1) return bad_node(n, "k must be one number, has the shape " + m.input(n, 1).shape.text());
  return {};
}

Result<void> infer(Inference& inf) {
  Shape out = inf.shape(0);
  const int axis = axis_of(inf.node.attributes<schema::TopK>().axis(), out.rank());
  if (axis < 0) return inf.error("the axis is outside " + out.text());
  const auto k = inf.known_s64(1);
  if (!k) return k.error();
  if (k->size() != 1) return inf.error("k must be one number, is " + text_of(*k));
  const int64_t count = (*k)[0];
  if (count != kUnknown && (count < 0 || (out[axis] >= 0 && count > out[axis]) || !may_fit_int(out[axis])))
    return inf.error("cannot pick " + text_of(count) + " along axis " + text_of(axis) + " of " + out.text());
  out[axis] = count == kUnknown ? -1 : count;
  inf.out(0, out);
  inf.out(1, out);
  return {};
}

struct Job {
  int64_t columns, size, inner, k;  // columns: before and after the axis together
  bool largest;
  int in, values, indices;
};

// NaN stands behind all numbers, so that the order is one.
template <class T>
bool before(T a, T b, bool largest) {
  if (a != a || b != b) return b != b && a == a;
  return largest ? a > b : a < b;
}

template <class T>
void run(const RunContext& ctx, const Job& job) {
  parallel_rows(ctx.threads, job.columns, grain_of(job.size), [&](int64_t begin, int64_t end) {
    for (int64_t c = begin; c < end; ++c) {
      const int64_t outer = c / job.inner, at = c % job.inner;
      const T* x = ctx.data<T>(job.in) + outer * job.size * job.inner + at;
      auto* order = reinterpret_cast<int32_t*>(ctx.scratch) + c * job.size;
      for (int64_t i = 0; i < job.size; ++i) order[i] = static_cast<int32_t>(i);
      std::partial_sort(order, order + job.k, order + job.size, [&](int32_t a, int32_t b) {
        const T l = x[a * job.inner], r = x[b * job.inner];
        return before(l, r, job.largest) || (!before(r, l, job.largest) && a < b);
      });
      const int64_t to = outer * job.k * job.inner + at;
      for (int64_t i = 0; i < job.k; ++i) {
        ctx.data<T>(job.values)[to + i * job.inner] = x[order[i] * job.inner];
        ctx.data<int64_t>(job.indices)[to + i * job.inner] = order[i];
      }
    }
  });
}

Result<void> prepare(Prepare& p) {
  const auto& a = p.node->attributes<schema::TopK>();
  const Shape& in = p.in(0).shape;
  const int axis = axis_of(a.axis(), in.rank());
  Job job{1, in[axis], 1, p.out().shape[axis], a.largest(), p.in(0).id, p.out(0).id, p.out(1).id};
  for (int d = 0; d < axis; ++d) job.columns *= in[d];
  for (int d = axis + 1; d < in.rank(); ++d) job.inner *= in[d];
  job.columns *= job.inner;
  p.step.scratch_bytes = static_cast<size_t>(job.columns * job.size) * sizeof(int32_t);
  p.step.kernel = "top_k";
  const auto run_typed = p.in(0).dtype == DType::kF32   ? run<float>
                         : p.in(0).dtype == DType::kS64 ? run<int64_t>
                                                        : run<int32_t>;
  p.step.run = [=](const RunContext& ctx) { run_typed(ctx, job); };
  return {};
}

DType dtype(const NodeDef& n, int output) { return output == 0 ? n.model->input(n, 0).dtype : DType::kS64; }

}  // namespace

extern const OpKind kTopK;
const OpKind kTopK = {.type = schema::Op::TopK,
                      .names = names,
                      .min_inputs = 2,
                      .max_inputs = 2,
                      .check = check,
                      .infer = infer,
                      .prepare = prepare,
                      .dtype = dtype,
                      .picks = true,
                      .outputs = 2};

}  // namespace octet
