// The same elements under another shape. Mostly no step at all: the planner makes the output another name for the input.
#include "runtime/ops/common.h"
#include "runtime/ops/move.h"

namespace octet {
namespace {

std::span<const std::string_view> names(const NodeDef&) {
  static constexpr std::string_view kNames[] = {
      "reshape", "Reshape",  "reshape2",  "Flatten",   "flatten_contiguous_range",
      "Squeeze", "squeeze2", "Unsqueeze", "unsqueeze2"};
  return kNames;
}

Result<void> check(const NodeDef& n, const ModelData& m) {
  OCTET_TRY(check_dense(n, m, 0));
  const auto* shape = n.attributes<schema::Reshape>().shape();
  if (!shape) {
    if (!n.has_input(1)) return {};  // an empty shape, which writers leave out: a scalar
    return check_type(n, m, 1, {DType::kS64});
  }
  if (shape->size() > kMaxRank) return bad_node(n, "rank over " + text_of(kMaxRank));
  for (int64_t d : *shape)
    if (d < -1 - kMaxRank) return bad_node(n, "size " + text_of(d));
  return {};
}

Result<void> infer(Inference& inf) {
  const auto* shape = inf.node.attributes<schema::Reshape>().shape();
  std::span<const int64_t> wanted = values_of(shape);
  if (!shape && inf.node.has_input(1)) {
    const auto known = inf.known_s64(1);
    if (!known) return known.error();
    wanted = *known;
  }
  const Shape& in = inf.shape(0);
  if (wanted.size() > kMaxRank) return inf.error("rank over " + text_of(kMaxRank));
  int64_t given = 1, total = 1;  // products of the known sizes
  unsigned open = 0;             // dims of the input whose unknown size the output has not copied
  bool comparable = true;        // unknown sizes stand on both sides
  for (int d = 0; d < in.rank(); ++d)
    if (in[d] < 0)
      open |= 1u << d;
    else if (!checked_mul(total, in[d], &total))
      return inf.error("input " + in.text() + " is too large");
  // A size that alone is unknown is the rest, as if it were -1.
  const bool one_unknown =
      std::count(wanted.begin(), wanted.end(), kUnknown) == 1 && std::count(wanted.begin(), wanted.end(), -1) == 0;
  Shape out;
  int rest = -1;
  for (size_t d = 0; d < wanted.size(); ++d) {
    int64_t size = wanted[d];
    // The input dim that is meant where size is none itself.
    const int64_t copied = shape ? -2 - std::min<int64_t>(size, 0) : static_cast<int64_t>(size == 0 ? d : kMaxRank);
    if (size == -1 || (size == kUnknown && one_unknown)) {
      if (rest >= 0) return inf.error("two sizes of -1");
      rest = static_cast<int>(d);
      size = 1;
    } else if (size == kUnknown) {
      size = -1;
      comparable = false;
    } else if (size < 0 || (!shape && size == 0)) {
      if (copied < 0 || copied >= in.rank())
        return inf.error("size " + text_of(size) + " names no dim of " + in.text());
      size = in[static_cast<int>(copied)];
      if (size < 0) comparable = comparable && (open >> copied & 1);
      open &= ~(1u << copied);
    }
    if (size >= 0 && !checked_mul(given, size, &given)) return inf.error("the shape is too large");
    out.push_back(size);
  }
  comparable = comparable && open == 0;
  if (rest >= 0 && comparable && (given == 0 || total % given))
    return inf.error("cannot reshape " + in.text() + " to " + text_of(wanted));
  if (rest >= 0) out[rest] = comparable ? total / given : -1;
  if (rest < 0 && comparable && given != total) return inf.error("cannot reshape " + in.text() + " to " + out.text());
  inf.out(0, out);
  return {};
}

Int8Rule int8(const NodeDef& n, const ModelData& m) { return same_scales(n, m); }

Overlay overlay(const NodeDef&, std::span<const Value* const>, const Value&) { return {Overlay::Kind::kAll}; }

// The sizes' unknown elements are of no more use once the shape is known.
Unknowns unknowns(const NodeDef&, int, const Value&, const Value&) { return Unknowns::kMoved; }

Result<void> prepare(Prepare& p) {
  const Value &in = p.in(0), &out = p.out();
  Move move;
  move.rank = 1;
  move.size[0] = in.shape.elements();
  move.from[0] = move.to[0] = 1;
  move.element = size_of(out.dtype);
  move.isa = &p.isa;
  if (!in.dense() || !out.dense()) return p.error("rows apart");
  step_of_move(p, move, "copy");
  return {};
}

}  // namespace

extern const OpKind kReshape;
const OpKind kReshape = {.type = schema::Op::Reshape,
                         .names = names,
                         .min_inputs = 1,
                         .max_inputs = 2,
                         .check = check,
                         .infer = infer,
                         .prepare = prepare,
                         .int8 = int8,
                         .overlay = overlay,
                         .unknowns = unknowns,
                         .moves_only = true};

}  // namespace octet
