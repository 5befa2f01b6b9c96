// Slices of a tensor along an axis, picked by indices.
#include "runtime/ops/common.h"

namespace octet {
namespace {

std::span<const std::string_view> names(const NodeDef&) {
  static constexpr std::string_view kNames[] = {"gather", "Gather"};
  return kNames;
}

Result<void> check(const NodeDef& n, const ModelData& m) {
  OCTET_TRY(check_dense(n, m, 0));
  OCTET_TRY(check_type(n, m, 1, {DType::kS64, DType::kS32}));
  const Shape &data = m.input(n, 0).shape, &indices = m.input(n, 1).shape;
  if (axis_of(n.attributes<schema::Gather>().axis(), data.rank()) < 0)
    return bad_node(n, "the axis is outside " + data.text());
  if (data.rank() - 1 + indices.rank() > kMaxRank) return bad_node(n, "rank over " + text_of(kMaxRank));
  return {};
}

int64_t index_at(const std::byte* indices, DType type, int64_t i) {
  return type == DType::kS64 ? reinterpret_cast<const int64_t*>(indices)[i]
                             : reinterpret_cast<const int32_t*>(indices)[i];
}

Result<void> infer(Inference& inf) {
  const Shape &data = inf.shape(0), &indices = inf.shape(1);
  const int axis = axis_of(inf.node.attributes<schema::Gather>().axis(), data.rank());
  if (axis < 0) return inf.error("the axis is outside " + data.text());
  if (data.rank() - 1 + indices.rank() > kMaxRank) return inf.error("rank over " + text_of(kMaxRank));
  Shape out;
  for (int d = 0; d < axis; ++d) out.push_back(data[d]);
  for (int64_t d : indices) out.push_back(d);
  for (int d = axis + 1; d < data.rank(); ++d) out.push_back(data[d]);
  inf.out(0, out);
  const int64_t count = indices.elements(), size = data[axis];
  if (size == 0 && count != 0) return inf.error("nothing to pick from " + data.text());
  if (!inf.in(1).constant || count < 0 || size < 0) return {};
  for (int64_t i = 0; i < count; ++i) {
    const int64_t at = index_at(inf.in(1).constant, inf.in(1).dtype, i);
    if ((at < -size || at >= size) && at != kUnknown)
      return inf.error("index " + text_of(at) + " on axis " + text_of(axis) + " of " + data.text());
  }
  return {};
}

Int8Rule int8(const NodeDef& n, const ModelData& m) {
  const int rank = m.input(n, 0).shape.rank();
  Int8Rule rule = same_scales(n, m, axis_of(n.attributes<schema::Gather>().axis(), rank) == rank - 1);
  rule.given_only = true;
  return rule;
}

struct Sizes {
  int64_t outer, size, inner;  // dims before, on and after the axis
  int64_t count;               // indices
  size_t element;
  DType index_type;
};

// Indices that were not known before the run are brought inside: memory is never read elsewhere.
void gather(const RunContext& ctx, const Sizes& s, int data, int indices, int out) {
  const std::byte* picks = ctx.data<std::byte>(indices);
  const size_t bytes = static_cast<size_t>(s.inner) * s.element;
  parallel_rows(ctx.threads, s.outer * s.count, grain_of(s.inner), [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) {
      int64_t at = index_at(picks, s.index_type, r % s.count);
      at = std::clamp<int64_t>(at < 0 ? at + s.size : at, 0, s.size - 1);
      std::memcpy(ctx.data<std::byte>(out) + static_cast<size_t>(r) * bytes,
                  ctx.data<std::byte>(data) + static_cast<size_t>(r / s.count * s.size + at) * bytes, bytes);
    }
  });
}

Result<void> prepare(Prepare& p) {
  if (nothing_to_do(p)) return {};
  const Shape& data = p.in(0).shape;
  const int axis = axis_of(p.node->attributes<schema::Gather>().axis(), data.rank());
  Sizes s{1, data[axis], 1, p.in(1).shape.elements(), size_of(p.in(0).dtype), p.in(1).dtype};
  for (int d = 0; d < axis; ++d) s.outer *= data[d];
  for (int d = axis + 1; d < data.rank(); ++d) s.inner *= data[d];
  p.step.run = [s, in = p.in(0).id, indices = p.in(1).id, out = p.out().id](const RunContext& ctx) {
    gather(ctx, s, in, indices, out);
  };
  p.step.kernel = "gather";
  return {};
}

}  // namespace

extern const OpKind kGather;
const OpKind kGather = {.type = schema::Op::Gather,
                        .names = names,
                        .min_inputs = 2,
                        .max_inputs = 2,
                        .check = check,
                        .infer = infer,
                        .prepare = prepare,
                        .int8 = int8,
                        .moves_only = true};

}  // namespace octet
