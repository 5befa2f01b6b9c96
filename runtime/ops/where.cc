// Elements of one tensor or of another, as a third says.
#include "runtime/ops/common.h"
#include "runtime/ops/move.h"

namespace octet {
namespace {

std::span<const std::string_view> names(const NodeDef&) {
  static constexpr std::string_view kNames[] = {"where", "Where"};
  return kNames;
}

Result<void> check(const NodeDef& n, const ModelData& m) {
  OCTET_TRY(check_type(n, m, 0, {DType::kBool}));
  OCTET_TRY(check_type(n, m, 1, {DType::kF32, DType::kS64, DType::kS32, DType::kBool}));
  if (m.input(n, 1).dtype != m.input(n, 2).dtype) return bad_node(n, "operands of different types");
  return {};
}

DType dtype(const NodeDef& n, int) { return n.model->input(n, 1).dtype; }

Result<void> infer(Inference& inf) {
  const auto values = broadcast(inf.shape(1), inf.shape(2));
  const auto out = values ? broadcast(inf.shape(0), *values) : std::nullopt;
  if (!out)
    return inf.error("cannot broadcast " + inf.shape(0).text() + ", " + inf.shape(1).text() + " and " +
                     inf.shape(2).text());
  inf.out(0, *out);
  return {};
}

using Steps = std::array<int64_t, kMaxRank>;  // in elements along each dim of the output; 0: the operand repeats

Steps steps_of(const Value& operand, const Shape& out) {
  const Steps strides = strides_of(operand.shape, operand.pitch);
  Steps steps{};
  const int missing = out.rank() - operand.shape.rank();
  for (int d = missing; d < out.rank(); ++d)
    if (operand.shape[d - missing] != 1) steps[static_cast<size_t>(d)] = strides[static_cast<size_t>(d - missing)];
  return steps;
}

struct Job {
  Shape shape;
  std::array<Steps, 3> steps;
  std::array<int, 4> values;  // ids: condition, x, y, output
};

template <class T>
void run(const RunContext& ctx, const Job& job) {
  const uint8_t* condition = ctx.data<uint8_t>(job.values[0]);
  const T *x = ctx.data<T>(job.values[1]), *y = ctx.data<T>(job.values[2]);
  T* out = ctx.data<T>(job.values[3]);
  parallel_rows(ctx.threads, job.shape.elements(), 16384, [&](int64_t begin, int64_t end) {
    const int rank = job.shape.rank();
    const auto last = static_cast<size_t>(rank > 0 ? rank - 1 : 0);
    const int64_t row = rank > 0 ? job.shape[rank - 1] : 1;
    const int64_t steps[3] = {job.steps[0][last], job.steps[1][last], job.steps[2][last]};
    for (int64_t i = begin; i < end;) {  // along a row each operand goes on by a step
      int64_t at[3] = {}, rest = i;
      for (int d = rank; d-- > 0; rest /= job.shape[d])
        for (size_t k = 0; k < 3; ++k) at[k] += rest % job.shape[d] * job.steps[k][static_cast<size_t>(d)];
      const int64_t stop = std::min(end, i + row - i % row);
      for (; i < stop; ++i) {
        out[i] = condition[at[0]] ? x[at[1]] : y[at[2]];
        for (size_t k = 0; k < 3; ++k) at[k] += steps[k];
      }
    }
  });
}

Result<void> prepare(Prepare& p) {
  if (nothing_to_do(p)) return {};
  Job job{p.out().shape, {}, {p.in(0).id, p.in(1).id, p.in(2).id, p.out().id}};
  for (int k = 0; k < 3; ++k) job.steps[static_cast<size_t>(k)] = steps_of(p.in(k), job.shape);
  const size_t element = size_of(p.out().dtype);
  const auto typed = element == 8 ? run<int64_t> : element == 4 ? run<int32_t> : run<uint8_t>;
  p.step.run = [typed, job = std::make_shared<const Job>(job)](const RunContext& ctx) { typed(ctx, *job); };
  p.step.kernel = "where";
  return {};
}

}  // namespace

extern const OpKind kWhere;
const OpKind kWhere = {.type = schema::Op::Where,
                       .names = names,
                       .min_inputs = 3,
                       .max_inputs = 3,
                       .check = check,
                       .infer = infer,
                       .prepare = prepare,
                       .dtype = dtype};

}  // namespace octet
