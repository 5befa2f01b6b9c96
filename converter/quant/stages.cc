#include "converter/quant/stages.h"

#include <algorithm>
#include <cstdio>

#include "converter/graph/emit.h"
#include "converter/quant/act16.h"
#include "converter/quant/choose.h"
#include "converter/quant/int8_ops.h"
#include "converter/quant/ranges.h"
#include "converter/quant/roles.h"
#include "runtime/ops/conv/act16.h"

namespace octet::convert {
namespace {

// A group that was never more than a trace of its tensor's values may be more of it in use.
constexpr float kLeastPart = 1e-4f;

constexpr std::string_view kFloatActivations = "float";

bool is_layer(const Node& n) { return n.op.type == schema::Op::Conv2d || n.op.type == schema::Op::MatMul; }

Result<void> check_any_layer(const QuantizeState& s) {
  std::string example;
  for (size_t n = 0; n < s.graph.nodes.size(); ++n) {
    const Node& node = s.graph.nodes[n];
    if (!is_layer(node)) continue;
    if (s.plan.int8[n]) return {};
    if (example.empty()) example = "'" + node.name + "', the first: " + s.plan.reason[n];
  }
  return Error{Code::kUnsupported,
               s.graph.source + (example.empty() ? ": has no convolution or matmul, so nothing to run in int8"
                                                 : ": no convolution or matmul can run in int8; " + example)};
}

Result<void> plan(QuantizeState& s) {
  PlanOptions options{
      .exclude = s.options.exclude, .float_first = s.options.float_first, .float_last = s.options.float_last};
  for (const GranularityName& g : granularities())
    if (is_named(s.options.per_channel, g.name, g.aliases)) options.granularity = g.value;
  auto made = make_plan(s.graph, options);
  if (!made) return made.error();
  s.plan = std::move(*made);
  return check_any_layer(s);
}

Result<void> observe(QuantizeState& s) {
  const RangeMethod* method = find_method(range_methods(), s.options.algo);
  auto seen = observe(
      *s.source, s.plan, *s.samples,
      {.histograms = !method || method->reads_histogram, .threads = s.options.threads, .progress = s.options.progress});
  if (!seen) return seen.error();
  s.seen = std::move(*seen);
  for (std::string& line : drop_unseen(s.graph, s.seen.seen, s.plan)) s.warnings.push_back(std::move(line));
  return check_any_layer(s);
}

template <class Method>
const Method* given_or(std::span<const Method* const> rows, std::string_view name, std::string_view otherwise) {
  const Method* given = find_method(rows, name);
  return given ? given : find_method(rows, otherwise);
}

// What is tried where methods, or who shares a scale, are to be chosen.
std::vector<Candidate> candidates_of(const QuantizeState& s) {
  std::vector<Candidate> all;
  const bool any_spread = is_named(s.options.per_channel, kAuto, {});
  const auto add = [&](const RangeMethod* method, double keep) {
    for (Spread spread : {Spread::kOne, Spread::kHalfway, Spread::kOwn})
      if (any_spread || spread == Spread::kOwn) all.push_back({method, keep, spread});
  };
  if (const RangeMethod* only = find_method(range_methods(), s.options.algo)) {
    add(only, s.options.keep);
    return all;
  }
  constexpr std::pair<const char*, double> kTried[] = {
      {"mse", 1}, {"minmax", 1}, {"percentile", 0.99999}, {"percentile", 0.9999}};
  for (const auto& [name, keep] : kTried) add(find_method(range_methods(), name), keep);
  return all;
}

// "mse 40, minmax 12; one scale 30, halfway 12, own scales 10".
std::string summary(const std::vector<Candidate>& candidates, const std::vector<size_t>& chosen) {
  std::vector<std::pair<std::string, int>> methods, spreads;
  const auto count = [](auto& counts, const std::string& name) {
    for (auto& [known, n] : counts)
      if (known == name) return void(++n);
    counts.emplace_back(name, 1);
  };
  constexpr const char* kSpreads[] = {"one scale", "halfway", "own scales"};
  for (size_t i : chosen) {
    const Candidate& c = candidates[i];
    char keep[32] = "";
    if (c.keep < 1) std::snprintf(keep, sizeof keep, " %g", c.keep * 100);
    count(methods, std::string(c.method->name) + keep);
    count(spreads, kSpreads[static_cast<size_t>(c.spread)]);
  }
  std::string text;
  for (const auto* counts : {&methods, &spreads})
    for (const auto& [name, n] : *counts)
      text += (text.empty() ? "" : &name == &(*counts)[0].first ? "; " : ", ") + name + " " + std::to_string(n);
  return text;
}

// What calibration shows of itself.
void warn(QuantizeState& s, const Chooser& chooser) {
  constexpr size_t kFew = 8;
  if (s.samples->count < kFew)
    s.warnings.emplace_back(
        "calibrated on " + std::to_string(s.samples->count) +
        " samples: ranges of so few are chance; about a hundred of the kind that the model will see are enough");
  const bool still = s.samples->count > 1 && s.seen.constant_outputs;
  if (still)
    s.warnings.emplace_back(
        "all outputs are the same for every calibration sample: they are not what the model was made for");
  if (!still && chooser.hardly_varies())
    s.warnings.emplace_back(
        "the first layer gives nearly the same everywhere: the calibration data does not look like what the model was "
        "made for; "
        "compare size and preprocessing of pictures (scale, mean, order of channels) with its training");
  const bool given = find_method(range_methods(), s.options.algo) != nullptr;
  if (std::string line = given ? chooser.far_from_best(s.ranges) : ""; !line.empty())
    s.warnings.emplace_back(std::move(line));
}

Result<void> choose_ranges(QuantizeState& s) {
  const ChooseOptions options{
      .candidates = candidates_of(s),
      .methods = {given_or(weight_methods(), s.options.weights, "max"), find_method(bias_methods(), s.options.bias)},
      .symmetric = s.options.symmetric};
  s.ranges.clear();
  for (const Statistics& g : s.seen.groups) {
    s.ranges.push_back(options.candidates[0].method->range(g, options.candidates[0].keep));
    if (options.symmetric) s.ranges.back() = symmetric(s.ranges.back());
  }
  Threads threads(s.options.threads);
  const Chooser chooser(s.graph, s.plan, s.seen, options);
  if (options.candidates.size() > 1) s.chosen = summary(options.candidates, chooser.choose(s.ranges, threads));
  warn(s, chooser);
  for (TensorId t : s.graph.inputs)  // all of a picture matters
    for (int id : s.plan.group[at(t)]) {
      const bool known = s.samples->pixels && tensor(s.graph, t).shape.rank() == 4;
      s.ranges[at(id)] = known ? *s.samples->pixels : whole(s.seen.groups[at(id)]);
    }
  for (size_t t = 0; t < s.graph.tensors.size(); ++t) {
    if (!s.plan.measured[t]) continue;
    float widest = 0;
    for (int id : s.plan.group[t]) widest = std::max(widest, s.ranges[at(id)].high - s.ranges[at(id)].low);
    for (int id : s.plan.group[t]) {
      Range& r = s.ranges[at(id)];
      if (r.high - r.low < widest * kLeastPart) r.high = r.low + widest * kLeastPart;
    }
  }
  return {};
}

Result<void> set_scales(QuantizeState& s) {
  set_quants(s.graph, s.plan, s.ranges);
  return {};
}

const Recorded* recorded_of(const QuantizeState& s, size_t node) {
  for (const Recorded& r : s.seen.recorded)
    if (r.layer && r.node == node && r.rows() > 0) return &r;
  return nullptr;
}

QuantisedWeights rounded(const QuantizeState& s, size_t n) {
  const Node& node = s.graph.nodes[n];
  const Quant& x = tensor(s.graph, node.inputs[0]).quant;
  LayerWeights layer = weights_of(s.graph, node, node.inputs[1], x);
  const WeightMethod* method = given_or(weight_methods(), s.options.weights, "max");
  if (const Recorded* r = recorded_of(s, n)) {
    if (is_named(s.options.weights, kAuto, {}))
      method =
          best_weights(s.graph, *r, s.seen.mean[at(node.inputs[0])], x, *find_method(bias_methods(), s.options.bias));
    layer.inputs = r->x, layer.places = r->weight;
  }
  return method->quantise(layer);
}

Result<void> round_weights(QuantizeState& s) {
  for (size_t n = 0; n < s.graph.nodes.size(); ++n)
    if (s.plan.int8[n] && role(s.graph, s.graph.nodes[n]) == Role::kLayer)
      s.layers.push_back({n, s.graph.nodes[n].inputs[1]});
  std::vector<QuantisedWeights> made(s.layers.size());
  Threads(s.options.threads).run(static_cast<int64_t>(made.size()), [&](int64_t i) {
    made[at(i)] = rounded(s, s.layers[at(i)].node);
  });
  for (size_t i = 0; i < made.size(); ++i) {
    const Tensor& from = tensor(s.graph, s.layers[i].float_weights);
    Tensor stored = make_constant<int8_t>(from.name + ".s8", from.shape, made[i].values);
    stored.weight_scale = std::move(made[i].scale);
    s.graph.nodes[s.layers[i].node].inputs[1] = s.graph.add(std::move(stored));
  }
  return {};
}

Result<void> correct_biases(QuantizeState& s) {
  const BiasMethod* method = find_method(bias_methods(), s.options.bias);
  for (const QuantisedLayer& layer : s.layers) {
    Node& node = s.graph.nodes[layer.node];
    const LayerWeights w = weights_of(s.graph, node, layer.float_weights, tensor(s.graph, node.inputs[0]).quant);
    const std::vector<double>& mean = s.seen.mean[at(node.inputs[0])];
    if (static_cast<int64_t>(mean.size()) != w.in * w.groups) continue;
    const Tensor& stored = tensor(s.graph, node.inputs[1]);
    const auto values = stored.values<int8_t>();
    const std::vector<float> bias = method->correct(w, {{values.begin(), values.end()}, stored.weight_scale}, mean);
    if (bias.empty()) continue;
    node.inputs.resize(std::max(node.inputs.size(), size_t{3}), -1);
    node.inputs[2] = s.graph.add(make_constant<float>(node.name + ".bias", Shape{w.out}, std::span(bias)));
  }
  return {};
}

// What the activation of a layer gave, where nothing was added to it and all its channels share a scale.
const Histogram* outputs_of(const QuantizeState& s, const Node& node) {
  const auto y = at(node.outputs[0]);
  if ((node.inputs.size() > 3 && node.inputs[3] >= 0) || !s.plan.measured[y] || s.plan.group[y].empty()) return nullptr;
  return &s.seen.groups[at(s.plan.group[y][0])].histogram;
}

// Whether the loader takes it: residual, sums and values inside the arithmetic's bounds.
bool fits(const Graph& g, const Node& node, const schema::Act16& fields, bool relu_after) {
  const Tensor& weights = tensor(g, node.inputs[1]);
  int64_t depth = 1;
  for (int d = 1; d < weights.shape.rank(); ++d) depth *= weights.shape[d];
  const bool has_bias = node.inputs.size() > 2 && node.inputs[2] >= 0;
  const auto bias = has_bias ? tensor(g, node.inputs[2]).values<float>() : std::span<const float>();
  const auto quant = [&](TensorId t) { return octet::Quant{tensor(g, t).quant.scale, tensor(g, t).quant.zero_point}; };
  const octet::Quant x = quant(node.inputs[0]), y = quant(node.outputs[0]);
  const bool has_residual = node.inputs.size() > 3 && node.inputs[3] >= 0;
  const octet::Quant residual = has_residual ? quant(node.inputs[3]) : octet::Quant();
  if (has_residual && residual.empty()) return false;
  std::vector<double> unit;
  for (const float scale : weights.weight_scale)
    unit.push_back(x.per_channel() ? scale : x.scale_at(0) * double{scale});
  return bool(conv::make_act16({fields, y, has_residual ? &residual : nullptr, relu_after, depth, unit, bias}));
}

Result<void> choose_activations(QuantizeState& s) {
  if (s.options.activations == kFloatActivations) return {};
  for (const QuantisedLayer& layer : s.layers) {
    Node& node = s.graph.nodes[layer.node];
    const auto kind = act16_kind(s.graph, node);
    const Tensor& y = tensor(s.graph, node.outputs[0]);
    if (!kind || y.quant.scale.size() != 1) continue;
    const auto* conv = node.op.AsConv2d();
    auto curve = fit_act16(*kind, y.quant.scale[0], outputs_of(s, node));
    if (curve && curve->loss < kAct16Loss && fits(s.graph, node, curve->fields, conv && conv->relu_after))
      node.act16 = curve->fields;
  }
  return {};
}

// Constants that no node reads any more.
void drop_unread(Graph& g) {
  const Uses uses(g);
  std::vector<TensorId> moved(g.tensors.size(), -1);
  std::vector<Tensor> kept;
  for (size_t t = 0; t < g.tensors.size(); ++t) {
    if (g.tensors[t].constant && uses.users[t].empty() && !uses.outputs[t]) continue;
    moved[t] = static_cast<TensorId>(kept.size());
    kept.push_back(std::move(g.tensors[t]));
  }
  g.tensors = std::move(kept);
  auto renumber = [&](std::vector<TensorId>& list) {
    for (TensorId& t : list)
      if (t >= 0) t = moved[at(t)];
  };
  for (Node& n : g.nodes) renumber(n.inputs), renumber(n.outputs);
  renumber(g.inputs), renumber(g.outputs);
}

Result<void> write(QuantizeState& s) {
  s.layers.clear();
  drop_unread(s.graph);
  auto names = int8_ops(s.graph);
  if (!names) return names.error();
  s.graph.int8_ops = std::move(*names);
  auto bytes = emit(s.graph);
  if (!bytes) return bytes.error();
  s.bytes = std::move(*bytes);
  return {};
}

constexpr Stage kStages[] = {{"plan", "", plan},
                             {"observe", "plan", observe},
                             {"ranges", "observe", choose_ranges},
                             {"scales", "ranges", set_scales},
                             {"weights", "scales", round_weights},
                             {"bias", "weights", correct_biases},
                             {"activations", "weights", choose_activations},
                             {"emit", "weights", write}};

template <class Method>
Result<void> known(std::span<const Method* const> rows, const std::string& name, const char* option,
                   const std::vector<Choice>& choices) {
  if (find_method(rows, name)) return {};
  return Error{Code::kBadArgument, std::string(option) + " '" + name + "': expected " + names_of(choices)};
}

}  // namespace

std::span<const Stage> stages() { return kStages; }

Result<void> check(const QuantizeOptions& options, const Samples& samples) {
  const bool chosen = is_named(options.algo, kAuto, {});
  for (const Result<void>& fine :
       {chosen ? Result<void>{} : known(range_methods(), options.algo, "--algo", range_choices()),
        is_named(options.weights, kAuto, {}) ? Result<void>{}
                                             : known(weight_methods(), options.weights, "--weights", weight_choices()),
        known(bias_methods(), options.bias, "--bias", bias_choices())})
    if (!fine) return fine;
  if (options.activations != "auto" && options.activations != kFloatActivations)
    return Error{Code::kBadArgument, "--activations '" + options.activations + "': expected auto or float"};
  const auto all = granularities();
  if (std::none_of(all.begin(), all.end(),
                   [&](const GranularityName& g) { return is_named(options.per_channel, g.name, g.aliases); }))
    return Error{Code::kBadArgument,
                 "--per_channel '" + options.per_channel + "': expected " + names_of(per_channel_choices())};
  if (!(options.keep > 0.5 && options.keep <= 1))
    return Error{Code::kBadArgument, "--percentile: the part of values to keep must be above 50 % and at most 100 %"};
  if (samples.count == 0) return Error{Code::kBadArgument, "no calibration data"};
  return {};
}

Result<void> apply(QuantizeState& state, std::string_view stage) {
  const auto done = [&](std::string_view name) {
    return std::find(state.done.begin(), state.done.end(), name) != state.done.end();
  };
  for (const Stage& s : kStages) {
    if (s.name != stage) continue;
    if (!s.needs.empty() && !done(s.needs))
      return Error{Code::kBadArgument, "stage '" + std::string(stage) + "' comes after '" + std::string(s.needs) + "'"};
    if (auto applied = s.apply(state); !applied) return applied;
    state.done.push_back(s.name);
    return {};
  }
  return Error{Code::kBadArgument, "no stage '" + std::string(stage) + "'"};
}

}  // namespace octet::convert
