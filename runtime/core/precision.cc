// The op whitelist, in the manner of oneDNN int8 in Paddle Inference.
#include "runtime/core/precision.h"

#include <algorithm>
#include <set>
#include <string>

namespace octet {
namespace {

template <class List>
bool holds(const List& list, std::string_view name) {
  return std::find(std::begin(list), std::end(list), name) != std::end(list);
}

// Whether `name` means the node, or a node of the source whose work it does.
bool means(std::string_view name, const NodeDef& node) {
  return is_of(node.name, name) ||
         std::any_of(node.fused.begin(), node.fused.end(), [&](std::string_view f) { return is_of(f, name); });
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
bool names_node(const List& list, const NodeDef& node) {
  const auto names = node.kind->names(node);
  return std::any_of(names.begin(), names.end(), [&](std::string_view n) { return holds(list, n); });
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
  for (const std::string& name : list) {
    bool found = holds(kVocabulary, name);
    for (const NodeDef& node : model.nodes)
      found = found || holds(node.kind->names(node), name) || (nodes_too && means(name, node));
    if (found) continue;
    if (!nodes_too)
      return error(Code::kBadArgument, option, ": '", name, "' is no op known to Octet; octet-inspect lists them");
    std::vector<std::string_view> nodes;
    for (const NodeDef& node : model.nodes) {
      nodes.push_back(node.name);
      nodes.insert(nodes.end(), node.fused.begin(), node.fused.end());
    }
    return error(Code::kBadArgument, option, ": '", name, "' is no op and no node of ", model.name,
                 similar_names(name, nodes));
  }
  return {};
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
  for (size_t i = 0; i < std::min<size_t>(3, by_distance.size()); ++i)
    text.append(i ? ", '" : "; similar names: '").append(by_distance[i].second).append("'");
  return text + "; octet-inspect lists all";
}

Result<std::vector<bool>> choose_int8(const ModelData& model, const SessionOptions& options) {
  std::vector<bool> int8(model.nodes.size(), false);
  OCTET_TRY(check_names(model, options.int8_ops, "int8_ops", false));
  OCTET_TRY(check_names(model, options.int8_exclude, "int8_exclude", true));
  if (options.precision != Precision::kInt8) return int8;
  if (model.int8_ops.empty())
    return error(Code::kUnsupported, model.name,
                 ": this model is not quantised, so it cannot run in int8; quantise it with "
                 "'octet-convert quantize' or run it with precision fp32");
  for (size_t n = 0; n < model.nodes.size(); ++n) {
    const NodeDef& node = model.nodes[n];
    if (!node.kind->can_int8 || !node.kind->can_int8(node, model)) continue;
    const bool listed = node.kind->moves_only || (options.int8_ops.empty() ? names_node(model.int8_ops, node)
                                                                           : names_node(options.int8_ops, node));
    const auto excluded = [&](const std::string& name) { return means(name, node); };
    int8[n] = listed && !names_node(options.int8_exclude, node) &&
              std::none_of(options.int8_exclude.begin(), options.int8_exclude.end(), excluded);
  }
  return int8;
}

std::vector<std::string> int8_warnings(const ModelData& model, const SessionOptions& options,
                                       const std::vector<bool>& int8) {
  if (options.precision != Precision::kInt8 || options.int8_ops.empty()) return {};
  std::set<std::string_view> added, left;
  for (size_t n = 0; n < model.nodes.size(); ++n) {
    const NodeDef& node = model.nodes[n];
    if (node.kind->moves_only) continue;
    const bool recorded = names_node(model.int8_ops, node);
    if (int8[n] && !recorded) added.insert(node.kind->names(node)[0]);
    if (recorded && !names_node(options.int8_ops, node) && node.kind->can_int8 && node.kind->can_int8(node, model))
      left.insert(node.kind->names(node)[0]);
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
