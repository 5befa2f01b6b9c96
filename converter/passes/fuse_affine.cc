// Multiplication and addition a channel, into the weights before them; constant right-hand sides of MatMul.
// Before: y = Add(Mul(Conv(x, w, b), s), t)   After: y = Conv(x, s*w, s*b + t)   (BatchNormalization is such a pair)
// Before: y = MatMul(x, w)                    After: y = MatMul(x, transposed w, transpose_b)
// Before: y = Add(Max(x, 0), Mul(Min(x, 0), s)), or Max(x, Mul(x, s))   After: y = Affine(x, 1, 0, s)
// Before: y = Add(Mul(x, s), t)               After: y = Affine(x, s, t)     also before a slope, where no layer takes them
// Unless: the conv has another reader or an activation, or a constant differs within a channel.
#include <cmath>

#include "converter/passes/rewrite.h"

namespace octet::convert {
namespace {

using schema::ActKind;
using schema::BinaryKind;

struct Channels {
  std::vector<float> scale, shift;
};

// The constant spread to one value a channel; nothing where it differs along another dim.
std::optional<std::vector<float>> by_channel(const Tensor& c, const Shape& out) {
  if (!c.constant || c.dtype != DType::kF32 || out.rank() == 0 || c.shape.rank() > out.rank()) return std::nullopt;
  const int64_t channels = out[-1];
  const auto v = c.values<float>();
  if (v.size() == 1 && channels > 0) return std::vector<float>(static_cast<size_t>(channels), v[0]);
  if (c.shape.rank() == 0 || c.shape[-1] != channels || static_cast<int64_t>(v.size()) != channels) return std::nullopt;
  return std::vector<float>(v.begin(), v.end());
}

std::optional<Channels> affine(const Graph& g, const Node& n, size_t constant) {
  const auto c = by_channel(tensor(g, n.inputs[constant]), tensor(g, n.outputs[0]).shape);
  if (!c || tensor(g, n.inputs[1 - constant]).shape != tensor(g, n.outputs[0]).shape) return std::nullopt;
  Channels a{std::vector<float>(c->size(), 1), std::vector<float>(c->size(), 0)};
  for (size_t i = 0; i < c->size(); ++i) {
    const float v = (*c)[i];
    switch (as<schema::BinaryT>(n)->kind) {
      case BinaryKind::add:
        a.shift[i] = v;
        break;
      case BinaryKind::mul:
        a.scale[i] = v;
        break;
      case BinaryKind::sub:
        a.scale[i] = constant == 1 ? 1.0f : -1.0f;
        a.shift[i] = constant == 1 ? -v : v;
        break;
      case BinaryKind::div:
        if (constant == 0 || v == 0) return std::nullopt;
        a.scale[i] = 1 / v;
        break;
      default:
        return std::nullopt;
    }
  }
  return a;
}

// New constants, because others may read the old ones.
bool scale_weights(Rewriter& r, int i, const Channels& a) {
  Graph& g = r.g;
  const Node& n = r.node(i);
  Tensor w = tensor(g, n.inputs[1]);
  const size_t channels = a.scale.size(), each = w.values<float>().size() / channels;
  auto v = w.values<float>();
  for (size_t k = 0; k < v.size(); ++k) {
    v[k] *= a.scale[k / each];
    if (!std::isfinite(v[k])) return false;
  }
  std::vector<float> bias(channels, 0);
  if (n.inputs.size() > 2 && n.inputs[2] >= 0)
    bias.assign(tensor(g, n.inputs[2]).values<float>().begin(), tensor(g, n.inputs[2]).values<float>().end());
  for (size_t k = 0; k < channels; ++k) {
    bias[k] = bias[k] * a.scale[k] + a.shift[k];
    if (!std::isfinite(bias[k])) return false;
  }
  const std::string name = w.name;
  const TensorId scaled = g.add(std::move(w));
  const TensorId shifted = g.add(make_constant<float>(name + ":bias", {static_cast<int64_t>(channels)}, bias));
  r.set_inputs(i, {n.inputs[0], scaled, shifted});
  return true;
}

bool can_take(const Graph& g, Node& n) {
  if (!as<schema::Conv2dT>(n) && !as<schema::MatMulT>(n)) return false;
  const Tensor& w = tensor(g, n.inputs[1]);
  if (auto* op = as<schema::Conv2dT>(n)) return op->act.kind() == ActKind::none && n.inputs.size() < 4 && w.constant;
  auto* op = as<schema::MatMulT>(n);
  return op && op->act.kind() == ActKind::none && w.constant && w.dtype == DType::kF32 && w.shape.rank() == 2 &&
         op->transpose_b;
}

bool fuse_affine_at(Rewriter& r, int i) {
  Graph& g = r.g;
  const Node& n = r.node(i);
  auto* op = as<schema::BinaryT>(n);
  if (!op || op->act.kind() != ActKind::none) return false;
  for (size_t constant = 0; constant < 2; ++constant) {
    const TensorId x = n.inputs[1 - constant];
    const int maker = r.uses().single(x) ? r.uses().made_by(x) : -1;
    if (maker < 0 || !can_take(g, r.node(maker))) continue;
    const auto a = affine(g, n, constant);
    if (!a || static_cast<int64_t>(a->scale.size()) != tensor(g, r.node(maker).inputs[1]).shape[0] ||
        !scale_weights(r, maker, *a))
      continue;
    r.set_outputs(maker, n.outputs);
    r.erase(i);
    return true;
  }
  return false;
}

// A constant operand, one number a channel, of the binary node `kind` that makes t from x.
std::optional<std::vector<float>> by(Graph& g, const Uses& uses, TensorId t, BinaryKind kind, TensorId& x) {
  const Node* n = uses.single(t) ? producer(g, uses, t) : nullptr;
  auto* op = n ? as<schema::BinaryT>(*n) : nullptr;
  if (!op || op->kind != kind || op->act.kind() != ActKind::none) return std::nullopt;
  for (size_t i = 0; i < 2; ++i) {
    auto c = by_channel(tensor(g, n->inputs[i]), tensor(g, t).shape);
    if (!c || tensor(g, n->inputs[1 - i]).shape != tensor(g, t).shape) continue;
    x = n->inputs[1 - i];
    return c;
  }
  return std::nullopt;
}

// The slopes of a PReLU that ends in node n, and its operand.
std::optional<std::vector<float>> prelu(Graph& g, const Uses& uses, const Node& n, TensorId& x) {
  const auto* op = as<schema::BinaryT>(n);
  const auto zeros = [](const std::optional<std::vector<float>>& v) {
    return v && std::all_of(v->begin(), v->end(), [](float f) { return f == 0; });
  };
  for (size_t i = 0; i < 2; ++i) {
    const TensorId one = n.inputs[i], other = n.inputs[1 - i];
    TensorId scaled = -1, above = -1, below = -1;
    auto slope = by(g, uses, other, BinaryKind::mul, scaled);
    if (!slope) continue;
    if (op->kind == BinaryKind::max && scaled == one &&
        std::all_of(slope->begin(), slope->end(), [](float f) { return f >= 0 && f <= 1; }))
      return x = one, slope;
    if (op->kind == BinaryKind::add && zeros(by(g, uses, one, BinaryKind::max, above)) &&
        zeros(by(g, uses, scaled, BinaryKind::min, below)) && above == below)
      return x = above, slope;
  }
  return std::nullopt;
}

TensorId channel_constant(Graph& g, const std::string& name, std::vector<float> values) {
  const auto size = static_cast<int64_t>(values.size());
  return g.add(make_constant<float>(name, {size}, std::move(values)));
}

// The line that a node is, and its operand.
std::optional<Channels> line_of(const Graph& g, const Node& n, TensorId& x) {
  if (as<schema::AffineT>(n) && n.inputs.size() == 3) {
    const auto scale = tensor(g, n.inputs[1]).values<float>(), shift = tensor(g, n.inputs[2]).values<float>();
    x = n.inputs[0];
    return Channels{{scale.begin(), scale.end()}, {shift.begin(), shift.end()}};
  }
  const auto* op = as<schema::BinaryT>(n);
  for (size_t constant = 0; op && op->act.kind() == ActKind::none && constant < 2; ++constant) {
    x = n.inputs[1 - constant];
    if (auto line = affine(g, n, constant)) return line;
  }
  return std::nullopt;
}

// A line before an Affine goes into it.
bool take_before(Rewriter& r, int i) {
  Graph& g = r.g;
  const Node& n = r.node(i);
  const TensorId t = n.inputs[0];
  const Node* before = r.uses().single(t) ? producer(g, r.uses(), t) : nullptr;
  TensorId x = -1;
  auto line = before ? line_of(g, *before, x) : std::nullopt;
  if (!line) return false;
  const auto scale = tensor(g, n.inputs[1]).values<float>(), shift = tensor(g, n.inputs[2]).values<float>();
  for (size_t c = 0; c < scale.size(); ++c) {
    line->shift[c] = line->shift[c] * scale[c] + shift[c];
    line->scale[c] *= scale[c];
    if (!std::isfinite(line->scale[c]) || !std::isfinite(line->shift[c])) return false;
  }
  const std::string name = tensor(g, n.outputs[0]).name;
  std::vector<TensorId> inputs = n.inputs;
  inputs[0] = x;
  inputs[1] = channel_constant(g, name + ":scale", std::move(line->scale));
  inputs[2] = channel_constant(g, name + ":shift", std::move(line->shift));
  r.set_inputs(i, std::move(inputs));
  return true;
}

bool make_affine(Rewriter& r, int i) {
  Graph& g = r.g;
  const Uses& uses = r.uses();
  Node& n = r.node(i);
  if (as<schema::AffineT>(n)) return take_before(r, i);
  const auto* op = as<schema::BinaryT>(n);
  if (!op || op->act.kind() != ActKind::none) return false;
  const std::string name = tensor(g, n.outputs[0]).name;
  TensorId x = -1;
  auto slope = prelu(g, uses, n, x);
  std::optional<Channels> line;
  if (slope) {
    line = Channels{std::vector<float>(slope->size(), 1), std::vector<float>(slope->size(), 0)};
  } else {  // a multiplication alone is left as it is
    for (size_t constant = 0; constant < 2 && !line && op->kind == BinaryKind::add; ++constant) {
      TensorId ignored = -1;
      if (!by(g, uses, n.inputs[1 - constant], BinaryKind::mul, ignored)) continue;
      line = affine(g, n, constant);
      x = n.inputs[1 - constant];
    }
  }
  const auto finite = [](const std::vector<float>& v) {
    return std::all_of(v.begin(), v.end(), [](float f) { return std::isfinite(f); });
  };
  if (!line || !finite(line->scale) || !finite(line->shift) || (slope && !finite(*slope))) return false;
  std::vector<TensorId> inputs = {x, channel_constant(g, name + ":scale", std::move(line->scale)),
                                  channel_constant(g, name + ":shift", std::move(line->shift))};
  if (slope) inputs.push_back(channel_constant(g, name + ":slope", std::move(*slope)));
  r.set_inputs(i, std::move(inputs));
  n.op = make_op(schema::AffineT{});
  return true;
}

}  // namespace

int make_affines(Graph& g) { return rewrite_nodes(g, make_affine); }
int fuse_affine(Graph& g) { return rewrite_nodes(g, fuse_affine_at); }

int weights_of_matmul(Graph& g) {
  int count = 0;
  for (Node& n : g.nodes) {
    auto* op = as<schema::MatMulT>(n);
    if (!op || op->transpose_b || !tensor(g, n.inputs[1]).constant || tensor(g, n.inputs[1]).shape.rank() != 2)
      continue;
    n.inputs[1] = g.add(permuted(tensor(g, n.inputs[1]), {1, 0}));
    op->transpose_b = true;
    ++count;
  }
  return count;
}

}  // namespace octet::convert
