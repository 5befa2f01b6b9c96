// Tensors side by side along an axis. Where the planner could place the inputs inside the output there is no step; what
// remains is copied, or mapped by tables where an input is stored with another scale than its part of the output.
#include "kernels/quant.h"
#include "runtime/ops/common.h"
#include "runtime/ops/move.h"
#include "schema/format.h"

namespace octet {
namespace {

std::span<const std::string_view> names(const NodeDef&) {
  static constexpr std::string_view kNames[] = {"concat", "Concat"};
  return kNames;
}

Result<void> check(const NodeDef& n, const ModelData& m) {
  const int rank = m.input(n, 0).shape.rank();
  if (axis_of(n.attributes<schema::Concat>().axis(), rank) < 0) return bad_node(n, "axis of rank " + text_of(rank));
  for (int i = 0; i < static_cast<int>(n.inputs.size()); ++i) {
    if (!n.has_input(i)) return bad_node(n, "input " + text_of(i) + " is missing");
    OCTET_TRY(check_dense(n, m, i));
    if (m.input(n, i).dtype != m.input(n, 0).dtype) return bad_node(n, "inputs of different types");
  }
  return {};
}

Result<void> infer(Inference& inf) {
  Shape out = inf.shape(0);
  const int axis = axis_of(inf.node.attributes<schema::Concat>().axis(), out.rank());
  if (axis < 0) return inf.error("the axis is outside " + out.text());
  for (int i = 1; i < static_cast<int>(inf.node.inputs.size()); ++i) {
    const Shape& in = inf.shape(i);
    bool fits = in.rank() == out.rank();
    for (int d = 0; d < out.rank() && fits; ++d) fits = d == axis || in[d] == out[d] || std::min(in[d], out[d]) < 0;
    if (!fits) return inf.error("input " + text_of(i) + " of shape " + in.text() + " does not fit " + out.text());
    for (int d = 0; d < out.rank(); ++d)
      if (d != axis)
        out[d] = std::max(out[d], in[d]);
      else if (std::min(out[d], in[d]) < 0)
        out[d] = -1;
      else if (__builtin_add_overflow(out[d], in[d], &out[d]))
        return inf.error("the output is too large");
  }
  inf.out(0, out);
  return {};
}

Int8Rule int8(const NodeDef& n, const ModelData& m) {
  const Shape& shape = m.output(n, 0).shape;
  const bool side_by_side = axis_of(n.attributes<schema::Concat>().axis(), shape.rank()) == shape.rank() - 1;
  Int8Rule rule{.kind = Int8Rule::Kind::kSame, .rescales = true};
  int64_t at = 0;
  bool known = true;
  for (int i = 0; i < static_cast<int>(n.inputs.size()); ++i) {
    const TensorDef& in = m.input(n, i);
    Tie tie = tie_channels(n, m, i);
    if (side_by_side) tie.out_first = at, tie.mixed = false;
    known = known && (in.quant.per_channel() || (in.shape.rank() > 0 && in.shape[-1] > 0));
    at += tie.count;
    rule.ties.push_back(tie);
  }
  if (side_by_side && (!known || at != channels_of(m.output(n, 0))))
    for (Tie& tie : rule.ties) tie = {.input = tie.input, .mixed = true};
  return rule;
}

Overlay overlay(const NodeDef& n, std::span<const Value* const> inputs, const Value& out) {
  const Shape& shape = out.shape;
  const int rank = shape.rank(), axis = axis_of(n.attributes<schema::Concat>().axis(), rank);
  const bool last = axis == rank - 1;
  int64_t rows = 1;  // for each step along the axis
  for (int d = 0; d < rank - 1 && !last; ++d) {
    if (d < axis && shape[d] != 1) return {};
    if (d > axis) rows *= shape[d];
  }
  Overlay parts{Overlay::Kind::kParts};
  int64_t at = 0;
  for (const Value* in : inputs) {
    parts.at.push_back(last ? Overlay::At{0, at} : Overlay::At{at * rows, 0});
    at += in->shape[axis];
  }
  return parts;
}

Unknowns unknowns(const NodeDef&, int, const Value&, const Value&) { return Unknowns::kMoved; }

// One input: a plain move, or rows that go through tables (one, or one for each channel) on the way.
struct Piece {
  int from = -1;
  Move move;                    // without tables
  std::vector<uint8_t> tables;  // 256 for each
  bool one_table = true;
  Shape shape;
  int64_t pitch = 0;
};

void make_tables(Piece& piece, const Quant& in, const Quant& out, int64_t first_channel) {
  const int64_t channels = piece.shape[-1];
  bool equal = true;
  for (int64_t c = 0; c < channels; ++c)
    equal =
        equal && in.scale_at(c) == out.scale_at(first_channel + c) && in.zero_at(c) == out.zero_at(first_channel + c);
  if (equal) return;
  piece.one_table = !in.per_channel() && !out.per_channel();
  const int64_t count = piece.one_table ? 1 : channels;
  piece.tables.resize(static_cast<size_t>(256 * count));
  for (int64_t c = 0; c < count; ++c)
    for (int q = 0; q < 256; ++q) {
      const float x = kernels::dequantize_u8(static_cast<uint8_t>(q), in.scale_at(c), in.zero_at(c));
      piece.tables[static_cast<size_t>(c * 256 + q)] =
          kernels::quantize_u8(x, 1.0f / out.scale_at(first_channel + c), out.zero_at(first_channel + c));
    }
}

// The output row at which row r of the piece stands: blocks of `inner` rows of an input, `outer` rows apart in the output.
struct RowMap {
  int64_t inner = 1, outer = 1, first = 0;
  int64_t operator()(int64_t r) const { return r / inner * outer + r % inner + first; }
};

RowMap row_map(const Shape& in, const Shape& out, int axis, int64_t at) {
  RowMap map;
  if (axis == in.rank() - 1) return map;
  int64_t step = 1;
  for (int d = axis + 1; d < in.rank() - 1; ++d) step *= in[d];
  map.inner = in[axis] * step, map.outer = out[axis] * step, map.first = at * step;
  return map;
}

void map_rows(const RunContext& ctx, const Piece& piece, const RowMap& map, const kernels::Isa& isa, uint8_t* out,
              int64_t out_pitch) {
  const int64_t channels = piece.shape[-1], rows = piece.shape.elements() / channels;
  const uint8_t* in = ctx.data<uint8_t>(piece.from);
  parallel_rows(ctx.threads, rows, grain_of(channels), [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) {
      const uint8_t* x = in + r * piece.pitch;
      uint8_t* y = out + map(r) * out_pitch;
      if (piece.one_table)
        isa.table(piece.tables.data(), x, y, channels);
      else
        for (int64_t c = 0; c < channels; ++c) y[c] = piece.tables[static_cast<size_t>(c * 256 + x[c])];
    }
  });
}

Result<void> prepare(Prepare& p) {
  if (nothing_to_do(p)) return {};
  const Value& out = p.out();
  const int rank = out.shape.rank(), axis = axis_of(p.node->attributes<schema::Concat>().axis(), rank);
  const bool last = axis == rank - 1;
  auto pieces = std::make_shared<std::vector<Piece>>();
  auto maps = std::make_shared<std::vector<RowMap>>();
  int64_t at = 0;
  for (int i = 0; i < static_cast<int>(p.inputs.size()); ++i) {
    const Value& in = p.in(i);
    const int64_t start = at;
    at += in.shape[axis];
    if (in.shape.elements() == 0) continue;
    Piece piece{
        .from = in.id, .move = box_move(in.shape, in, out, p.isa), .tables = {}, .shape = in.shape, .pitch = in.pitch};
    piece.move.to_start = start * piece.move.to[static_cast<size_t>(axis)];
    settle(piece.move);
    if (p.int8()) make_tables(piece, in.quant, out.quant, last ? start : 0);
    pieces->push_back(std::move(piece));
    maps->push_back(row_map(in.shape, out.shape, axis, start));
  }
  p.step.kernel = "concat";
  p.step.run = [=, isa = &p.isa, to = out.id, pitch = out.pitch](const RunContext& ctx) {
    for (size_t i = 0; i < pieces->size(); ++i) {
      const Piece& piece = (*pieces)[i];
      if (piece.tables.empty())
        run_move(piece.move, ctx.threads, ctx.data<std::byte>(piece.from), ctx.data<std::byte>(to));
      else
        map_rows(ctx, piece, (*maps)[i], *isa, ctx.data<uint8_t>(to) + (last ? piece.move.to_start : 0), pitch);
    }
  };
  return {};
}

}  // namespace

extern const OpKind kConcat;
const OpKind kConcat = {.type = schema::Op::Concat,
                        .names = names,
                        .min_inputs = 1,
                        .max_inputs = static_cast<int>(schema::kMaxNodeTensors),
                        .check = check,
                        .infer = infer,
                        .prepare = prepare,
                        .int8 = int8,
                        .overlay = overlay,
                        .unknowns = unknowns,
                        .pitched_in = true,
                        .pitched_out = true,
                        .moves_only = true};

}  // namespace octet
