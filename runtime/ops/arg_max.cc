// The index of the largest element along an axis; the first of equals.
#include "runtime/ops/common.h"

namespace octet {
namespace {

std::span<const std::string_view> names(const NodeDef&) {
  static constexpr std::string_view kNames[] = {"argmax", "ArgMax", "arg_max"};
  return kNames;
}

Result<void> check(const NodeDef& n, const ModelData& m) {
  OCTET_TRY(check_type(n, m, 0, {DType::kF32}));
  const Shape& in = m.input(n, 0).shape;
  if (axis_of(n.attributes<schema::ArgMax>().axis(), in.rank()) < 0)
    return bad_node(n, "the axis is outside " + in.text());
  return {};
}

Result<void> infer(Inference& inf) {
  const auto& a = inf.node.attributes<schema::ArgMax>();
  const Shape& in = inf.shape(0);
  const int axis = axis_of(a.axis(), in.rank());
  if (axis < 0 || in[axis] == 0 || !may_fit_int(in[axis]))
    return inf.error("no largest element on axis " + text_of(a.axis()) + " of " + in.text());
  Shape out;
  for (int d = 0; d < in.rank(); ++d) {
    if (d != axis)
      out.push_back(in[d]);
    else if (a.keep_dims())
      out.push_back(1);
  }
  inf.out(0, out);
  return {};
}

// With one scale for all channels the largest stored value is the largest real one.
Int8Rule int8(const NodeDef& n, const ModelData& m) {
  const int rank = m.input(n, 0).shape.rank(), axis = axis_of(n.attributes<schema::ArgMax>().axis(), rank);
  return {.kind = Int8Rule::Kind::kOwn, .one_scale_in = axis == rank - 1, .given_only = true};
}

constexpr int64_t kBlock = 256;

// `count` neighbouring columns of `size` elements, each `inner` apart.
template <class T>
void columns(const T* in, int64_t* out, int64_t size, int64_t inner, int64_t count) {
  T top[kBlock];
  std::copy(in, in + count, top);
  std::fill(out, out + count, 0);
  for (int64_t i = 1; i < size; ++i)
    for (int64_t c = 0; c < count; ++c)
      if (in[i * inner + c] > top[c]) top[c] = in[i * inner + c], out[c] = i;
}

template <class T>
void prepare_columns(Prepare& p, int64_t outer, int64_t size, int64_t inner) {
  p.step.kernel = "argmax";
  p.step.run = [=, in = p.in(0).id, to = p.out().id](const RunContext& ctx) {
    const int64_t blocks = (inner + kBlock - 1) / kBlock;
    parallel_rows(ctx.threads, outer * blocks, 1, [&](int64_t begin, int64_t end) {
      for (int64_t b = begin; b < end; ++b) {
        const int64_t o = b / blocks, first = b % blocks * kBlock;
        columns(ctx.data<T>(in) + o * size * inner + first, ctx.data<int64_t>(to) + o * inner + first, size, inner,
                std::min(kBlock, inner - first));
      }
    });
  };
}

OnRows on_rows(const NodeDef& n, const Value& in) {
  const int rank = in.shape.rank();
  return axis_of(n.attributes<schema::ArgMax>().axis(), rank) == rank - 1 ? OnRows::kStores : OnRows::kNo;
}

template <class T>
using ArgMaxOfRows = void (*)(const T* in, int64_t in_pitch, int64_t rows, int channels, int64_t* out);

template <class T>
void take_rows(Prepare& p, ArgMaxOfRows<T> argmax) {
  *p.rows = [=, size = static_cast<int>(p.in(0).channels()), to = p.out().id](const RunContext& ctx, std::byte* rows,
                                                                              int64_t first, int64_t count) {
    argmax(reinterpret_cast<const T*>(rows), size, count, size, ctx.data<int64_t>(to) + first);
  };
}

Result<void> prepare(Prepare& p) {
  if (nothing_to_do(p)) return {};
  const Value& in = p.in(0);
  if (p.rows) {
    p.step.kernel = "argmax";
    return p.int8() ? take_rows(p, p.isa.argmax_u8) : take_rows(p, p.isa.argmax_f32), Result<void>();
  }
  const int axis = axis_of(p.node->attributes<schema::ArgMax>().axis(), in.shape.rank());
  int64_t outer = 1, inner = 1;
  for (int d = 0; d < axis; ++d) outer *= in.shape[d];
  for (int d = axis + 1; d < in.shape.rank(); ++d) inner *= in.shape[d];
  if (inner > 1 && p.int8()) return prepare_columns<uint8_t>(p, outer, in.shape[axis], inner), Result<void>();
  if (inner > 1) return prepare_columns<float>(p, outer, in.shape[axis], inner), Result<void>();
  p.step.kernel = std::string(p.int8() ? "argmax int8 " : "argmax f32 ") + p.isa.name;
  p.step.run = [=, int8 = p.int8(), size = static_cast<int>(in.shape[axis]), isa = &p.isa, from = in.id,
                to = p.out().id](const RunContext& ctx) {
    parallel_rows(ctx.threads, outer, grain_of(size), [&](int64_t begin, int64_t end) {
      int64_t* out = ctx.data<int64_t>(to) + begin;
      if (int8)
        isa->argmax_u8(ctx.data<uint8_t>(from) + begin * size, size, end - begin, size, out);
      else
        isa->argmax_f32(ctx.data<float>(from) + begin * size, size, end - begin, size, out);
    });
  };
  return {};
}

}  // namespace

extern const OpKind kArgMax;
const OpKind kArgMax = {.type = schema::Op::ArgMax,
                        .names = names,
                        .min_inputs = 1,
                        .max_inputs = 1,
                        .check = check,
                        .infer = infer,
                        .prepare = prepare,
                        .int8 = int8,
                        .on_rows = on_rows,
                        .dtype = always<DType::kS64>};

}  // namespace octet
