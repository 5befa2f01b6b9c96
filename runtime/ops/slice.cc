// Parts of a tensor along some axes, with ONNX' clamping and steps of either sign.
#include "runtime/ops/common.h"
#include "runtime/ops/move.h"

namespace octet {
namespace {

std::span<const std::string_view> names(const NodeDef&) {
  static constexpr std::string_view kNames[] = {"slice", "Slice", "strided_slice", "Split", "split"};
  return kNames;
}

// One dim's part: `count` elements (-1: unknown) from `start` on, `step` apart.
struct Part {
  int64_t start = 0, count = 0, step = 1;
};

// What the file says about one axis, not yet clamped.
struct Request {
  int64_t axis, start, end, step;
};

Part part_of(const Request& r, int64_t size) {
  if (size < 0 || r.start == kUnknown || r.end == kUnknown || r.step == kUnknown) return {.count = -1};
  const bool down = r.step < 0;
  auto clamp = [&](int64_t at) {
    if (at < 0) at += size;
    return std::clamp<int64_t>(at, down ? -1 : 0, down ? size - 1 : size);
  };
  Part part;
  part.start = down ? std::max<int64_t>(clamp(r.start), 0) : clamp(r.start);
  const int64_t end = clamp(r.end), span = down ? clamp(r.start) - end : end - part.start;
  const int64_t step = std::clamp<int64_t>(r.step, -size - 1, size + 1);  // beyond, one element is all there is
  part.count = span > 0 ? (span - 1) / std::abs(step) + 1 : 0;
  part.step = part.count > 1 ? step : 1;
  if (part.count == 0) part.start = 0;
  return part;
}

// Starts, ends, axes and steps from the attributes, or from operands 1..4 as `known` tells them.
template <class Known>
Result<std::vector<Request>> requests(const NodeDef& n, const Known& known) {
  const auto& a = n.attributes<schema::Slice>();
  std::vector<Request> all;
  if (a.starts()) {
    for (unsigned i = 0; i < a.starts()->size(); ++i)
      all.push_back({a.axes() ? a.axes()->Get(i) : static_cast<int64_t>(i), a.starts()->Get(i), a.ends()->Get(i),
                     a.steps() && a.steps()->size() ? a.steps()->Get(i) : 1});
    return all;
  }
  std::array<std::span<const int64_t>, 5> given;
  for (int i = 1; i < 5; ++i) {
    if (!n.has_input(i)) continue;
    const Result<std::span<const int64_t>> v = known(i);
    if (!v) return v.error();
    given[static_cast<size_t>(i)] = *v;
    if (v->size() != given[1].size()) return bad_node(n, "starts, ends, axes and steps differ in number");
  }
  for (size_t i = 0; i < given[1].size(); ++i)
    all.push_back({n.has_input(3) ? given[3][i] : static_cast<int64_t>(i), given[1][i], given[2][i],
                   n.has_input(4) ? given[4][i] : 1});
  return all;
}

// A part for each dim of `shape`.
Result<std::array<Part, kMaxRank>> parts_of(const NodeDef& n, const std::vector<Request>& all, const Shape& shape) {
  std::array<Part, kMaxRank> parts;
  for (int d = 0; d < shape.rank(); ++d) parts[static_cast<size_t>(d)].count = shape[d];
  unsigned seen = 0;
  for (const Request& r : all) {
    if (r.axis == kUnknown) {
      for (Part& part : parts) part.count = -1;
      return parts;
    }
    const int axis = axis_of(r.axis, shape.rank());
    if (axis < 0) return bad_node(n, "axis " + text_of(r.axis) + " of " + shape.text());
    if (seen >> axis & 1) return bad_node(n, "axis " + text_of(axis) + " twice");
    if (r.step == 0) return bad_node(n, "a step of 0");
    seen |= 1u << axis;
    parts[static_cast<size_t>(axis)] = part_of(r, shape[axis]);
  }
  return parts;
}

Result<void> check(const NodeDef& n, const ModelData& m) {
  OCTET_TRY(check_dense(n, m, 0));
  const auto& a = n.attributes<schema::Slice>();
  if (!a.starts()) {
    if (n.has_input(1) != n.has_input(2)) return bad_node(n, "no starts or no ends are given");
    for (int i = 1; i < 5; ++i)
      if (n.has_input(i)) OCTET_TRY(check_type(n, m, i, {DType::kS64}));
    return {};
  }
  const unsigned count = a.starts()->size();
  if (!a.ends() || a.ends()->size() != count || (a.axes() && a.axes()->size() != count) ||
      (a.steps() && a.steps()->size() != 0 && a.steps()->size() != count))
    return bad_node(n, "starts, ends, axes and steps differ in number");
  // Axes and steps are as good for any shape of this rank.
  Shape any;
  for (int d = 0; d < m.input(n, 0).shape.rank(); ++d) any.push_back(1);
  const auto all = requests(n, [](int) { return Result<std::span<const int64_t>>(std::span<const int64_t>()); });
  if (!all) return all.error();
  const auto parts = parts_of(n, *all, any);
  if (!parts) return parts.error();
  return {};
}

Result<void> infer(Inference& inf) {
  const auto all = requests(inf.node, [&](int i) { return inf.known_s64(i); });
  if (!all) return all.error();
  const auto parts = parts_of(inf.node, *all, inf.shape(0));
  if (!parts) return parts.error();
  Shape out;
  for (int d = 0; d < inf.shape(0).rank(); ++d) out.push_back((*parts)[static_cast<size_t>(d)].count);
  inf.out(0, out);
  return {};
}

Int8Rule int8(const NodeDef& n, const ModelData& m) {
  const auto operand = [&](int i) -> Result<std::span<const int64_t>> {
    const TensorDef& t = m.input(n, i);
    if (!t.constant || t.dtype != DType::kS64) return error(Code::kUnsupported, "not a constant");
    return t.values<int64_t>();
  };
  const TensorDef& in = m.input(n, 0);
  const int64_t channels = channels_of(in);
  const auto all = requests(n, operand);
  if (!all) {  // where the parts start is known later; whether channels are cut may be now
    const auto axes = n.has_input(3) ? operand(3) : Result<std::span<const int64_t>>(all.error());
    const int rank = in.shape.rank();
    return same_scales(n, m, !axes || std::any_of(axes->begin(), axes->end(), [&](int64_t axis) {
                         return axis_of(axis, rank) == rank - 1;
                       }));
  }
  if (in.shape.rank() == 0 || (!in.quant.per_channel() && in.shape[-1] < 0)) return same_scales(n, m, true);
  Shape shape = in.shape;
  for (int d = 0; d < shape.rank(); ++d) shape[d] = std::max<int64_t>(shape[d], 1);
  shape[-1] = channels;
  const auto parts = parts_of(n, *all, shape);
  if (!parts) return {};
  const Part& kept = (*parts)[static_cast<size_t>(shape.rank() - 1)];
  const TensorDef& out = m.output(n, 0);
  if (out.quant.per_channel() && channels_of(out) != kept.count) return {};
  return {.kind = Int8Rule::Kind::kSame, .ties = {{.in_first = kept.start, .in_step = kept.step, .count = kept.count}}};
}

// One axis cut without steps, each piece of which is one run of the input's rows or of each row's channels.
Overlay overlay(const NodeDef& n, std::span<const Value* const> inputs, const Value& out) {
  const Shape& shape = inputs[0]->shape;
  const auto all = requests(n, [&](int i) { return Result(known_s64(*inputs[static_cast<size_t>(i)])); });
  if (!all || out.shape.elements() == 0) return {};
  const auto parts = parts_of(n, *all, shape);
  if (!parts) return {};
  int cut = -1;
  for (int d = 0; d < shape.rank(); ++d) {
    const Part& part = (*parts)[static_cast<size_t>(d)];
    if (part.step != 1 || (cut >= 0 && part.count != shape[d])) return {};
    if (part.count != shape[d]) cut = d;
  }
  if (cut < 0) return {Overlay::Kind::kPart, {{0, 0}}};
  int64_t at = (*parts)[static_cast<size_t>(cut)].start;
  if (cut == shape.rank() - 1) return {Overlay::Kind::kPart, {{0, at}}};
  for (int d = 0; d < shape.rank() - 1; ++d) {
    if (d < cut && shape[d] != 1) return {};
    if (d > cut) at *= shape[d];
  }
  return {Overlay::Kind::kPart, {{at, 0}}};
}

Result<void> prepare(Prepare& p) {
  if (nothing_to_do(p)) return {};
  const auto all = requests(*p.node, [&](int i) { return Result(known_s64(p.in(i))); });
  if (!all) return all.error();
  const auto parts = parts_of(*p.node, *all, p.in(0).shape);
  if (!parts) return parts.error();
  Move move = box_move(p.out().shape, p.in(0), p.out(), p.isa);
  for (size_t d = 0; d < static_cast<size_t>(move.rank); ++d) {
    move.from_start += (*parts)[d].start * move.from[d];
    move.from[d] *= (*parts)[d].step;
  }
  step_of_move(p, move, "slice");
  return {};
}

}  // namespace

extern const OpKind kSlice;
const OpKind kSlice = {.type = schema::Op::Slice,
                       .names = names,
                       .min_inputs = 1,
                       .max_inputs = 5,
                       .check = check,
                       .infer = infer,
                       .prepare = prepare,
                       .int8 = int8,
                       .overlay = overlay,
                       .pitched_in = true,
                       .pitched_out = true,
                       .moves_only = true};

}  // namespace octet
