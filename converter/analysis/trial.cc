#include "converter/analysis/trial.h"

#include <algorithm>
#include <unordered_map>

#include "runtime/core/op.h"
#include "runtime/core/precision.h"

namespace octet::analysis {
namespace {

constexpr size_t kSample = 240;

bool dynamic(const ModelData& m, int t) { return t >= 0 && !m.tensors[at(t)].constant; }

}  // namespace

Result<Pair> Pair::of(const Model& float_model, const Model& int8_model) {
  const ModelData &f = float_model.data(), &q = int8_model.data();
  Pair pair{float_model, int8_model, Links(f), Links(q), {}, {}};
  std::unordered_map<std::string_view, int> tensors, nodes;
  for (size_t t = 0; t < f.tensors.size(); ++t) tensors.emplace(f.tensors[t].name, static_cast<int>(t));
  for (const TensorDef& t : q.tensors) {
    const auto found = tensors.find(t.name);
    pair.float_tensor.push_back(found == tensors.end() ? -1 : found->second);
  }
  for (size_t n = 0; n < q.nodes.size(); ++n) nodes.emplace(q.nodes[n].name, static_cast<int>(n));
  for (const NodeDef& node : f.nodes) {
    const auto found = nodes.find(node.name);
    if (found == nodes.end() || q.nodes[at(found->second)].outputs.size() != node.outputs.size())
      return error(Code::kBadArgument, q.name, ": has no node '", node.name, "' as ", f.name,
                   " has; only what was quantised from the float model can be held against it");
    pair.int8_node.push_back(found->second);
  }
  for (size_t n = 0; n < f.nodes.size(); ++n)
    for (int t : q.nodes[at(pair.int8_node[n])].inputs)
      if (dynamic(q, t) && pair.float_tensor[at(t)] < 0)
        return error(Code::kBadArgument, f.name, ": has no tensor '", q.tensors[at(t)].name, "' as ", q.name, " has");
  return pair;
}

Result<std::vector<bool>> int8_nodes(const Pair& pair) {
  const ModelData& q = pair.int8_model.data();
  auto chosen = choose_int8(q, {});
  if (!chosen) return chosen.error();
  std::vector<bool> nodes;
  for (int n : pair.int8_node) {
    const NodeDef& node = q.nodes[at(n)];
    nodes.push_back((*chosen)[at(n)] && !node.kind->moves_only && int8_rule(node, q).kind != Int8Rule::Kind::kSame);
  }
  return nodes;
}

Effect EffectSum::result() const {
  Effect e{.layer = layer.result(), .points = {}};
  for (const ErrorSum& p : points) e.points.push_back(p.result());
  return e;
}

Trial::Trial(const Pair& pair, const Points& points, int node, bool parts)
    : pair_(pair), points_(points), node_(node), int8_node_(pair.int8_node[at(node)]) {
  const ModelData &f = pair.float_model.data(), &q = pair.int8_model.data();
  const NodeDef& in_int8 = q.nodes[at(int8_node_)];
  output_ = f.nodes[at(node)].outputs[0];
  const Int8Rule rule = int8_rule(in_int8, q);
  has_weights_ = rule.kind == Int8Rule::Kind::kLayer;
  add_alone(kBoth, true, Precision::kInt8, false);
  if (parts) add_alone(kActivations, false, Precision::kF32, true);
  if (parts && has_weights_) add_alone(kWeights, true, Precision::kF32, false);
  for (size_t i = 0; i < in_int8.inputs.size() && parts && !read_; ++i) {
    const int t = in_int8.inputs[i];
    if (!dynamic(q, t) || !rule.reads_u8(static_cast<int>(i), q.tensors[at(t)].dtype)) continue;
    read_.emplace(std::string(q.tensors[at(t)].name), q.tensors[at(t)].quant);
    read_tensor_ = pair.float_tensor[at(t)];
  }

  std::vector<bool> behind(f.nodes.size(), false), touched(f.tensors.size(), false);
  touched[at(output_)] = true;
  for (size_t n = at(node) + 1; n < f.nodes.size(); ++n) {
    const auto& inputs = f.nodes[n].inputs;
    behind[n] = !f.nodes[n].kind->shapes_only &&
                std::any_of(inputs.begin(), inputs.end(), [&](int t) { return t >= 0 && touched[at(t)]; });
    for (int t : f.nodes[n].outputs) touched[at(t)] = behind[n];
  }
  std::vector<int> ends;
  std::vector<bool> leads(f.tensors.size(), false);
  for (size_t p = 0; p < points.tensors.size(); ++p) {
    const int t = points.tensors[p];
    if (!touched[at(t)] || t == output_) continue;
    reached_.push_back(p), ends.push_back(t), leads[at(t)] = true;
  }
  for (size_t n = f.nodes.size(); n-- > 0;) {
    const auto& outputs = f.nodes[n].outputs;
    behind[n] = behind[n] && std::any_of(outputs.begin(), outputs.end(), [&](int t) { return leads[at(t)]; });
    for (int t : behind[n] ? f.nodes[n].inputs : std::vector<int>{})
      if (t >= 0) leads[at(t)] = true;
  }
  if (!ends.empty()) tail_ = part_of(pair.float_model, pair.float_links, behind, ends);
  for (EffectSum& s : sums_) s.points.resize(points.tensors.size());
}

void Trial::add_alone(How how, bool of_int8, Precision precision, bool round) {
  const Model& model = of_int8 ? pair_.int8_model : pair_.float_model;
  const ModelData &m = model.data(), &q = pair_.int8_model.data();
  const int n = of_int8 ? int8_node_ : node_;
  std::vector<bool> one(m.nodes.size(), false);
  one[at(n)] = true;
  Alone alone{part_of(model, of_int8 ? pair_.int8_links : pair_.float_links, one, m.nodes[at(n)].outputs),
              precision,
              round,
              {},
              {}};
  for (int t : alone.part.inputs) alone.feed.push_back(of_int8 ? pair_.float_tensor[at(t)] : t);
  const NodeDef& node = q.nodes[at(int8_node_)];
  const Int8Rule rule = int8_rule(node, q);
  for (int t : alone.feed) {
    Quant quant;
    for (size_t i = 0; i < node.inputs.size(); ++i)
      if (node.inputs[i] >= 0 && pair_.float_tensor[at(node.inputs[i])] == t &&
          rule.reads_u8(static_cast<int>(i), q.tensors[at(node.inputs[i])].dtype))
        quant = q.tensors[at(node.inputs[i])].quant;
    alone.quant.push_back(quant);
  }
  alone_[how] = std::move(alone);
}

void Trial::want(std::vector<bool>& tensors) const {
  tensors[at(output_)] = true;
  for (const auto& alone : alone_)
    if (alone)
      for (int t : alone->feed) tensors[at(t)] = true;
  if (tail_)
    for (int t : tail_->inputs) tensors[at(t)] = true;
}

Result<Recorded> Trial::run(Session& session, const Alone& alone, const Recording& r) const {
  std::vector<Recorded> made(alone.feed.size());
  const auto feed = [&](size_t i) -> const Recorded& {
    const Recorded& given = r[at(alone.feed[i])];
    if (!alone.round || alone.quant[i].empty()) return given;
    if (made[i].data.empty()) {
      const auto values = rounded(given.f32(), alone.quant[i]);
      const auto bytes = std::as_bytes(std::span(values));
      made[i] = {given.shape, DType::kF32, {bytes.begin(), bytes.end()}};
    }
    return made[i];
  };
  if (auto filled = fill(session, alone.feed.size(), feed); !filled) return filled.error();
  if (auto ran = session.run(); !ran) return ran.error();
  const Tensor out = session.output(0);
  const auto bytes = out.bytes();
  return Recorded{out.shape, out.dtype, {bytes.begin(), bytes.end()}};
}

Result<void> Trial::behind(Session& session, const Recording& r, const Recorded& changed, EffectSum& sum) {
  const auto feed = [&](size_t i) -> const Recorded& {
    return tail_->inputs[i] == output_ ? changed : r[at(tail_->inputs[i])];
  };
  if (auto filled = fill(session, tail_->inputs.size(), feed); !filled) return filled;
  if (auto ran = session.run(); !ran) return ran;
  for (size_t i = 0; i < reached_.size(); ++i) {
    const auto wanted = r[at(points_.tensors[reached_[i]])].f32();
    const std::span<const float> got = session.output(static_cast<int>(i)).f32();
    sum.points[reached_[i]].add(wanted, got);
  }
  return {};
}

void Trial::look(const Recording& r, const Recorded& changed) {
  if (read_) {
    const Recorded& x = r[at(read_tensor_)];
    if (x.shape.rank() > 0 && x.shape[-1] > 0) read_->add(x.f32(), static_cast<size_t>(x.shape[-1]));
  }
  shape_ = r[at(output_)].shape;
  if (!sample_.empty()) return;
  const auto wanted = r[at(output_)].f32(), got = changed.f32();
  const size_t count = std::min(kSample, wanted.size());
  // Steps that share no factor with usual sizes meet all channels.
  for (size_t i = 0; i < count; ++i) {
    const size_t e = i * 7919 * std::max<size_t>(1, wanted.size() / (kSample * 7919)) % wanted.size();
    sample_.emplace_back(wanted[e], got[e]);
  }
}

Result<void> Trial::add(std::span<const Recording> recordings, int threads) {
  std::optional<Session> tail;
  if (tail_) {
    auto session = Session::create(tail_->model, {.threads = threads, .precision = Precision::kF32});
    if (!session) return session.error();
    tail.emplace(std::move(*session));
  }
  for (int how = 0; how < kHows; ++how) {
    if (!alone_[how]) continue;
    auto session = Session::create(alone_[how]->part.model, {.threads = threads, .precision = alone_[how]->precision});
    if (!session) return session.error();
    for (const Recording& r : recordings) {
      auto changed = run(*session, *alone_[how], r);
      if (!changed) return changed.error();
      const auto wanted = r[at(output_)].f32();
      if (wanted.size() != changed->f32().size())
        return error(Code::kUnsupported, pair_.float_model.name(), ": node '",
                     pair_.float_model.data().nodes[at(node_)].name, "': its result has another size by itself");
      sums_[how].layer.add(wanted, changed->f32());
      for (size_t p = 0; p < points_.tensors.size(); ++p)
        if (points_.tensors[p] == output_) sums_[how].points[p].add(wanted, changed->f32());
      if (how == kBoth) look(r, *changed);
      if (!tail) continue;
      if (auto done = behind(*tail, r, *changed, sums_[how]); !done) return done;
    }
  }
  return {};
}

LayerAnalysis Trial::result() const {
  const ModelData &f = pair_.float_model.data(), &q = pair_.int8_model.data();
  const NodeDef &node = f.nodes[at(node_)], &in_int8 = q.nodes[at(int8_node_)];
  LayerAnalysis out{.name = std::string(node.name), .op = std::string(node.kind->names(node)[0])};
  for (std::string_view name : node.fused) out.fused.emplace_back(name);
  out.layer = has_weights_;
  out.output = shape_;
  if (alone_[kWeights]) out.weights = sums_[kWeights].result();
  out.activations = sums_[kActivations].result();
  out.both = sums_[kBoth].result();
  if (read_) out.read = read_->result();
  out.sample = sample_;
  if (!has_weights_ || !read_) return out;
  const TensorDef &weights = f.input(node, 1), &stored = q.input(in_int8, 1);
  const bool folded = q.input(in_int8, 0).quant.per_channel() && !stored.weight_scale.empty() && in_int8.kind &&
                      !int8_rule(in_int8, q).channelwise;
  if (weights.dtype == DType::kF32 && weights.constant)
    out.weight_values = weight_values(weights, stored.weight_scale, folded);
  return out;
}

}  // namespace octet::analysis
