#include "converter/graph/layer_weights.h"

namespace octet::convert {
namespace {

// How int8 weights are packed where node n reads them; nothing: dense.
std::optional<schema::PackedShape> packing_of(const Graph& g, const Node& n) {
  const Shape& w = tensor(g, n.inputs[1]).shape;
  if (auto* conv = as<schema::Conv2dT>(n)) {
    if (w.rank() != 4 || conv->groups < 1 || w[0] % conv->groups) return std::nullopt;
    if (depthwise(g, n)) return std::nullopt;
    return schema::PackedShape{.groups = conv->groups, .out = w[0] / conv->groups, .taps = w[1] * w[2], .in = w[3]};
  }
  if (as<schema::MatMulT>(n) && w.rank() == 2)
    return schema::PackedShape{.groups = 1, .out = w[0], .taps = 1, .in = w[1]};
  return std::nullopt;
}

Result<void> check_constants(const Graph& g) {
  for (const Tensor& t : g.tensors)
    if (t.constant &&
        (t.shape.elements() < 0 || static_cast<size_t>(t.shape.elements()) * size_of(t.dtype) != t.data.size()))
      return Error{Code::kBadModel, g.source + ": tensor '" + t.name + "': " + std::to_string(t.data.size()) +
                                        " bytes do not fit " + t.shape.text()};
  return {};
}

}  // namespace

int64_t depth(const Graph& g, const Node& layer) {
  const Shape& w = tensor(g, layer.inputs[1]).shape;
  return w.rank() == 4 ? w[1] * w[2] * w[3] : w[1];
}

bool depthwise(const Graph& g, const Node& layer) {
  const auto* conv = layer.op.AsConv2d();
  const Shape& w = tensor(g, layer.inputs[1]).shape;
  return conv && conv->groups > 1 && w[3] == 1 && w[0] == conv->groups;
}

Result<std::vector<std::optional<schema::PackedShape>>> packings(const Graph& g) {
  if (auto fine = check_constants(g); !fine) return fine.error();
  std::vector<std::optional<schema::PackedShape>> all(g.tensors.size());
  std::vector<bool> seen(g.tensors.size(), false);
  for (const Node& n : g.nodes)
    for (size_t k = 0; k < n.inputs.size(); ++k) {
      const TensorId t = n.inputs[k];
      if (t < 0 || !tensor(g, t).constant || tensor(g, t).dtype != DType::kS8) continue;
      const auto wanted = k == 1 ? packing_of(g, n) : std::nullopt;
      auto& have = all[static_cast<size_t>(t)];
      const bool same =
          wanted.has_value() == have.has_value() &&
          (!have || (have->groups == wanted->groups && have->out == wanted->out && have->taps == wanted->taps));
      if (seen[static_cast<size_t>(t)] && !same)
        return Error{Code::kBadModel,
                     g.source + ": tensor '" + tensor(g, t).name + "' is read as int8 weights of different kinds"};
      have = wanted;
      seen[static_cast<size_t>(t)] = true;
    }
  return all;
}

std::vector<std::byte> packed(const Tensor& t, const schema::PackedShape& shape) {
  std::vector<std::byte> bytes(static_cast<size_t>(shape.bytes()));
  schema::pack_conv_s8(shape, t.values<int8_t>().data(), reinterpret_cast<int8_t*>(bytes.data()));
  return bytes;
}

}  // namespace octet::convert
