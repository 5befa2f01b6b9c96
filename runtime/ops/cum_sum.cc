// Running sums along an axis, with ONNX' meaning.
#include <type_traits>

#include "runtime/ops/common.h"

namespace octet {
namespace {

std::span<const std::string_view> names(const NodeDef&) {
  static constexpr std::string_view kNames[] = {"cum_sum", "CumSum", "cumsum"};
  return kNames;
}

Result<void> check(const NodeDef& n, const ModelData& m) {
  return check_type(n, m, 0, {DType::kF32, DType::kS64, DType::kS32});
}

Result<void> infer(Inference& inf) {
  const Shape& x = inf.shape(0);
  const int axis = inf.node.attributes<schema::CumSum>().axis();
  if (axis_of(axis, x.rank()) < 0) return inf.error("axis " + text_of(axis) + " of " + x.text());
  inf.out(0, x);
  return {};
}

struct Sums {
  int64_t outer = 1, count = 1, inner = 1;  // the axis has `count` elements, `inner` apart
  bool exclusive = false, reverse = false;
};

// Whole numbers wrap around.
template <class T>
T plus(T a, T b) {
  if constexpr (std::is_floating_point_v<T>)
    return a + b;
  else
    return static_cast<T>(static_cast<std::make_unsigned_t<T>>(a) + static_cast<std::make_unsigned_t<T>>(b));
}

template <class T>
void sum_up(const Sums& s, const T* x, T* y) {
  const int64_t step = s.reverse ? -s.inner : s.inner;
  if (s.reverse) x += (s.count - 1) * s.inner, y += (s.count - 1) * s.inner;
  for (int64_t i = 0; i < s.inner; ++i) y[i] = s.exclusive ? T{0} : x[i];
  for (int64_t k = 1; k < s.count; ++k, x += step, y += step) {
    const T* term = s.exclusive ? x : x + step;
    for (int64_t i = 0; i < s.inner; ++i) y[step + i] = plus(y[i], term[i]);
  }
}

template <class T>
void prepare_sums(Prepare& p, const Sums& s) {
  p.step.kernel = "cumulative sum";
  p.step.run = [s, in = p.in(0).id, out = p.out().id](const RunContext& ctx) {
    const int64_t size = s.count * s.inner;
    parallel_rows(ctx.threads, s.outer, grain_of(size), [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) sum_up(s, ctx.data<const T>(in) + i * size, ctx.data<T>(out) + i * size);
    });
  };
}

Result<void> prepare(Prepare& p) {
  if (nothing_to_do(p)) return {};
  const auto& a = p.node->attributes<schema::CumSum>();
  const Shape& x = p.in(0).shape;
  const int axis = axis_of(a.axis(), x.rank());
  Sums s{.count = x[axis], .exclusive = a.exclusive(), .reverse = a.reverse()};
  for (int d = 0; d < x.rank(); ++d) {
    if (d < axis) s.outer *= x[d];
    if (d > axis) s.inner *= x[d];
  }
  if (p.in(0).dtype == DType::kF32)
    prepare_sums<float>(p, s);
  else if (p.in(0).dtype == DType::kS64)
    prepare_sums<int64_t>(p, s);
  else
    prepare_sums<int32_t>(p, s);
  return {};
}

}  // namespace

extern const OpKind kCumSum;
const OpKind kCumSum = {.type = schema::Op::CumSum,
                        .names = names,
                        .min_inputs = 1,
                        .max_inputs = 1,
                        .check = check,
                        .infer = infer,
                        .prepare = prepare};

}  // namespace octet
