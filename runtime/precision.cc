// The op whitelist, in the manner of oneDNN int8 in Paddle Inference.
#include "runtime/precision.h"

#include <algorithm>

namespace octet {
namespace {

template <class List>
bool holds(const List& list, std::string_view name) {
  return std::find(list.begin(), list.end(), name) != list.end();
}

template <class List>
bool names_node(const List& list, const NodeDef& node) {
  const auto names = node.kind->names(node);
  return std::any_of(names.begin(), names.end(), [&](std::string_view n) { return holds(list, n); });
}

// A name is of use if some node of the model answers to it, or if an op of another model would.
Result<void> check_names(const ModelData& model, const std::vector<std::string>& list, const char* option, bool nodes_too) {
  for (const std::string& name : list) {
    bool found = find_op(std::string_view(name)) != nullptr;
    for (const NodeDef& node : model.nodes) found = found || holds(node.kind->names(node), name) || (nodes_too && node.name == name);
    if (!found)
      return error(Code::kBadArgument, option, ": '", name, "' is no op", nodes_too ? " and no node of " : " known to ",
                   nodes_too ? model.name : std::string("Octet"), "; octet-inspect lists both");
  }
  return {};
}

}  // namespace

const OpKind* find_op(std::string_view name) {
  for (const OpKind* kind : all_ops())
    if (schema::EnumNameOp(kind->type) == name) return kind;
  return nullptr;
}

Result<std::vector<bool>> choose_int8(const ModelData& model, const SessionOptions& options) {
  std::vector<bool> int8(model.nodes.size(), false);
  OCTET_TRY(check_names(model, options.int8_ops, "int8_ops", false));
  OCTET_TRY(check_names(model, options.int8_exclude, "int8_exclude", true));
  if (options.precision != Precision::kInt8) return int8;
  if (model.int8_ops.empty())
    return error(Code::kUnsupported, model.name, ": this model is not quantised, so it cannot run in int8; quantise it with "
                 "'octet-convert quantize' or run it with precision fp32");
  for (size_t n = 0; n < model.nodes.size(); ++n) {
    const NodeDef& node = model.nodes[n];
    if (!node.kind->can_int8 || !node.kind->can_int8(node, model)) continue;
    const bool listed = node.kind->moves_only || (options.int8_ops.empty() ? names_node(model.int8_ops, node) : names_node(options.int8_ops, node));
    int8[n] = listed && !names_node(options.int8_exclude, node) && !holds(options.int8_exclude, node.name);
  }
  return int8;
}

}  // namespace octet
