// Where a tensor is not zero.
#include "runtime/ops/common.h"

namespace octet {
namespace {

std::span<const std::string_view> names(const NodeDef&) {
  static constexpr std::string_view kNames[] = {"non_zero", "NonZero", "where_index"};
  return kNames;
}

Result<void> check(const NodeDef& n, const ModelData& m) {
  return check_type(n, m, 0, {DType::kF32, DType::kS64, DType::kS32, DType::kBool});
}

Result<void> infer(Inference& inf) {
  const Shape& in = inf.shape(0);
  inf.out(0, {in.rank(), inf.partial ? -1 : in.elements()});
  return {};
}

template <class T>
void run(const RunContext& ctx, int in, int out, const Shape& shape) {
  const T* x = ctx.data<T>(in);
  const int64_t all = shape.elements();
  const int64_t found = std::count_if(x, x + all, [](T v) { return v != 0; });
  int64_t* to = ctx.data<int64_t>(out);
  for (int64_t i = 0; i < all; ++i) {
    if (x[i] == 0) continue;
    int64_t rest = i;
    for (int d = shape.rank(); d-- > 0; rest /= shape[d]) to[d * found] = rest % shape[d];
    ++to;
  }
  ctx.shapes[out][1] = found;
}

Result<void> prepare(Prepare& p) {
  const DType type = p.in(0).dtype;
  const auto typed = type == DType::kF32   ? run<float>
                     : type == DType::kS64 ? run<int64_t>
                     : type == DType::kS32 ? run<int32_t>
                                           : run<uint8_t>;
  p.step.run = [typed, in = p.in(0).id, out = p.out().id, shape = p.in(0).shape](const RunContext& ctx) {
    typed(ctx, in, out, shape);
  };
  p.step.kernel = "non_zero";
  return {};
}

}  // namespace

extern const OpKind kNonZero;
const OpKind kNonZero = {.type = schema::Op::NonZero,
                         .names = names,
                         .min_inputs = 1,
                         .max_inputs = 1,
                         .check = check,
                         .infer = infer,
                         .prepare = prepare,
                         .dtype = always<DType::kS64>,
                         .sizes_from_data = true};

}  // namespace octet
