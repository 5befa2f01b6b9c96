// The order of things in quantisation, and what it changes in the graph.
#include "converter/quant/quantize.h"

#include <algorithm>
#include <cmath>

#include "converter/passes/passes.h"
#include "converter/quant/emit_int8.h"
#include "converter/quant/roles.h"
#include "converter/quant/wide_weights.h"

namespace octet::convert {
namespace {

// A group that was never more than a trace of its tensor's values may be more of it in use.
constexpr float kLeastPart = 1e-4f;

std::vector<Range> choose_ranges(const Graph& g, const Plan& plan, const Measurements& m, const Samples& samples,
                                 const QuantizeOptions& options) {
  const RangeMethod* method = find_range_method(options.algo);
  std::vector<Range> ranges;
  for (const Statistics& s : m.groups) ranges.push_back(method->range(s, options.keep));
  for (TensorId t : g.inputs)  // all of a picture matters
    for (int id : plan.group[at(t)]) {
      const bool known = samples.pixels && tensor(g, t).shape.rank() == 4;
      ranges[at(id)] = known ? *samples.pixels : minmax(m.groups[at(id)]);
    }
  for (size_t t = 0; t < g.tensors.size(); ++t) {
    if (!plan.measured[t]) continue;
    float widest = 0;
    for (int id : plan.group[t]) widest = std::max(widest, ranges[at(id)].high - ranges[at(id)].low);
    for (int id : plan.group[t]) {
      Range& r = ranges[at(id)];
      if (r.high - r.low < widest * kLeastPart) r.high = r.low + widest * kLeastPart;
    }
  }
  return ranges;
}

LayerWeights weights_of(const Graph& g, const Node& n) {
  const Tensor& w = tensor(g, n.inputs[1]);
  const int64_t groups = n.op.AsConv2d() ? n.op.AsConv2d()->groups : 1;
  LayerWeights layer{.out = w.shape[0], .in = w.shape[-1], .groups = groups, .values = w.values<float>()};
  if (w.shape.rank() == 4) layer.taps = w.shape[1] * w.shape[2];
  if (n.inputs.size() > 2 && n.inputs[2] >= 0) layer.bias = tensor(g, n.inputs[2]).values<float>();
  layer.x = &tensor(g, n.inputs[0]).quant;
  layer.on_grid = g.quantised;
  return layer;
}

void correct_bias(Graph& g, Node& n, const LayerWeights& w, const QuantisedWeights& q,
                  const std::vector<double>& mean) {
  const std::vector<float> error = mean_error(w, q, mean);
  std::vector<float> bias(w.bias.begin(), w.bias.end());
  bias.resize(error.size());
  for (size_t c = 0; c < bias.size(); ++c) bias[c] -= error[c];
  n.inputs.resize(std::max(n.inputs.size(), size_t{3}), -1);
  n.inputs[2] = g.add(make_constant<float>(n.name + ".bias", Shape{w.out}, bias));
}

Result<void> quantise_layer(Graph& g, Node& n, const Measurements& m, const QuantizeOptions& options) {
  const LayerWeights w = weights_of(g, n);
  if (!std::all_of(w.values.begin(), w.values.end(), [](float v) { return std::isfinite(v); }))
    return Error{Code::kBadModel, g.source + ": node '" + n.name + "': a weight that is not finite"};
  QuantisedWeights q = quantise_weights(w, options.weights);
  const std::vector<double>& mean = m.mean[at(n.inputs[0])];
  Tensor stored = make_constant<int8_t>(tensor(g, n.inputs[1]).name + ".s8", tensor(g, n.inputs[1]).shape, q.values);
  stored.weight_scale = q.scale;
  if (options.correct_bias && static_cast<int64_t>(mean.size()) == w.in * w.groups) correct_bias(g, n, w, q, mean);
  n.inputs[1] = g.add(std::move(stored));
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

Result<void> check(const QuantizeOptions& options, const Samples& samples) {
  std::string known;
  for (const RangeMethod& m : range_methods()) known += (known.empty() ? "" : ", ") + std::string(m.name);
  if (!find_range_method(options.algo))
    return Error{Code::kBadArgument, "--algo '" + options.algo + "': expected one of " + known};
  if (!(options.keep > 0.5 && options.keep <= 1))
    return Error{Code::kBadArgument, "--percentile: the part of values to keep must be above 50 % and at most 100 %"};
  if (samples.count == 0) return Error{Code::kBadArgument, "no calibration data"};
  return {};
}

}  // namespace

Result<QuantizedModel> quantize(Graph g, const Samples& samples, const QuantizeOptions& options) {
  if (auto fine = check(options, samples); !fine) return fine.error();
  if (g.quantised) split_wide_weights(g);
  make_names_unique(g);
  auto plan = make_plan(g, options.plan);
  if (!plan) return plan.error();
  QuantizedModel result;
  for (size_t n = 0; n < g.nodes.size(); ++n)
    if (g.nodes[n].op.type == schema::Op::Conv2d || g.nodes[n].op.type == schema::Op::MatMul)
      (plan->int8[n] ? result.int8_layers : result.float_layers).push_back(g.nodes[n].name);
  if (result.int8_layers.empty())
    return Error{Code::kUnsupported, g.source + ": no convolution or matmul that can run in int8"};
  auto float_bytes = emit(g);
  if (!float_bytes) return float_bytes.error();
  result.float_bytes = std::move(*float_bytes);
  auto model = Model::from_bytes(result.float_bytes, g.source);
  if (!model) return model.error();
  auto measured = collect(g, *plan, *model, samples,
                          {.histograms = find_range_method(options.algo)->reads_histogram,
                           .threads = options.threads,
                           .progress = options.progress});
  if (!measured) return measured.error();
  set_quants(g, *plan, choose_ranges(g, *plan, *measured, samples, options));
  for (size_t n = 0; n < g.nodes.size(); ++n)
    if (plan->int8[n] && role(g, g.nodes[n]) == Role::kLayer)
      if (auto done = quantise_layer(g, g.nodes[n], *measured, options); !done) return done.error();
  drop_unread(g);
  auto bytes = emit_int8(g);
  if (!bytes) return bytes.error();
  result.bytes = std::move(*bytes);
  return result;
}

}  // namespace octet::convert
