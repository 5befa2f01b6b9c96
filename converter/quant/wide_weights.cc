// Few weights of a layer are so wide (a zero point is near the middle), so the sums grow by a few channels.
#include "converter/quant/wide_weights.h"

#include <algorithm>
#include <cmath>

#include "converter/graph/edit.h"
#include "converter/quant/grid.h"
#include "converter/quant/roles.h"

namespace octet::convert {
namespace {

constexpr int kMost = 127, kWide = 255;

// Weights as [rows][channels] steps, a row for each output channel and tap.
struct Steps {
  int64_t rows = 0, channels = 0, taps = 1;
  std::vector<float> step;  // by output channel
  std::vector<int> values;
  bool wide(int64_t output) const {
    const int64_t each = taps * channels;
    return std::any_of(values.begin() + output * each, values.begin() + (output + 1) * each,
                       [](int v) { return std::abs(v) > kMost; });
  }
};

// Nothing where no weight is wide, or where an output channel's weights lie on no grid.
std::optional<Steps> wide_steps(const Tensor& w) {
  const auto values = w.values<float>();
  const int64_t outputs = w.shape[0], each = w.shape.elements() / outputs;
  Steps s{.channels = w.shape[-1], .step = {}, .values = {}};
  s.taps = each / s.channels, s.rows = outputs * s.taps;
  bool any = false;
  for (int64_t n = 0; n < outputs; ++n) {
    const auto row = values.subspan(at(n * each), at(each));
    auto step = grid_step(row, kMost);
    any = any || !step;
    if (!step) step = grid_step(row, kWide);
    if (!step) return std::nullopt;
    s.step.push_back(*step);
    for (float v : row) s.values.push_back(*step > 0 ? static_cast<int>(std::nearbyint(v / *step)) : 0);
  }
  if (!any) return std::nullopt;
  return s;
}

// [rows][channels] with more channels: for each of `copied` what exceeds 127 steps of that channel.
std::vector<float> narrowed(const Steps& s, std::vector<int64_t>& copied) {
  std::vector<int> rest = s.values;
  std::vector<std::vector<int>> columns(at(s.channels));
  std::vector<std::vector<int>> added;
  const auto take = [&](int64_t c) {
    std::vector<int> column;
    for (int64_t r = 0; r < s.rows; ++r) {
      int& v = rest[at(r * s.channels + c)];
      column.push_back(std::clamp(v, -kMost, kMost));
      v -= column.back();
    }
    return column;
  };
  for (int64_t c = 0; c < s.channels; ++c) {
    columns[at(c)] = take(c);
    const auto left = [&] {
      for (int64_t r = 0; r < s.rows; ++r)
        if (rest[at(r * s.channels + c)]) return true;
      return false;
    };
    while (left()) copied.push_back(c), added.push_back(take(c));
  }
  columns.insert(columns.end(), added.begin(), added.end());
  std::vector<float> out;
  for (int64_t r = 0; r < s.rows; ++r)
    for (const auto& column : columns) out.push_back(static_cast<float>(column[at(r)]) * s.step[at(r / s.taps)]);
  return out;
}

Shape with_last(Shape shape, int64_t size) {
  shape[shape.rank() - 1] = size;
  return shape;
}

// Writes nodes in front of the layer.
struct Splitter {
  Graph& g;
  size_t i;  // the layer's place
  std::string name;

  TensorId put(schema::OpUnion op, std::vector<TensorId> inputs, TensorId like, int64_t channels) {
    const TensorId y = add_like(g, like, with_last(tensor(g, like).shape, channels));
    g.tensors[at(y)].quant = {};
    std::string own = part_name(name, op.type);
    Node part{.name = std::move(own), .op = std::move(op), .inputs = std::move(inputs), .outputs = {y}};
    insert(g, static_cast<int>(i++), std::move(part));
    return y;
  }
  TensorId slice(TensorId x, int64_t begin, int64_t end) {
    const int axis = tensor(g, x).shape.rank() - 1;
    return put(make_op(schema::SliceT{.starts = {begin}, .ends = {end}, .axes = {axis}, .steps = {1}}), {x}, x,
               end - begin);
  }
  TensorId concat(std::vector<TensorId> parts, int64_t channels) {
    if (parts.size() == 1) return parts[0];
    const TensorId like = parts[0];
    return put(make_op(schema::ConcatT{.axis = tensor(g, like).shape.rank() - 1}), std::move(parts), like, channels);
  }
  TensorId floats(const Tensor& like, const Shape& shape, std::vector<float> values) {
    return g.add(make_constant<float>(like.name, shape, std::span<const float>(values)));
  }
};

void widen_input(Graph& g, size_t i, const Steps& steps) {
  Splitter split{g, i, g.nodes[i].name};
  const TensorId x = g.nodes[i].inputs[0];
  const Tensor w = tensor(g, g.nodes[i].inputs[1]);
  std::vector<int64_t> copied;
  const std::vector<float> values = narrowed(steps, copied);
  std::vector<TensorId> parts{x};
  for (int64_t c : copied) parts.push_back(split.slice(x, c, c + 1));
  const int64_t channels = steps.channels + static_cast<int64_t>(copied.size());
  const TensorId wide = split.concat(std::move(parts), channels);
  Node& layer = g.nodes[split.i];
  layer.inputs[0] = wide;
  layer.inputs[1] = split.floats(w, with_last(w.shape, channels), values);
}

// Channels [begin, end) of a depthwise layer; of one that is wide, a dense convolution over copies of it.
TensorId depthwise_part(Splitter& split, const Node& layer, const Steps& steps, int64_t begin, int64_t end) {
  Graph& g = split.g;
  const Tensor w = tensor(g, layer.inputs[1]);
  schema::OpUnion op = layer.op;
  std::vector<TensorId> inputs{split.slice(layer.inputs[0], begin, end), -1};
  Steps part{.rows = (end - begin) * steps.taps, .channels = 1, .taps = steps.taps, .step = {}, .values = {}};
  part.step.assign(steps.step.begin() + begin, steps.step.begin() + end);
  part.values.assign(steps.values.begin() + begin * steps.taps, steps.values.begin() + end * steps.taps);
  std::vector<int64_t> copied;
  const std::vector<float> values = narrowed(part, copied);
  const int64_t channels = 1 + static_cast<int64_t>(copied.size());
  if (channels > 1) inputs[0] = split.concat(std::vector<TensorId>(at(channels), inputs[0]), channels);
  op.AsConv2d()->groups = static_cast<int>(end - begin);
  Shape shape = with_last(w.shape, channels);
  shape[0] = end - begin;
  inputs[1] = split.floats(w, shape, values);
  if (layer.inputs.size() > 2 && layer.inputs[2] >= 0) {
    const auto bias = tensor(g, layer.inputs[2]).values<float>().subspan(at(begin), at(end - begin));
    inputs.push_back(split.floats(tensor(g, layer.inputs[2]), {end - begin}, {bias.begin(), bias.end()}));
  } else if (layer.inputs.size() > 2) {
    inputs.push_back(-1);
  }
  if (layer.inputs.size() > 3) inputs.push_back(layer.inputs[3] < 0 ? -1 : split.slice(layer.inputs[3], begin, end));
  return split.put(std::move(op), std::move(inputs), layer.outputs[0], end - begin);
}

void split_depthwise(Graph& g, size_t i, const Steps& steps) {
  const Node layer = g.nodes[i];
  Splitter split{g, i, layer.name};
  const int64_t channels = tensor(g, layer.inputs[1]).shape[0];
  std::vector<TensorId> parts;
  for (int64_t begin = 0; begin < channels;) {
    int64_t end = begin + 1;
    while (!steps.wide(begin) && end < channels && !steps.wide(end)) ++end;
    parts.push_back(depthwise_part(split, layer, steps, begin, end));
    begin = end;
  }
  Node& last = g.nodes[split.i];
  last.op = make_op(schema::ConcatT{.axis = tensor(g, layer.outputs[0]).shape.rank() - 1});
  last.inputs = std::move(parts);
}

}  // namespace

std::vector<std::string> split_wide_weights(Graph& g) {
  std::vector<std::string> split;
  for (size_t i = 0; i < g.nodes.size(); ++i) {
    if (role(g, g.nodes[i]) != Role::kLayer) continue;
    const auto steps = wide_steps(tensor(g, g.nodes[i].inputs[1]));
    const auto* conv = as<schema::Conv2dT>(g.nodes[i]);
    const bool each = conv && conv->groups > 1;
    if (!steps || (each && !depthwise(g, g.nodes[i]))) continue;
    const size_t before = g.nodes.size();
    split.push_back(g.nodes[i].name);
    each ? split_depthwise(g, i, *steps) : widen_input(g, i, *steps);
    i += g.nodes.size() - before;
  }
  return split;
}

}  // namespace octet::convert
