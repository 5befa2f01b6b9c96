// Softmax along any axis, in float.
#include "runtime/ops/common.h"

namespace octet {
namespace {

std::span<const std::string_view> names(const NodeDef&) {
  static constexpr std::string_view kNames[] = {"softmax", "Softmax"};
  return kNames;
}

Result<void> check(const NodeDef& n, const ModelData& m) {
  OCTET_TRY(check_type(n, m, 0, {DType::kF32}));
  const Shape& in = m.input(n, 0).shape;
  if (axis_of(n.attributes<schema::Softmax>().axis(), in.rank()) < 0)
    return bad_node(n, "the axis is outside " + in.text());
  return {};
}

Result<void> infer(Inference& inf) {
  if (axis_of(inf.node.attributes<schema::Softmax>().axis(), inf.shape(0).rank()) < 0)
    return inf.error("the axis is outside " + inf.shape(0).text());
  inf.out(0, inf.shape(0));
  return {};
}

constexpr int64_t kBlock = 256;  // neighbours whose columns are done together

// `count` neighbouring columns of `size` elements, each `inner` apart.
void columns(const kernels::Isa& isa, const float* in, float* out, int64_t size, int64_t inner, int64_t count) {
  float top[kBlock], sum[kBlock];
  std::copy(in, in + count, top);
  for (int64_t i = 1; i < size; ++i)
    for (int64_t c = 0; c < count; ++c) top[c] = std::max(top[c], in[i * inner + c]);
  std::fill(sum, sum + count, 0.0f);
  for (int64_t i = 0; i < size; ++i) {
    float* y = out + i * inner;
    for (int64_t c = 0; c < count; ++c) y[c] = in[i * inner + c] - top[c];
    isa.unary_f32(kernels::UnaryF32::kExp, {}, y, y, count);
    for (int64_t c = 0; c < count; ++c) sum[c] += y[c];
  }
  for (int64_t c = 0; c < count; ++c) sum[c] = 1.0f / sum[c];
  for (int64_t i = 0; i < size; ++i)
    for (int64_t c = 0; c < count; ++c) out[i * inner + c] *= sum[c];
}

OnRows on_rows(const NodeDef& n, const Value& in) {
  const int rank = in.shape.rank();
  return axis_of(n.attributes<schema::Softmax>().axis(), rank) == rank - 1 ? OnRows::kReplaces : OnRows::kNo;
}

Result<void> prepare(Prepare& p) {
  if (nothing_to_do(p)) return {};
  const Shape& shape = p.in(0).shape;
  const int axis = axis_of(p.node->attributes<schema::Softmax>().axis(), shape.rank());
  if (p.rows) {
    p.step.kernel = "softmax";
    return take_rows(p, [softmax = p.isa.softmax_f32](const float* in, float* out, int64_t rows,
                                                      int64_t channels) { softmax(in, out, rows, channels); }),
           Result<void>();
  }
  int64_t outer = 1, inner = 1;
  for (int d = 0; d < axis; ++d) outer *= shape[d];
  for (int d = axis + 1; d < shape.rank(); ++d) inner *= shape[d];
  p.step.kernel = std::string("softmax f32 ") + p.isa.name;
  p.step.run = [=, size = shape[axis], isa = &p.isa, from = p.in(0).id, to = p.out().id](const RunContext& ctx) {
    const float* in = ctx.data<float>(from);
    float* out = ctx.data<float>(to);
    if (inner == 1)
      return parallel_rows(ctx.threads, outer, grain_of(size * 4), [&](int64_t begin, int64_t end) {
        isa->softmax_f32(in + begin * size, out + begin * size, end - begin, size);
      });
    const int64_t blocks = (inner + kBlock - 1) / kBlock;
    parallel_rows(ctx.threads, outer * blocks, 1, [&](int64_t begin, int64_t end) {
      for (int64_t b = begin; b < end; ++b) {
        const int64_t first = b % blocks * kBlock, at = b / blocks * size * inner + first;
        columns(*isa, in + at, out + at, size, inner, std::min(kBlock, inner - first));
      }
    });
  };
  return {};
}

}  // namespace

extern const OpKind kSoftmax;
const OpKind kSoftmax = {.type = schema::Op::Softmax,
                         .names = names,
                         .min_inputs = 1,
                         .max_inputs = 1,
                         .check = check,
                         .infer = infer,
                         .prepare = prepare,
                         .on_rows = on_rows,
                         .weighs = true};

}  // namespace octet
