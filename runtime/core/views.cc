// Choosing views. Steps are visited last to first, so that where an output lies is settled before its inputs ask.
#include "runtime/core/views.h"

#include <algorithm>
#include <optional>

namespace octet {
namespace {

class Views {
 public:
  explicit Views(Plan& plan) : plan_(plan), producer_(plan.values.size(), nullptr), readers_(plan.values.size()) {
    for (PlanStep& s : plan.steps) {
      for (int v : s.inputs)
        if (v >= 0) readers_[static_cast<size_t>(v)].push_back(&s);
      for (int v : s.outputs) producer_[static_cast<size_t>(v)] = &s;
    }
  }

  void make() {
    std::vector<bool> dropped(plan_.steps.size(), false);
    for (size_t i = plan_.steps.size(); i-- > 0;) {
      const PlanStep& s = plan_.steps[i];
      if (!s.node) continue;
      if (s.node->kind->type == schema::Op::Concat) dropped[i] = concat(s);
      if (s.node->kind->type == schema::Op::Reshape) dropped[i] = reshape(s);
      if (s.node->kind->type == schema::Op::Slice) dropped[i] = slice(s);
    }
    set_pitches();
    size_t kept = 0;
    for (size_t i = 0; i < plan_.steps.size(); ++i)
      if (!dropped[i] && kept++ != i) plan_.steps[kept - 1] = std::move(plan_.steps[i]);
    plan_.steps.resize(kept);
  }

 private:
  Value& value(int v) { return plan_.values[static_cast<size_t>(v)]; }
  Place& place(int v) { return plan_.places[static_cast<size_t>(v)]; }
  static bool holds(const std::vector<int>& list, int v) {
    return std::find(list.begin(), list.end(), v) != list.end();
  }
  bool is_export(int v) const { return holds(plan_.exports, v); }

  bool reads_pitched(int v) const {
    return std::all_of(readers_[static_cast<size_t>(v)].begin(), readers_[static_cast<size_t>(v)].end(),
                       [](const PlanStep* s) { return !s->node || s->node->kind->pitched_in; });
  }
  bool written_pitched(int v) const {
    const PlanStep* s = producer_[static_cast<size_t>(v)];
    return s && (!s->node || s->node->kind->pitched_out);
  }

  // Images and other u8 rows that stand alone get room for whole dwords, so that convolutions read pixel after pixel.
  void set_pitches() {
    std::vector<bool> parent(plan_.values.size(), false);
    for (const Place& p : plan_.places)
      if (p.parent >= 0) parent[static_cast<size_t>(p.parent)] = true;
    for (Value& v : plan_.values) {
      v.pitch = pitch(v.id);
      const bool alone = !parent[static_cast<size_t>(v.id)] && place(v.id).parent < 0 && movable(v.id);
      if (alone && v.dtype == DType::kU8 && v.shape.rank() == 4 && reads_pitched(v.id) && written_pitched(v.id))
        v.pitch = (v.pitch + kernels::kGroup - 1) / kernels::kGroup * kernels::kGroup;
    }
  }

  int64_t pitch(int v) const {
    const Place& p = plan_.places[static_cast<size_t>(v)];
    return p.parent < 0 || p.other_rows ? plan_.values[static_cast<size_t>(v)].channels() : pitch(p.parent);
  }
  // Whether a value of `channels` inside `parent` has rows apart.
  bool pitched_inside(int parent, int64_t channels) const { return pitch(parent) != channels; }

  // May v, with all that is already placed inside it, get rows apart?
  bool bears_pitch(int v) const {
    if (!reads_pitched(v)) return false;
    for (const Value& child : plan_.values) {
      const Place& p = plan_.places[static_cast<size_t>(child.id)];
      if (p.parent == v && (p.other_rows || !bears_pitch(child.id))) return false;
    }
    return true;
  }

  // May v's memory be part of another value's? Only if a step of the plan writes it and nobody outside sees it.
  bool movable(int v) {
    return producer_[static_cast<size_t>(v)] && place(v).parent < 0 && !is_export(v) && !holds(plan_.inputs, v);
  }

  static bool same_part(const Quant& part, const Quant& whole, int64_t first, int64_t count) {
    if (part.empty()) return whole.empty();
    for (int64_t c = 0; c < count; ++c)
      if (part.scale_at(c) != whole.scale_at(first + c) || part.zero_at(c) != whole.zero_at(first + c)) return false;
    return true;
  }

  // The inputs become slices of the output where all can; those that cannot leave the whole to be copied.
  bool concat(const PlanStep& s) {
    const int out = s.outputs[0];
    const Shape& shape = value(out).shape;
    const int rank = shape.rank();
    int axis = s.node->attributes<schema::Concat>().axis();
    if (axis < 0) axis += rank;
    const bool last = axis == rank - 1;
    for (int d = 0; d < axis && !last; ++d)
      if (shape[d] != 1) return false;
    int64_t inner = 1;  // rows for each step along the axis
    for (int d = axis + 1; d < rank - 1; ++d) inner *= shape[d];
    int64_t at = 0;
    std::vector<Place> wanted;
    for (size_t i = 0; i < s.inputs.size(); ++i) {
      const int v = s.inputs[i];
      const int64_t channels = value(v).channels();
      const int64_t first = last ? at : 0;
      if (!movable(v) || std::count(s.inputs.begin(), s.inputs.end(), v) > 1 || value(v).dtype != value(out).dtype)
        return false;
      if (!same_part(value(v).quant, value(out).quant, first, channels)) return false;
      if (pitched_inside(out, channels) && !(bears_pitch(v) && written_pitched(v))) return false;
      wanted.push_back({out, last ? 0 : at * inner, first});
      at += value(v).shape[axis];
    }
    for (size_t i = 0; i < s.inputs.size(); ++i) place(s.inputs[i]) = wanted[i];
    return true;
  }

  // The input is written straight into the output's memory, or, where it may not move, the output is another name for it.
  bool reshape(const PlanStep& s) {
    const int in = s.inputs[0], out = s.outputs[0];
    if (value(in).dtype != value(out).dtype || value(in).constant || !same(value(in).quant, value(out).quant))
      return false;
    const bool same_rows = value(in).channels() == value(out).channels();
    auto fits = [&](int parent, int64_t channels, bool bears) {
      return !pitched_inside(parent, channels) || (same_rows && bears);
    };
    if (movable(in) && fits(out, value(out).channels(), bears_pitch(in) && written_pitched(in))) {
      place(in) = {out, 0, 0, !same_rows};
      return true;
    }
    if (!movable(out) || !fits(in, value(in).channels(), bears_pitch(out))) return false;
    place(out) = {in, 0, 0, !same_rows};
    return true;
  }

  // A slice that starts at some channel of every row, or at some row, and keeps what follows as it is.
  struct Part {
    int64_t rows, channel;
    bool last;  // of the last dim
  };
  std::optional<Part> part_of(const PlanStep& s) {
    const Value &in = value(s.inputs[0]), &out = value(s.outputs[0]);
    const auto& a = s.node->attributes<schema::Slice>();
    if (!a.starts() || a.starts()->size() != 1 || !a.axes() ||
        (a.steps() && a.steps()->size() > 0 && a.steps()->Get(0) != 1))
      return std::nullopt;
    if (in.constant || in.dtype != out.dtype) return std::nullopt;
    const Shape& shape = in.shape;
    int axis = a.axes()->Get(0);
    if (axis < 0) axis += shape.rank();
    int64_t start = a.starts()->Get(0);
    if (start < 0) start += shape[axis];
    start = std::clamp<int64_t>(start, 0, shape[axis]);
    const bool last = axis == shape.rank() - 1;
    for (int d = 0; d < axis && !last; ++d)
      if (shape[d] != 1) return std::nullopt;
    int64_t inner = 1;
    for (int d = axis + 1; d < shape.rank() - 1; ++d) inner *= shape[d];
    if (!same_part(out.quant, in.quant, last ? start : 0, out.channels())) return std::nullopt;
    return Part{last ? 0 : start * inner, last ? start : 0, last};
  }

  bool slice(const PlanStep& s) {
    const int in = s.inputs[0], out = s.outputs[0];
    const auto part = part_of(s);
    if (!part) return false;
    if (place(out).parent >= 0) return part->last && slice_inside(in, out, part->channel);
    if (!movable(out)) return false;
    if (pitched_inside(in, value(out).channels()) && !bears_pitch(out)) return false;
    place(out) = {in, part->rows, part->channel};
    return true;
  }

  // The part of `in` from `channel` on lies inside a concat: all of `in` may, if its other parts lie there side by side.
  bool slice_inside(int in, int out, int64_t channel) {
    const Place whole = {place(out).parent, place(out).rows, place(out).channels - channel, place(out).other_rows};
    const auto lies = [&](int v, int64_t at) {
      const Place& p = place(v);
      return p.parent == whole.parent && p.rows == whole.rows && p.channels == whole.channels + at && !p.other_rows;
    };
    if (lies(in, 0)) return lies(out, channel);
    if (!movable(in) || !bears_pitch(in) || !written_pitched(in)) return false;
    int64_t covered = 0;
    for (const PlanStep* reader : readers_[static_cast<size_t>(in)]) {
      if (!reader->node || reader->node->kind->type != schema::Op::Slice) continue;
      const auto part = part_of(*reader);
      if (part && part->last && part->channel == covered && lies(reader->outputs[0], covered))
        covered += value(reader->outputs[0]).channels();
    }
    if (covered != value(in).channels()) return false;
    place(in) = whole;
    return true;
  }

  Plan& plan_;
  std::vector<PlanStep*> producer_;  // by value
  std::vector<std::vector<PlanStep*>> readers_;
};

}  // namespace

int root(const Plan& plan, int value) {
  while (plan.places[static_cast<size_t>(value)].parent >= 0) value = plan.places[static_cast<size_t>(value)].parent;
  return value;
}

void make_views(Plan& plan) { Views(plan).make(); }

void resolve_offsets(Plan& plan) {
  for (Value& v : plan.values) {
    size_t offset = 0;
    int at = v.id;
    for (; plan.places[static_cast<size_t>(at)].parent >= 0; at = plan.places[static_cast<size_t>(at)].parent) {
      const Place& p = plan.places[static_cast<size_t>(at)];
      const Value& inside = plan.values[static_cast<size_t>(p.parent)];
      offset += static_cast<size_t>(p.rows * inside.pitch + p.channels) * size_of(v.dtype);
    }
    if (at != v.id)
      plan.places[static_cast<size_t>(v.id)].offset = plan.places[static_cast<size_t>(at)].offset + offset;
  }
}

}  // namespace octet
