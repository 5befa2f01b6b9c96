#include "converter/graph/shapes.h"

#include "converter/graph/node_model.h"
#include "runtime/core/infer.h"

namespace octet::convert {
namespace {

Value value(const Tensor& t) {
  Value v{.dtype = t.dtype, .shape = t.shape};
  v.pitch = v.channels();
  if (t.constant || !t.known.empty()) v.constant = t.constant ? t.data.data() : t.known.data();
  return v;
}

// What the runtime says without the file and the node, which the caller adds in its own words.
Error plain(Error e, const std::string& prefix) {
  if (e.text.starts_with(prefix)) e.text.erase(0, prefix.size());
  return e;
}

}  // namespace

Result<void> infer(Graph& g, const Node& node) {
  NodeModel one(g, node);
  const NodeDef& def = one.node;
  if (!def.kind) return Error{Code::kUnsupported, "an op that the runtime does not have"};
  const size_t first = one.tensors.size() - def.outputs.size();
  Inferred all;
  for (size_t t = 0; t < one.tensors.size(); ++t)
    all.values.push_back(t < first ? value(tensor(g, one.tensors[t])) : Value{});
  const std::string prefix = std::string(def.kind->names(def)[0]) + " '" + node.name + "': ";
  if (auto checked = def.kind->check(def, one.model); !checked) return plain(checked.error(), prefix);
  for (int i = 0; i < def.kind->outputs; ++i) {
    const size_t out = first + at(i);
    one.model.tensors[out] = {.dtype = def.kind->dtype ? def.kind->dtype(def, i) : one.model.input(def, 0).dtype};
    all.values[out].dtype = one.model.tensors[out].dtype;
  }
  if (auto done = octet::infer(one.model, def, {.threads = 1, .use_onednn = false}, true, all); !done)
    return plain(done.error(), ": " + prefix);
  for (size_t i = 0; i < node.outputs.size(); ++i) {
    const Value& result = all.values[first + i];
    for (int64_t d : result.shape)
      if (d > kMaxDim) return Error{Code::kBadModel, "an output of " + result.shape.text()};
    Tensor& y = g.tensors[static_cast<size_t>(node.outputs[i])];
    y.dtype = result.dtype;
    y.shape = result.shape;
    y.known.clear();
    if (result.constant)
      y.known.assign(result.constant, result.constant + static_cast<size_t>(y.shape.elements()) * size_of(y.dtype));
  }
  return {};
}

Result<void> infer_all(Graph& g) {
  for (const Node& n : g.nodes)
    if (auto done = infer(g, n); !done)
      return Error{done.error().code, g.source + ": node '" + n.name + "' (" + op_name(n) + "): " + done.error().text};
  return {};
}

std::optional<std::vector<int64_t>> known_values(const Graph& g, TensorId id) {
  if (auto constant = constant_ints(g, id)) return constant;
  const Tensor& t = tensor(g, id);
  if (t.dtype != DType::kS64 || t.shape.rank() > 1 || t.known.empty()) return std::nullopt;
  const auto* data = reinterpret_cast<const int64_t*>(t.known.data());
  return std::vector<int64_t>(data, data + t.known.size() / sizeof(int64_t));
}

}  // namespace octet::convert
