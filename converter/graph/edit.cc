// Small operations on the converter's graph that importers and passes share.
#include "converter/graph/edit.h"

#include <algorithm>
#include <numeric>

namespace octet::convert {

Perm inverse(const Perm& perm) {
  Perm inv(perm.size());
  for (size_t i = 0; i < perm.size(); ++i) inv[static_cast<size_t>(perm[i])] = static_cast<int>(i);
  return inv;
}

Perm compose(const Perm& first, const Perm& then) {
  Perm both(first.size());
  for (size_t i = 0; i < both.size(); ++i) both[i] = first[static_cast<size_t>(then[i])];
  return both;
}

bool is_identity(const Perm& perm) { return std::is_sorted(perm.begin(), perm.end()); }

Shape permuted(const Shape& shape, const Perm& perm) {
  Shape out;
  for (int axis : perm) out.push_back(shape[axis]);
  return out;
}

Shape padded_left(const Shape& shape, int rank) {
  Shape out;
  for (int i = shape.rank(); i < rank; ++i) out.push_back(1);
  for (int64_t d : shape) out.push_back(d);
  return out;
}

Tensor permuted(const Tensor& t, const Perm& perm) {
  Tensor out = t;
  out.shape = permuted(t.shape, perm);
  const int rank = t.shape.rank();
  const size_t bytes = size_of(t.dtype);
  std::vector<int64_t> stride(static_cast<size_t>(rank), 1), at(static_cast<size_t>(rank), 0);
  for (int i = rank - 2; i >= 0; --i)
    stride[static_cast<size_t>(i)] = stride[static_cast<size_t>(i) + 1] * t.shape[i + 1];
  int64_t from = 0;
  for (size_t to = 0; to < t.data.size(); to += bytes) {
    std::memcpy(out.data.data() + to, t.data.data() + static_cast<size_t>(from) * bytes, bytes);
    for (int i = rank - 1; i >= 0; --i) {
      const size_t axis = static_cast<size_t>(i);
      const int64_t step = stride[static_cast<size_t>(perm[axis])];
      from += step;
      if (++at[axis] < out.shape[i]) break;
      from -= step * at[axis];
      at[axis] = 0;
    }
  }
  return out;
}

std::optional<float> uniform(const Graph& g, TensorId id) {
  if (id < 0) return std::nullopt;
  const Tensor& t = tensor(g, id);
  if (!t.constant || t.dtype != DType::kF32 || t.data.empty()) return std::nullopt;
  const auto v = t.values<float>();
  if (std::any_of(v.begin(), v.end(), [&](float f) { return f != v[0]; })) return std::nullopt;
  return v[0];
}

std::optional<std::vector<int64_t>> constant_ints(const Graph& g, TensorId id) {
  if (id < 0 || !tensor(g, id).constant) return std::nullopt;
  const Tensor& t = tensor(g, id);
  if (t.dtype == DType::kS64) return std::vector<int64_t>(t.values<int64_t>().begin(), t.values<int64_t>().end());
  if (t.dtype == DType::kS32) return std::vector<int64_t>(t.values<int32_t>().begin(), t.values<int32_t>().end());
  return std::nullopt;
}

const char* op_name(const Node& node) { return schema::EnumNameOp(node.op.type); }

std::string part_name(const std::string& owner, schema::Op op) {
  std::string name = owner + ':';
  for (const char* c = schema::EnumNameOp(op); *c; ++c) name += static_cast<char>(*c | 0x20);  // to lower case
  return name;
}

Uses::Uses(const Graph& g) : producer(g.tensors.size(), -1), users(g.tensors.size()), outputs(g.tensors.size(), 0) {
  for (size_t i = 0; i < g.nodes.size(); ++i) {
    for (TensorId t : g.nodes[i].outputs) producer[static_cast<size_t>(t)] = static_cast<int>(i);
    for (TensorId t : g.nodes[i].inputs)
      if (t >= 0) users[static_cast<size_t>(t)].insert(static_cast<int>(i));
  }
  for (TensorId t : g.outputs) ++outputs[static_cast<size_t>(t)];
}

bool Uses::only_user(TensorId t, int node) const {
  const auto& u = users[static_cast<size_t>(t)];
  return outputs[static_cast<size_t>(t)] == 0 && std::all_of(u.begin(), u.end(), [&](int n) { return n == node; });
}

TensorId add_like(Graph& g, TensorId like, const Shape& shape) {
  Tensor t{.name = tensor(g, like).name, .dtype = tensor(g, like).dtype, .shape = shape};
  t.observed = tensor(g, like).observed;
  return g.add(std::move(t));
}

void insert(Graph& g, int before, Node node) { g.nodes.insert(g.nodes.begin() + before, std::move(node)); }

std::optional<std::vector<int64_t>> reshape_spec(const Shape& input, const Shape& target) {
  std::vector<int64_t> spec(target.begin(), target.end());
  const auto unknown = std::count(spec.begin(), spec.end(), -1);
  if (unknown == 0) return spec;
  const bool has_empty = std::count(spec.begin(), spec.end(), 0) > 0;
  if (unknown == 1 && !has_empty) return spec;
  if (unknown != std::count(input.begin(), input.end(), -1)) return std::nullopt;
  int from = 0;
  for (int64_t& d : spec) {
    if (d != -1) continue;
    while (input[from] != -1) ++from;
    d = -2 - from++;
  }
  return spec;
}

std::string dump(const Graph& g) {
  std::string text;
  for (const Node& n : g.nodes) {
    text.append(tensor(g, n.outputs[0]).name)
        .append(tensor(g, n.outputs[0]).shape.text())
        .append(" = ")
        .append(op_name(n))
        .append("(");
    for (size_t i = 0; i < n.inputs.size(); ++i) {
      if (i) text.append(", ");
      text.append(n.inputs[i] < 0 ? "-" : tensor(g, n.inputs[i]).name);
      if (n.inputs[i] >= 0 && tensor(g, n.inputs[i]).constant) text.append("#");
    }
    text.append(")");
    if (auto* t = as<schema::TransposeT>(n))
      for (int p : t->perm) text.append(" ").append(std::to_string(p));
    text.append("\n");
  }
  return text;
}

}  // namespace octet::convert
