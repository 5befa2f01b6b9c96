// Multiplication and addition a channel, into the weights before them; constant right-hand sides of MatMul.
// Before: y = Add(Mul(Conv(x, w, b), s), t)   After: y = Conv(x, s*w, s*b + t)   (BatchNormalization is such a pair)
// Before: y = MatMul(x, w)                    After: y = MatMul(x, transposed w, transpose_b)
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
  if (!c.constant || c.dtype != DType::kF32 || c.shape.rank() > out.rank()) return std::nullopt;
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
bool scale_weights(Graph& g, Node& n, const Channels& a) {
  Tensor w = tensor(g, n.inputs[1]);
  const size_t channels = a.scale.size(), each = w.values<float>().size() / channels;
  auto v = w.values<float>();
  for (size_t i = 0; i < v.size(); ++i) {
    v[i] *= a.scale[i / each];
    if (!std::isfinite(v[i])) return false;
  }
  std::vector<float> bias(channels, 0);
  if (n.inputs.size() > 2 && n.inputs[2] >= 0)
    bias.assign(tensor(g, n.inputs[2]).values<float>().begin(), tensor(g, n.inputs[2]).values<float>().end());
  for (size_t i = 0; i < channels; ++i) {
    bias[i] = bias[i] * a.scale[i] + a.shift[i];
    if (!std::isfinite(bias[i])) return false;
  }
  const std::string name = w.name;
  const TensorId scaled = g.add(std::move(w));
  const TensorId shifted = g.add(make_constant<float>(name + ":bias", {static_cast<int64_t>(channels)}, bias));
  n.inputs.resize(3, -1);
  n.inputs[1] = scaled;
  n.inputs[2] = shifted;
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

bool fuse(Graph& g, const Uses& uses, int i) {
  const Node& n = g.nodes[static_cast<size_t>(i)];
  auto* op = as<schema::BinaryT>(n);
  if (!op || op->act.kind() != ActKind::none) return false;
  for (size_t constant = 0; constant < 2; ++constant) {
    const TensorId x = n.inputs[1 - constant];
    Node* maker = uses.single(x) ? producer(g, uses, x) : nullptr;
    if (!maker || !can_take(g, *maker)) continue;
    const auto a = affine(g, n, constant);
    if (!a || static_cast<int64_t>(a->scale.size()) != tensor(g, maker->inputs[1]).shape[0] ||
        !scale_weights(g, *maker, *a))
      continue;
    maker->outputs = n.outputs;
    g.nodes.erase(g.nodes.begin() + i);
    return true;
  }
  return false;
}

}  // namespace

int fuse_affine(Graph& g) { return rewrite_nodes(g, fuse); }

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
