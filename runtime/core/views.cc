// Choosing views. Steps are visited last to first, so that where an output lies is settled before its inputs ask.
#include "runtime/core/views.h"

#include <algorithm>
#include <map>
#include <optional>
#include <tuple>

#include "runtime/core/roots.h"

namespace octet {
namespace {

class Views {
 public:
  explicit Views(Plan& plan)
      : plan_(plan),
        producer_(plan.values.size(), nullptr),
        bears_pitch_(plan.values.size(), 1),
        seen_outside_(plan.values.size(), 0),
        last_concat_(plan.values.size(), nullptr),
        whole_(plan.values.size()),
        rows_(plan.values.size()) {
    for (PlanStep& s : plan.steps) {
      for (int v : s.inputs)
        if (v >= 0 && s.node && !s.node->kind->pitched_in) bears_pitch_[at(v)] = 0;
      for (int v : s.outputs) producer_[at(v)] = &s;
    }
    reads_pitched_ = bears_pitch_;
    for (const auto* list : {&plan.inputs, &plan.exports})
      for (int v : *list) seen_outside_[at(v)] = 1;
  }

  void make() {
    std::vector<bool> dropped(plan_.steps.size(), false);
    for (size_t i = plan_.steps.size(); i-- > 0;) {
      const PlanStep& s = plan_.steps[i];
      const Overlay overlay = overlay_of(s);
      if (overlay.kind == Overlay::Kind::kParts) dropped[i] = parts(s, overlay.at);
      if (overlay.kind == Overlay::Kind::kPart) dropped[i] = part(s, overlay.at[0]);
      if (overlay.kind == Overlay::Kind::kAll) dropped[i] = all(s);
    }
    set_pitches();
    size_t kept = 0;
    for (size_t i = 0; i < plan_.steps.size(); ++i)
      if (!dropped[i] && kept++ != i) plan_.steps[kept - 1] = std::move(plan_.steps[i]);
    plan_.steps.resize(kept);
  }

 private:
  static size_t at(int v) { return static_cast<size_t>(v); }
  Value& value(int v) { return plan_.values[at(v)]; }
  Place& place(int v) { return plan_.places[at(v)]; }

  Overlay overlay_of(const PlanStep& s) {
    if (!s.node || !s.node->kind->overlay) return {};
    std::vector<const Value*> inputs;
    for (int v : s.inputs) inputs.push_back(v < 0 ? nullptr : &value(v));
    return s.node->kind->overlay(*s.node, inputs, value(s.outputs[0]));
  }

  bool written_pitched(int v) const {
    const PlanStep* s = producer_[at(v)];
    return s && s->joined.empty() && (!s->node || s->node->kind->pitched_out);
  }

  // Images and other u8 rows that stand alone get room for whole dwords, so that convolutions read pixel after pixel.
  void set_pitches() {
    std::vector<bool> parent(plan_.values.size(), false);
    for (const Place& p : plan_.places)
      if (p.parent >= 0) parent[at(p.parent)] = true;
    for (Value& v : plan_.values) {
      v.pitch = pitch(v.id);
      const bool alone = !parent[at(v.id)] && movable(v.id);
      if (alone && v.dtype == DType::kU8 && v.shape.rank() == 4 && reads_pitched_[at(v.id)] && written_pitched(v.id))
        v.pitch = (v.pitch + kernels::kGroup - 1) / kernels::kGroup * kernels::kGroup;
    }
  }

  int64_t pitch(int v) { return value(rows_.of(v)).channels(); }
  // Whether a value of `channels` inside `parent` has rows apart.
  bool pitched_inside(int parent, int64_t channels) { return pitch(parent) != channels; }

  // May v's memory be part of another value's? Only if a step of the plan writes it and nobody outside sees it.
  bool movable(int v) { return producer_[at(v)] && place(v).parent < 0 && !seen_outside_[at(v)]; }

  // v, which is movable, with all that lies inside it.
  void put(int v, const Place& where) {
    place(v) = where;
    char& bears = bears_pitch_[at(whole_.of(where.parent))];
    bears = bears && bears_pitch_[at(v)] && !where.other_rows;
    whole_.hang(v, where.parent);
    if (where.other_rows) return;
    rows_.hang(v, where.parent);
    const PlanStep* maker = producer_[at(v)];
    if (const auto channel = cut_from(*maker)) {
      const Place whole = {where.parent, where.rows, where.channels - *channel};
      pieces_[key(maker->inputs[0], whole)].channels.emplace(*channel, value(v).channels());
    }
  }

  static bool same_part(const Quant& part, const Quant& whole, int64_t first, int64_t count) {
    if (part.empty()) return whole.empty();
    for (int64_t c = 0; c < count; ++c)
      if (part.scale_at(c) != whole.scale_at(first + c) || part.zero_at(c) != whole.zero_at(first + c)) return false;
    return true;
  }

  // The inputs become slices of the output where all can; those that cannot leave the whole to be copied.
  bool parts(const PlanStep& s, const std::vector<Overlay::At>& begin) {
    const int out = s.outputs[0];
    for (size_t i = 0; i < s.inputs.size(); ++i) {
      const int v = s.inputs[i];
      const bool twice = std::exchange(last_concat_[at(v)], &s) == &s;
      if (twice || !movable(v) || value(v).dtype != value(out).dtype) return false;
      const int64_t channels = value(v).channels();
      if (!same_part(value(v).quant, value(out).quant, begin[i].channel, channels)) return false;
      if (pitched_inside(out, channels) && !(bears_pitch_[at(v)] && written_pitched(v))) return false;
    }
    for (size_t i = 0; i < s.inputs.size(); ++i) put(s.inputs[i], {out, begin[i].row, begin[i].channel});
    return true;
  }

  // The input is written straight into the output's memory, or, where it may not move, the output is another name for it.
  bool all(const PlanStep& s) {
    const int in = s.inputs[0], out = s.outputs[0];
    if (value(in).dtype != value(out).dtype || value(in).constant || !same(value(in).quant, value(out).quant))
      return false;
    const bool same_rows = value(in).channels() == value(out).channels();
    auto fits = [&](int parent, int64_t channels, bool bears) {
      return !pitched_inside(parent, channels) || (same_rows && bears);
    };
    if (movable(in) && fits(out, value(out).channels(), bears_pitch_[at(in)] && written_pitched(in)))
      return put(in, {out, 0, 0, !same_rows}), true;
    if (!movable(out) || !fits(in, value(in).channels(), bears_pitch_[at(out)])) return false;
    return put(out, {in, 0, 0, !same_rows}), true;
  }

  bool cuts(const PlanStep& s, const Overlay::At& begin) {
    const Value &in = value(s.inputs[0]), &out = value(s.outputs[0]);
    return !in.constant && in.dtype == out.dtype && same_part(out.quant, in.quant, begin.channel, out.channels());
  }

  // The channel from which on a step keeps some of every row.
  std::optional<int64_t> cut_from(const PlanStep& s) {
    const Overlay overlay = overlay_of(s);
    if (overlay.kind != Overlay::Kind::kPart || value(s.inputs[0]).rows() != value(s.outputs[0]).rows()) return {};
    return cuts(s, overlay.at[0]) ? std::optional(overlay.at[0].channel) : std::nullopt;
  }

  bool part(const PlanStep& s, const Overlay::At& begin) {
    const int in = s.inputs[0], out = s.outputs[0];
    if (place(out).parent >= 0) {
      const auto channel = cut_from(s);
      return channel && join(in, out, *channel);
    }
    if (!cuts(s, begin) || !movable(out)) return false;
    if (pitched_inside(in, value(out).channels()) && !bears_pitch_[at(out)]) return false;
    return put(out, {in, begin.row, begin.channel}), true;
  }

  // The part of `in` from `channel` on lies inside a concat: all of `in` may, if its other parts lie there side by side.
  bool join(int in, int out, int64_t channel) {
    const Place& p = place(out);
    if (p.other_rows) return false;
    const Place whole = {p.parent, p.rows, p.channels - channel};
    const Place& now = place(in);
    if (now.parent == whole.parent && now.rows == whole.rows && now.channels == whole.channels && !now.other_rows)
      return true;
    if (!movable(in) || !bears_pitch_[at(in)] || !written_pitched(in)) return false;
    Pieces& pieces = pieces_[key(in, whole)];
    for (auto next = pieces.channels.find(pieces.covered); next != pieces.channels.end() && next->second > 0;
         next = pieces.channels.find(pieces.covered))
      pieces.covered += next->second;
    if (pieces.covered != value(in).channels()) return false;
    return put(in, whole), true;
  }

  // Parts of one value that lie where they would if all of it lay at one place: first channel and number of each. What is
  // covered from the first one on without a gap only grows.
  struct Pieces {
    std::map<int64_t, int64_t> channels;
    int64_t covered = 0;
  };
  using Key = std::tuple<int, int, int64_t, int64_t>;
  static Key key(int in, const Place& whole) { return {in, whole.parent, whole.rows, whole.channels}; }

  Plan& plan_;
  std::vector<PlanStep*> producer_;           // by value
  std::vector<char> bears_pitch_;             // by root: may it, with all that is placed inside it, get rows apart?
  std::vector<char> reads_pitched_;           // by value: the same but for what is inside
  std::vector<char> seen_outside_;            // by value: an input or an export
  std::vector<const PlanStep*> last_concat_;  // by value
  Roots whole_;                               // over all places
  Roots rows_;                                // over those that keep the parent's rows
  std::map<Key, Pieces> pieces_;
};

}  // namespace

void make_views(Plan& plan) { Views(plan).make(); }

void find_owners(Plan& plan) {
  for (Place& p : plan.places) p.owner = -1;
  std::vector<int> path;
  for (const Value& v : plan.values) {
    path.clear();
    int top = v.id;
    for (; plan.places[static_cast<size_t>(top)].owner < 0; top = plan.places[static_cast<size_t>(top)].parent) {
      path.push_back(top);
      if (plan.places[static_cast<size_t>(top)].parent < 0) break;
    }
    while (!path.empty()) {
      Place& p = plan.places[static_cast<size_t>(path.back())];
      if (p.parent < 0) {
        p.owner = path.back();
      } else {
        const Value& whole = plan.values[static_cast<size_t>(p.parent)];
        const Place& above = plan.places[static_cast<size_t>(p.parent)];
        p.owner = above.owner;
        p.offset = above.offset + static_cast<size_t>(p.rows * whole.pitch + p.channels) * size_of(whole.dtype);
      }
      path.pop_back();
    }
  }
}

}  // namespace octet
