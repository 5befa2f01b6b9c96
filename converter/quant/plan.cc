// Reachability decides what is u8; a union-find over single channels decides what shares a scale.
#include "converter/quant/plan.h"

#include <algorithm>
#include <numeric>

#include "converter/quant/roles.h"
#include "kernels/quant.h"
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
  Planner(const Graph& g, const PlanOptions& options) : g_(g), options_(options), uses_(g), roles_(g.nodes.size()) {
    for (size_t n = 0; n < g.nodes.size(); ++n) roles_[n] = role(g, g.nodes[n]);
  }

  Plan make() {
    plan_.int8.assign(g_.nodes.size(), false);
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
  TensorId out(size_t n) const { return node(n).outputs[0]; }
  // A float operand that may be u8 in a node of this role.
  bool operand(size_t n, size_t i) const {
    if (node(n).inputs[i] < 0 || tensor(g_, node(n).inputs[i]).dtype != DType::kF32) return false;
    if (node(n).op.type == schema::Op::Affine) return i == 0;
    if (roles_[n] == Role::kProduct) return i < 2;
    return roles_[n] != Role::kLayer || i == 0 || i == 3;
  }

  void exclude() {
    std::vector<bool> after(g_.tensors.size(), false);   // a layer comes after this tensor
    std::vector<bool> behind(g_.tensors.size(), false);  // a layer comes before it
    for (size_t n = g_.nodes.size(); n-- > 0;) {
      bool any = roles_[n] == Role::kLayer;
      for (TensorId t : node(n).outputs) any = any || after[at(t)];
      for (TensorId t : node(n).inputs)
        if (t >= 0) after[at(t)] = after[at(t)] || any;
    }
    // What a decoder does to the rows that TopK picked is little work, and boxes need its digits.
    std::vector<bool> picked(g_.tensors.size(), false);
    for (size_t n = 0; n < g_.nodes.size(); ++n) {
      bool any = false, of_picked = node(n).op.type == schema::Op::TopK;
      for (TensorId t : node(n).inputs) any = any || (t >= 0 && behind[at(t)]);
      for (TensorId t : node(n).inputs) of_picked = of_picked || (t >= 0 && picked[at(t)]);
      for (TensorId t : node(n).outputs) picked[at(t)] = of_picked;
      if (of_picked) roles_[n] = Role::kFloat;
      if (roles_[n] == Role::kLayer) {
        const bool first = !any, last = !after[at(out(n))];
        any = true;
        if ((options_.float_first && first) || (options_.float_last && last) || from_softmax(node(n).inputs[0]))
          roles_[n] = Role::kFloat;
      }
      for (TensorId t : node(n).outputs) behind[at(t)] = any;
      if (std::any_of(options_.exclude.begin(), options_.exclude.end(),
                      [&](const std::string& name) { return means(name, node(n)); }))
        roles_[n] = Role::kFloat;
    }
  }

  // Expectations over a distribution (boxes as distributions over distances) are decoding, not features.
  bool from_softmax(TensorId t) const {
    int n = uses_.made_by(t);
    while (n >= 0 && roles_[at(n)] == Role::kSame) n = uses_.made_by(node(at(n)).inputs[0]);
    return n >= 0 && node(at(n)).op.type == schema::Op::Softmax;
  }

  // An op between layers runs in int8 where an operand is u8 anyway and a layer needs its result as u8.
  void choose_int8() {
    std::vector<bool> available(g_.tensors.size(), false), wanted(g_.tensors.size(), false);
    for (TensorId t : g_.inputs) available[at(t)] = tensor(g_, t).dtype == DType::kF32;
    for (size_t n = 0; n < g_.nodes.size(); ++n) {
      bool any = roles_[n] == Role::kLayer;
      if (roles_[n] == Role::kProduct)
        any = available[at(node(n).inputs[0])] && available[at(node(n).inputs[1])];
      else if (roles_[n] != Role::kFloat)
        for (TensorId t : node(n).inputs) any = any || (t >= 0 && available[at(t)]);
      for (TensorId t : node(n).outputs) available[at(t)] = any && roles_[n] != Role::kFloat;
    }
    for (size_t n = g_.nodes.size(); n-- > 0;) {
      if (roles_[n] == Role::kFloat) continue;
      const bool layer = roles_[n] == Role::kLayer || roles_[n] == Role::kProduct;
      plan_.int8[n] = available[at(out(n))] && (layer || wanted[at(out(n))]);
      for (size_t i = 0; plan_.int8[n] && i < node(n).inputs.size(); ++i)
        if (operand(n, i)) wanted[at(node(n).inputs[i])] = true;
    }
    for (size_t t = 0; t < wanted.size(); ++t)
      if (wanted[t]) plan_.group[t].resize(static_cast<size_t>(channels(g_.tensors[t])));
  }

  bool same(int n) const { return plan_.int8[at(n)] && roles_[at(n)] == Role::kSame; }

  bool wants_channels(TensorId t, int n) const {
    if (!plan_.int8[at(n)] || roles_[at(n)] == Role::kProduct) return false;
    const bool dense_layer = roles_[at(n)] == Role::kLayer && node(at(n)).inputs[0] == t && !depthwise(g_, node(at(n)));
    switch (options_.granularity) {
      case Granularity::kTensor:
        return false;
      case Granularity::kDepthwise:
        return (roles_[at(n)] == Role::kLayer && depthwise(g_, node(at(n)))) ||
               node(at(n)).op.type == schema::Op::Unary || node(at(n)).op.type == schema::Op::Affine;
      case Granularity::kFree:
        return !dense_layer;
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
    ties(
        g_, node(n),
        [&](TensorId x, int64_t a, int64_t b) {
          join(first_[at(x)] + static_cast<size_t>(a), first_[at(y)] + static_cast<size_t>(b));
        },
        [&](TensorId t) { merge(t); });
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
      if (plan_.int8[n] && roles_[n] == Role::kProduct)
        for (int id : plan_.group[at(node(n).inputs[1])]) plan_.symmetric[at(id)] = true;
  }

  const Graph& g_;
  const PlanOptions& options_;
  Uses uses_;
  std::vector<Role> roles_;        // by node; kFloat where excluded
  std::vector<bool> per_channel_;  // by tensor
  std::vector<size_t> first_;      // by tensor: its first channel's place in parent_
  std::vector<size_t> parent_;     // union-find over channels
  Plan plan_;
};

}  // namespace

Result<Plan> make_plan(const Graph& g, const PlanOptions& options) {
  for (const std::string& name : options.exclude)
    if (std::none_of(g.nodes.begin(), g.nodes.end(), [&](const Node& n) { return means(name, n); }))
      return Error{Code::kBadArgument,
                   "--exclude: " + g.source + " has no node '" + name + "'" + similar_names(name, names_of_nodes(g))};
  return Planner(g, options).make();
}

namespace {

// Symmetric around zero point 128, for a tensor that stands in the place of weights.
kernels::QuantParams choose_narrow(float low, float high) {
  return {std::max(std::max(-low, high) / 127.0f, 1e-12f), 128};
}

}  // namespace

void set_quants(Graph& g, const Plan& plan, const std::vector<Range>& ranges) {
  for (size_t t = 0; t < g.tensors.size(); ++t) {
    const std::vector<int>& group = plan.group[t];
    if (group.empty()) continue;
    const bool one = std::all_of(group.begin(), group.end(), [&](int id) { return id == group[0]; });
    Quant& q = g.tensors[t].quant;
    q = {};
    for (size_t c = 0; c < (one ? 1 : group.size()); ++c) {
      const Range& r = ranges[at(group[c])];
      const kernels::QuantParams p =
          plan.symmetric[at(group[c])] ? choose_narrow(r.low, r.high) : kernels::choose_u8(r.low, r.high);
      q.scale.push_back(p.scale);
      q.zero_point.push_back(static_cast<uint8_t>(p.zero_point));
    }
  }
}

}  // namespace octet::convert
