// Reachability decides what is u8; a union-find over single channels decides what shares a scale.
#include "converter/quant/plan.h"

#include <algorithm>
#include <cassert>
#include <numeric>

#include "converter/quant/roles.h"
#include "kernels/quant.h"
#include "runtime/core/op.h"
#include "runtime/core/precision.h"

namespace octet::convert {
namespace {

// Whether `name` means the node, or a node of the source whose work it does.
bool means(std::string_view name, const Node& n) {
  return is_of(n.name, name) ||
         std::any_of(n.fused.begin(), n.fused.end(), [&](const std::string& f) { return is_of(f, name); });
}

std::vector<std::string_view> names_of_nodes(const Graph& g) {
  std::vector<std::string_view> names;
  for (const Node& n : g.nodes) {
    names.push_back(n.name);
    names.insert(names.end(), n.fused.begin(), n.fused.end());
  }
  return names;
}

class Planner {
 public:
  Planner(const Graph& g, const PlanOptions& options) : g_(g), options_(options), uses_(g), rules_(g.nodes.size()) {
    for (size_t n = 0; n < g.nodes.size(); ++n) rules_[n] = int8_rule(g, g.nodes[n]);
  }

  Plan make() {
    plan_.int8.assign(g_.nodes.size(), false);
    plan_.reason.resize(g_.nodes.size());
    for (size_t n = 0; n < g_.nodes.size(); ++n)
      if (role(n) == Role::kFloat) plan_.reason[n] = why_float(g_, node(n));
    plan_.group.resize(g_.tensors.size());
    plan_.measured.assign(g_.tensors.size(), false);
    exclude();
    choose_int8();
    choose_per_channel();
    make_atoms();
    for (size_t n = 0; n < g_.nodes.size(); ++n) tie(n);
    name_groups();
    return std::move(plan_);
  }

 private:
  const Node& node(size_t n) const { return g_.nodes[n]; }
  const OpKind* kind(size_t n) const { return find_op(node(n).op.type); }
  TensorId out(size_t n) const { return node(n).outputs[0]; }
  Role role(size_t n) const { return rules_[n].kind; }
  void stays_float(size_t n, std::string why) {
    rules_[n] = {};
    plan_.reason[n] = std::move(why);
  }

  void exclude() {
    std::vector<bool> after(g_.tensors.size(), false);   // a layer comes after this tensor
    std::vector<bool> behind(g_.tensors.size(), false);  // a layer comes before it
    for (size_t n = g_.nodes.size(); n-- > 0;) {
      bool any = role(n) == Role::kLayer;
      for (TensorId t : node(n).outputs) any = any || after[at(t)];
      for (TensorId t : node(n).inputs)
        if (t >= 0) after[at(t)] = after[at(t)] || any;
    }
    // What a decoder does to the rows that TopK picked is little work, and boxes need its digits.
    std::vector<bool> picked(g_.tensors.size(), false);
    for (size_t n = 0; n < g_.nodes.size(); ++n) {
      bool any = false, of_picked = kind(n) && kind(n)->picks;
      for (TensorId t : node(n).inputs) any = any || (t >= 0 && behind[at(t)]);
      for (TensorId t : node(n).inputs) of_picked = of_picked || (t >= 0 && picked[at(t)]);
      for (TensorId t : node(n).outputs) picked[at(t)] = of_picked;
      if (of_picked) stays_float(n, "computes with what TopK picked");
      if (role(n) == Role::kLayer) {
        const bool first = !any, last = !after[at(out(n))];
        any = true;
        if (options_.float_first && first) stays_float(n, "no layer comes before it (--float_first)");
        if (options_.float_last && last) stays_float(n, "no layer comes after it (--float_last)");
        if (from_softmax(node(n).inputs[0])) stays_float(n, "averages over a softmax");
      }
      for (TensorId t : node(n).outputs) behind[at(t)] = any;
      if (std::any_of(options_.exclude.begin(), options_.exclude.end(),
                      [&](const std::string& name) { return means(name, node(n)); }))
        stays_float(n, "excluded by name (--exclude)");
    }
  }

  // Expectations over a distribution (boxes as distributions over distances) are decoding, not features.
  bool from_softmax(TensorId t) const {
    int n = uses_.made_by(t);
    while (n >= 0 && role(at(n)) == Role::kSame) n = uses_.made_by(node(at(n)).inputs[0]);
    return n >= 0 && kind(at(n)) && kind(at(n))->weighs;
  }

  // An op between layers runs in int8 where an operand is u8 anyway and a layer needs its result as u8.
  void choose_int8() {
    std::vector<bool> available(g_.tensors.size(), false), wanted(g_.tensors.size(), false);
    for (TensorId t : g_.inputs) available[at(t)] = tensor(g_, t).dtype == DType::kF32;
    for (size_t n = 0; n < g_.nodes.size(); ++n) {
      bool any = role(n) == Role::kLayer;
      if (role(n) == Role::kProduct)
        any = available[at(node(n).inputs[0])] && available[at(node(n).inputs[1])];
      else if (role(n) != Role::kFloat)
        for (TensorId t : node(n).inputs) any = any || (t >= 0 && available[at(t)]);
      for (TensorId t : node(n).outputs) available[at(t)] = any && role(n) != Role::kFloat;
    }
    for (size_t n = g_.nodes.size(); n-- > 0;) {
      if (role(n) == Role::kFloat) continue;
      const bool layer = role(n) == Role::kLayer || role(n) == Role::kProduct;
      plan_.int8[n] = available[at(out(n))] && (layer || wanted[at(out(n))]);
      if (layer && !plan_.int8[n]) plan_.reason[n] = "no layer makes its operands";
      for (size_t i = 0; plan_.int8[n] && i < node(n).inputs.size(); ++i)
        if (reads_u8(g_, node(n), rules_[n], i)) wanted[at(node(n).inputs[i])] = true;
    }
    for (size_t t = 0; t < wanted.size(); ++t)
      if (wanted[t]) plan_.group[t].resize(static_cast<size_t>(channels(g_.tensors[t])));
  }

  bool same(int n) const { return plan_.int8[at(n)] && role(at(n)) == Role::kSame; }

  bool wants_channels(TensorId t, int n) const {
    if (!plan_.int8[at(n)] || role(at(n)) == Role::kProduct) return false;
    switch (options_.granularity) {
      case Granularity::kTensor:
        return false;
      case Granularity::kDepthwise:
        return rules_[at(n)].channelwise;
      case Granularity::kFree:
        return rules_[at(n)].channelwise || role(at(n)) != Role::kLayer || node(at(n)).inputs[0] != t;
      case Granularity::kAll:
        return true;
    }
    return false;
  }

  // By tensor, from its readers; through ops that keep the scale, from theirs.
  void choose_per_channel() {
    per_channel_.assign(g_.tensors.size(), false);
    auto visit = [&](TensorId t) {
      if (!plan_.quantised(t)) return;
      for (int n : uses_.users[at(t)])
        if (same(n) ? per_channel_[at(out(at(n)))] : wants_channels(t, n)) per_channel_[at(t)] = true;
    };
    for (size_t n = g_.nodes.size(); n-- > 0;) visit(out(n));
    for (TensorId t : g_.inputs) visit(t);
  }

  void make_atoms() {
    first_.resize(g_.tensors.size());
    size_t count = 0;
    for (size_t t = 0; t < g_.tensors.size(); ++t) first_[t] = count, count += plan_.group[t].size();
    parent_.resize(count);
    std::iota(parent_.begin(), parent_.end(), size_t{0});
    for (size_t t = 0; t < g_.tensors.size(); ++t) {
      const TensorId id = static_cast<TensorId>(t);
      const int n = uses_.made_by(id);
      plan_.measured[t] = plan_.quantised(id) && !(n >= 0 && same(n));
      if (plan_.measured[t] && !per_channel_[t]) merge(id);
    }
  }

  size_t find(size_t a) {
    while (parent_[a] != a) a = parent_[a] = parent_[parent_[a]];
    return a;
  }
  void join(size_t a, size_t b) { parent_[find(b)] = find(a); }
  void merge(TensorId t) {
    for (size_t c = 1; c < plan_.group[at(t)].size(); ++c) join(first_[at(t)], first_[at(t)] + c);
  }

  void tie(size_t n) {
    if (!same(static_cast<int>(n))) return;
    const TensorId y = out(n);
    for (const Tie& tie : rules_[n].ties) {
      const TensorId x = node(n).inputs[at(tie.input)];
      if (tie.mixed) merge(x), merge(y), join(first_[at(x)], first_[at(y)]);
      for (int64_t c = 0; c < tie.count && !tie.mixed; ++c) {
        const size_t from = at(tie.in_first + c * tie.in_step), to = at(tie.out_first + c);
        assert(from < plan_.group[at(x)].size() && to < plan_.group[at(y)].size());
        join(first_[at(x)] + from, first_[at(y)] + to);
      }
    }
  }

  void name_groups() {
    std::vector<int> name(parent_.size(), -1);
    for (size_t t = 0; t < g_.tensors.size(); ++t)
      for (size_t c = 0; c < plan_.group[t].size(); ++c) {
        int& id = name[find(first_[t] + c)];
        if (id < 0) id = plan_.groups++;
        plan_.group[t][c] = id;
      }
    plan_.symmetric.assign(at(plan_.groups), false);
    for (size_t n = 0; n < g_.nodes.size(); ++n)
      if (plan_.int8[n] && role(n) == Role::kProduct)
        for (int id : plan_.group[at(node(n).inputs[1])]) plan_.symmetric[at(id)] = true;
  }

  const Graph& g_;
  const PlanOptions& options_;
  Uses uses_;
  std::vector<Int8Rule> rules_;    // by node; kFloat where excluded
  std::vector<bool> per_channel_;  // by tensor
  std::vector<size_t> first_;      // by tensor: its first channel's place in parent_
  std::vector<size_t> parent_;     // union-find over channels
  Plan plan_;
};

constexpr GranularityName kGranularities[] = {
    {"auto", "where it measures best", Granularity::kAll},
    {"tensor", "nowhere", Granularity::kTensor},
    {"depthwise", "where depthwise convolutions read", Granularity::kDepthwise},
    {"free", "where no dense layer reads", Granularity::kFree},
    {"all", "everywhere, folded into the weights of dense layers", Granularity::kAll}};

}  // namespace

std::span<const GranularityName> granularities() { return kGranularities; }

Result<Plan> make_plan(const Graph& g, const PlanOptions& options) {
  for (const std::string& name : options.exclude)
    if (std::none_of(g.nodes.begin(), g.nodes.end(), [&](const Node& n) { return means(name, n); }))
      return Error{Code::kBadArgument,
                   "--exclude: " + g.source + " has no node '" + name + "'" + similar_names(name, names_of_nodes(g))};
  return Planner(g, options).make();
}

std::vector<std::string> drop_unseen(const Graph& g, const std::vector<bool>& seen, Plan& plan) {
  std::vector<std::string> lines;
  std::vector<bool> has_range(at(plan.groups), false), dropped(g.tensors.size(), false);
  for (size_t t = 0; t < g.tensors.size(); ++t)
    if (plan.measured[t] && seen[t])
      for (int id : plan.group[t]) has_range[at(id)] = true;
  for (size_t t = 0; t < g.tensors.size(); ++t) {
    const bool unseen = plan.measured[t] && !seen[t];
    dropped[t] =
        unseen || std::any_of(plan.group[t].begin(), plan.group[t].end(), [&](int id) { return !has_range[at(id)]; });
    if (unseen)
      lines.push_back("tensor '" + g.tensors[t].name +
                      "' had no values in any calibration sample: it has no scale, and what reads it stays float");
    if (dropped[t]) plan.group[t].clear(), plan.measured[t] = false;
  }
  for (size_t n = 0; n < g.nodes.size(); ++n) {
    const Node& node = g.nodes[n];
    const Int8Rule rule = int8_rule(g, node);
    for (size_t i = 0; plan.int8[n] && i < node.inputs.size(); ++i) {
      if (!reads_u8(g, node, rule, i) || !dropped[at(node.inputs[i])]) continue;
      plan.int8[n] = false;
      plan.reason[n] = "calibration had no values of '" + tensor(g, node.inputs[i]).name + "'";
    }
    const bool layer = rule.kind == Role::kLayer || rule.kind == Role::kProduct;  // these can write floats
    if (!layer && dropped[at(node.outputs[0])]) plan.int8[n] = false;
  }
  return lines;
}

namespace {

// Symmetric, for a tensor that stands in the place of weights.
kernels::QuantParams choose_narrow(float low, float high) {
  return {std::max(std::max(-low, high) / 127.0f, 1e-12f), kProductZero};
}

}  // namespace

Quant quant_of(const Plan& plan, TensorId t, const std::vector<Range>& ranges) {
  Quant q;
  bool one = true;
  for (int id : plan.group[at(t)]) {
    const Range& r = ranges[at(id)];
    const kernels::QuantParams p =
        plan.symmetric[at(id)] ? choose_narrow(r.low, r.high) : kernels::choose_u8(r.low, r.high);
    q.scale.push_back(p.scale);
    q.zero_point.push_back(static_cast<uint8_t>(p.zero_point));
    one = one && q.scale.back() == q.scale[0] && q.zero_point.back() == q.zero_point[0];
  }
  if (one && !q.scale.empty()) return {{q.scale[0]}, {q.zero_point[0]}};
  return q;
}

void set_quants(Graph& g, const Plan& plan, const std::vector<Range>& ranges) {
  for (size_t t = 0; t < g.tensors.size(); ++t)
    if (!plan.group[t].empty()) g.tensors[t].quant = quant_of(plan, static_cast<TensorId>(t), ranges);
}

}  // namespace octet::convert
