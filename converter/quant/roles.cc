#include "converter/quant/roles.h"

#include <algorithm>
#include <cmath>

#include "converter/graph/node_model.h"

namespace octet::convert {
namespace {

bool is_float(const Graph& g, TensorId t) { return t >= 0 && tensor(g, t).dtype == DType::kF32; }

bool finite(const Tensor& t) {
  const auto values = t.values<float>();
  return std::all_of(values.begin(), values.end(), [](float v) { return std::isfinite(v); });
}

// Whether the graph has the operands as the quantiser needs them.
bool suits(const Graph& g, const Node& node, const Int8Rule& rule) {
  for (size_t i = 0; i < node.inputs.size(); ++i)
    if (reads_u8(g, node, rule, i) && tensor(g, node.inputs[i]).constant && !finite(tensor(g, node.inputs[i])))
      return false;
  if (rule.kind != Role::kLayer && rule.kind != Role::kProduct) return true;
  const bool bias = node.inputs.size() > 2 && node.inputs[2] >= 0;
  const Tensor& w = tensor(g, node.inputs[1]);
  return w.dtype == DType::kF32 && w.shape.elements() != 0 && (!bias || tensor(g, node.inputs[2]).constant);
}

}  // namespace

Int8Rule int8_rule(const Graph& g, const Node& node) {
  if (node.outputs.size() != 1 || node.inputs.empty() || !is_float(g, node.inputs[0]) || !is_float(g, node.outputs[0]))
    return {};
  const NodeModel one(g, node);
  Int8Rule rule = one.node.kind ? octet::int8_rule(one.node, one.model) : Int8Rule{};
  return !rule.given_only && suits(g, node, rule) ? rule : Int8Rule{};
}

bool reads_u8(const Graph& g, const Node& node, const Int8Rule& rule, size_t i) {
  const TensorId t = node.inputs[i];
  return rule.kind != Role::kFloat && t >= 0 && rule.reads_u8(static_cast<int>(i), tensor(g, t).dtype);
}

std::string why_float(const Graph& g, const Node& node) {
  const auto* m = as<schema::MatMulT>(node);
  if (!m && !as<schema::Conv2dT>(node)) return {};
  const Shape& x = tensor(g, node.inputs[0]).shape;
  const bool weights = tensor(g, node.inputs[1]).constant;
  const int64_t products = weights ? depth(g, node) : m ? x[m->transpose_a ? -2 : -1] : 0;
  if (products > kMaxDepth)
    return "sums of " + std::to_string(products) + " int8 products do not fit 32 bits, at most " +
           std::to_string(kMaxDepth) + " do";
  return "its operands are of a kind that int8 does not take";
}

int64_t channels(const Tensor& t) { return t.shape.rank() > 0 && t.shape[-1] > 0 ? t.shape[-1] : 1; }

}  // namespace octet::convert
