// The op whitelist, in the manner of oneDNN int8 in Paddle Inference.
#include "runtime/core/precision.h"

#include <algorithm>
#include <set>
#include <string>
#include <unordered_set>

namespace octet {
namespace {

using Names = std::unordered_set<std::string_view>;

// Whether `test` holds for a name that means the node: its own, that of the source's node that it was written beside (see
// is_of), or the same of one whose work it does.
template <class F>
bool any_meaning(const NodeDef& node, const F& test) {
  const auto any = [&](std::string_view name) {
    for (size_t end = name.find(':', 1); end != std::string_view::npos; end = name.find(':', end + 1))
      if (test(name.substr(0, end))) return true;
    return test(name);
  };
  return any(node.name) || std::any_of(node.fused.begin(), node.fused.end(), any);
}

// How many characters must be put in, left out or changed.
size_t distance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 0; i < a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i + 1;
    for (size_t j = 0; j < b.size(); ++j) {
      const size_t changed = diagonal + (a[i] != b[j]);
      diagonal = row[j + 1];
      row[j + 1] = std::min({changed, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row[b.size()];
}

template <class List>
Names set_of(const List& list) {
  return {std::begin(list), std::end(list)};
}

bool names_op(const Names& list, const NodeDef& node) {
  const auto names = node.kind->names(node);
  return std::any_of(names.begin(), names.end(), [&](std::string_view n) { return list.count(n) > 0; });
}

// Op names that lists may hold though this model has no such op: what Paddle's int8 op lists consist of, and ours.
constexpr std::string_view kVocabulary[] = {"conv2d",
                                            "depthwise_conv2d",
                                            "conv2d_transpose",
                                            "Conv",
                                            "ConvTranspose",
                                            "matmul",
                                            "matmul_v2",
                                            "mul",
                                            "fc",
                                            "MatMul",
                                            "Gemm",
                                            "pool2d",
                                            "MaxPool",
                                            "AveragePool",
                                            "GlobalAveragePool",
                                            "add",
                                            "Add",
                                            "elementwise_add",
                                            "sub",
                                            "Sub",
                                            "elementwise_sub",
                                            "multiply",
                                            "Mul",
                                            "elementwise_mul",
                                            "concat",
                                            "Concat",
                                            "split",
                                            "Split",
                                            "slice",
                                            "Slice",
                                            "reshape",
                                            "reshape2",
                                            "Reshape",
                                            "transpose",
                                            "transpose2",
                                            "Transpose",
                                            "resize",
                                            "Resize",
                                            "nearest_interp",
                                            "nearest_interp_v2",
                                            "bilinear_interp",
                                            "bilinear_interp_v2",
                                            "relu",
                                            "relu6",
                                            "sigmoid",
                                            "swish",
                                            "silu",
                                            "hard_swish",
                                            "leaky_relu",
                                            "prelu",
                                            "softmax",
                                            "quantize",
                                            "dequantize",
                                            "shape"};

Result<void> check_names(const ModelData& model, const std::vector<std::string>& list, const char* option,
                         bool nodes_too) {
  if (list.empty()) return {};
  Names known = set_of(kVocabulary);
  std::vector<std::string_view> nodes;
  for (const NodeDef& node : model.nodes) {
    const auto names = node.kind->names(node);
    known.insert(names.begin(), names.end());
    if (!nodes_too) continue;
    any_meaning(node, [&](std::string_view name) { return known.insert(name), false; });
    nodes.push_back(node.name);
    nodes.insert(nodes.end(), node.fused.begin(), node.fused.end());
  }
  for (const std::string& name : list) {
    if (known.count(name) > 0) continue;
    if (!nodes_too)
      return error(Code::kBadArgument, option, ": '", name,
                   "' is no op known to Octet; octet-convert ops lists them, octet-inspect those of a model");
    return error(Code::kBadArgument, option, ": '", name, "' is no op and no node of ", model.name,
                 similar_names(name, nodes));
  }
  return {};
}

// Sets int8 of the nodes that `may` be int8 and only move, where it is known of all others; see precision.h.
void choose_movers(const ModelData& model, const std::vector<bool>& may, std::vector<bool>& int8) {
  const size_t tensors = model.tensors.size();
  std::vector<bool> made(tensors, false);   // its values are those of a u8 tensor
  std::vector<bool> u8(tensors, false);     // somebody reads it as u8
  std::vector<bool> other(tensors, false);  // somebody does not
  auto stored = [&](int t) { return t >= 0 && !model.tensors[static_cast<size_t>(t)].quant.empty(); };
  auto all = [](const std::vector<int>& list, const auto& what) { return std::all_of(list.begin(), list.end(), what); };
  for (size_t n = 0; n < model.nodes.size(); ++n) {
    const NodeDef& node = model.nodes[n];
    if (may[n]) int8[n] = all(node.inputs, [&](int t) { return !stored(t) || made[static_cast<size_t>(t)]; });
    for (int t : node.outputs) made[static_cast<size_t>(t)] = int8[n] && stored(t);
  }
  for (int t : model.outputs) other[static_cast<size_t>(t)] = true;
  for (size_t n = model.nodes.size(); n-- > 0;) {
    const NodeDef& node = model.nodes[n];
    const auto out = static_cast<size_t>(node.outputs[0]);
    if (may[n]) int8[n] = int8[n] || (u8[out] && !other[out]);
    for (int t : node.inputs)
      if (t >= 0 && !node.kind->shapes_only) (int8[n] && stored(t) ? u8 : other)[static_cast<size_t>(t)] = true;
  }
}

}  // namespace

bool is_of(std::string_view node, std::string_view source) {
  return node.starts_with(source) && (node.size() == source.size() || (!source.empty() && node[source.size()] == ':'));
}

std::string similar_names(std::string_view wanted, std::vector<std::string_view> names) {
  std::string text = "; it may have been removed, as one that computes nothing or only constants";
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  std::vector<std::pair<size_t, std::string_view>> by_distance;
  constexpr size_t kLongest = 256;  // of a name that is compared
  if (wanted.size() <= kLongest)
    for (std::string_view name : names)
      if (name.size() <= kLongest) by_distance.emplace_back(distance(wanted, name), name);
  std::sort(by_distance.begin(), by_distance.end());
  const size_t farthest = wanted.size() / 3 + 1;  // with more characters changed it is another name
  for (size_t i = 0; i < std::min<size_t>(3, by_distance.size()) && by_distance[i].first <= farthest; ++i)
    text.append(i ? ", '" : "; similar names: '").append(by_distance[i].second).append("'");
  return text + "; octet-inspect lists all";
}

Result<std::vector<bool>> choose_int8(const ModelData& model, const SessionOptions& options) {
  std::vector<bool> int8(model.nodes.size(), false), movers(model.nodes.size(), false);
  OCTET_TRY(check_names(model, options.int8_ops, "int8_ops", false));
  OCTET_TRY(check_names(model, options.int8_exclude, "int8_exclude", true));
  if (options.precision != Precision::kInt8) return int8;
  if (model.int8_ops.empty())
    return error(Code::kUnsupported, model.name,
                 ": this model is not quantised, so it cannot run in int8; quantise it with "
                 "'octet-convert quantize' or run it with precision fp32");
  const Names listed = options.int8_ops.empty() ? set_of(model.int8_ops) : set_of(options.int8_ops);
  const Names excluded = set_of(options.int8_exclude);
  for (size_t n = 0; n < model.nodes.size(); ++n) {
    const NodeDef& node = model.nodes[n];
    const bool named = any_meaning(node, [&](std::string_view name) { return excluded.count(name) > 0; });
    if (named || names_op(excluded, node) || !can_int8(node, model)) continue;
    const bool named_op = names_op(listed, node);
    const bool left_over =
        options.int8_ops.empty() && !excluded.empty() && int8_rule(node, model).kind == Int8Rule::Kind::kSame;
    if (node.kind->moves_only || left_over)
      movers[n] = node.kind->moves_only || named_op;
    else
      int8[n] = named_op;
  }
  choose_movers(model, movers, int8);
  return int8;
}

std::vector<std::string> int8_warnings(const ModelData& model, const SessionOptions& options,
                                       const std::vector<bool>& int8) {
  if (options.precision != Precision::kInt8 || options.int8_ops.empty()) return {};
  const Names quantised_for = set_of(model.int8_ops), listed = set_of(options.int8_ops);
  std::set<std::string_view> added, left;
  for (size_t n = 0; n < model.nodes.size(); ++n) {
    const NodeDef& node = model.nodes[n];
    if (node.kind->moves_only) continue;
    const bool recorded = names_op(quantised_for, node);
    if (int8[n] && !recorded) added.insert(node.kind->names(node)[0]);
    if (recorded && !names_op(listed, node) && can_int8(node, model)) left.insert(node.kind->names(node)[0]);
  }
  auto line = [&](const std::set<std::string_view>& ops, const char* what) {
    std::string text = model.name + ": int8_ops: ";
    for (std::string_view op : ops) text.append(op == *ops.begin() ? "" : ", ").append(op);
    return text + what;
  };
  std::vector<std::string> lines;
  if (!added.empty())
    lines.push_back(
        line(added, " will run in int8, for which the model was not quantised: accuracy may fall; measure it"));
  if (!left.empty())
    lines.push_back(
        line(left, " will run in float, though the model was quantised for int8: slower, and converted to and fro"));
  return lines;
}

}  // namespace octet
