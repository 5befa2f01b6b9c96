// Imports ONNX' nodes in their order: those of the graph, and in place of an If, a Loop or the call of a function those inside it.
#include "converter/import/onnx/nodes.h"

#include <algorithm>
#include <array>

#include "converter/import/onnx/ops/ops.h"
#include "converter/import/onnx/ops/quantised.h"
#include "converter/import/onnx/tensor.h"

namespace octet::convert {
namespace {

using NodeList = google::protobuf::RepeatedPtrField<onnx::NodeProto>;

constexpr int kMaxDepth = 64;  // of blocks in blocks: a function that calls itself is no model

std::string domain_of(const std::string& domain) { return domain == "ai.onnx" ? "" : domain; }

std::string function_key(const std::string& domain, const std::string& name, const std::string& overload) {
  return domain_of(domain) + '\n' + name + '\n' + overload;
}

std::string describe(const onnx::NodeProto& node, const OnnxScope& scope) {
  const std::string& name = !node.name().empty() ? node.name() : node.output_size() ? node.output(0) : node.name();
  return "node '" + scope.prefix + name + "' (" + (node.domain().empty() ? "" : node.domain() + ".") + node.op_type() +
         "): ";
}

// All that the nodes inside read: names of their own among them, which at worst keep a node too many.
void add_reads(const onnx::NodeProto& node, std::unordered_set<std::string>& names) {
  names.insert(node.input().begin(), node.input().end());
  for (const auto& a : node.attribute()) {
    for (const auto& inner : a.g().node()) add_reads(inner, names);
    for (const auto& output : a.g().output()) names.insert(output.name());
  }
}

std::vector<bool> needed_nodes(const NodeList& nodes, std::unordered_set<std::string> wanted) {
  std::vector<bool> needed(static_cast<size_t>(nodes.size()), false);
  for (int i = nodes.size() - 1; i >= 0; --i) {
    const auto& n = nodes[i];
    if (std::none_of(n.output().begin(), n.output().end(), [&](const std::string& o) { return wanted.count(o); }))
      continue;
    needed[static_cast<size_t>(i)] = true;
    add_reads(n, wanted);
  }
  return needed;
}

// Puts what the call says in the place of attributes that stand for the call's; what neither it nor the function says is not there.
onnx::NodeProto with_attributes(const onnx::NodeProto& proto, const OnnxScope& scope) {
  onnx::NodeProto copy = proto;
  copy.clear_attribute();
  const auto named = [](const auto& list, const std::string& name) {
    return std::find_if(list.begin(), list.end(), [&](const auto& a) { return a.name() == name; });
  };
  for (const auto& a : proto.attribute()) {
    if (a.ref_attr_name().empty()) {
      *copy.add_attribute() = a;
      continue;
    }
    const auto given = named(scope.call->attribute(), a.ref_attr_name());
    const auto other = named(scope.function->attribute_proto(), a.ref_attr_name());
    const bool is_given = given != scope.call->attribute().end();
    if (!is_given && other == scope.function->attribute_proto().end()) continue;
    auto* filled = copy.add_attribute();
    *filled = is_given ? *given : *other;
    filled->set_name(a.name());
  }
  return copy;
}

// Computed bytes are for outputs: the runtime computes with wider integers.
void widen_bytes(OnnxNode& n) {
  const std::string& type = n.proto.op_type();
  for (TensorId& t : n.inputs)
    if (t >= 0 && (n.at(t).dtype == DType::kU8 || n.at(t).dtype == DType::kS8) && !n.is_constant(t) && type != "Cast" &&
        type != "Identity")
      t = n.cast(t, DType::kS32);
}

}  // namespace

const TensorId* OnnxScope::find(const std::string& name) const {
  for (const OnnxScope* s = this; s; s = s->outer)
    if (const auto it = s->values.find(name); it != s->values.end()) return &it->second;
  return nullptr;
}

const std::string* OnnxScope::find_left_out(const std::string& name) const {
  for (const OnnxScope* s = this; s; s = s->outer)
    if (const auto it = s->left_out.find(name); it != s->left_out.end()) return &it->second;
  return nullptr;
}

OnnxNodes::OnnxNodes(Graph& graph, SourceFiles& files, const onnx::ModelProto& model, size_t max_nodes)
    : context{.g = graph, .files = files, .nodes_left = max_nodes}, max_nodes_(max_nodes), constants_(graph) {
  for (const auto& f : model.functions()) functions_.emplace(function_key(f.domain(), f.name(), f.overload()), &f);
}

Result<void> OnnxNodes::count(size_t nodes) {
  if (nodes <= context.nodes_left) return context.nodes_left -= nodes, Result<void>();
  return Error{Code::kBadModel,
               "has more nodes than the max_nodes of " + std::to_string(max_nodes_) +
                   ", those counted that loops and functions repeat; where the model is trusted, raise "
                   "the limit"};
}

Result<void> OnnxNodes::import(const NodeList& nodes, OnnxScope& scope, const std::unordered_set<std::string>& wanted) {
  if (!scope.depth) first_made_ = static_cast<TensorId>(context.g.tensors.size());
  if (auto few = count(static_cast<size_t>(nodes.size())); !few) return few;
  const auto known = needed_.find(&nodes);  // of a body or function that was imported before
  const std::vector<bool>& needed =
      known != needed_.end() ? known->second : needed_[&nodes] = needed_nodes(nodes, wanted);
  for (int i = 0; i < nodes.size(); ++i)
    if (needed[static_cast<size_t>(i)])
      if (auto done = add_node(nodes[i], scope); !done) return done;
  return {};
}

Result<void> OnnxNodes::add_constants(const onnx::GraphProto& graph, OnnxScope& scope) {
  for (const auto& proto : graph.initializer()) {
    if (scope.values.count(proto.name()))
      return Error{Code::kBadModel, "tensor '" + scope.prefix + proto.name() + "' is defined twice"};
    auto [known, is_new] = read_once_.try_emplace(&proto, -1);
    if (is_new) {
      auto t = read_tensor(proto, context.files);
      if (!t) return Error{t.error().code, "tensor '" + scope.prefix + proto.name() + "' " + t.error().text};
      known->second = context.g.add(std::move(*t));
    }
    scope.values[proto.name()] = known->second;
  }
  return {};
}

Result<void> OnnxNodes::add_node(const onnx::NodeProto& proto, OnnxScope& scope) {
  const auto& attributes = proto.attribute();
  const bool stands_for = scope.call && std::any_of(attributes.begin(), attributes.end(),
                                                    [](const auto& a) { return !a.ref_attr_name().empty(); });
  const auto function = functions_.find(function_key(proto.domain(), proto.op_type(), proto.overload()));
  const auto add = [&](const onnx::NodeProto& node) {
    return function == functions_.end() ? add_op(node, scope) : add_call(node, *function->second, scope);
  };
  if (!stands_for) return add(proto);
  const onnx::NodeProto& copy = copies_.emplace_back(with_attributes(proto, scope));
  copied_bytes_ += copy.ByteSizeLong();
  if (copied_bytes_ > context.g.constant_limit)
    return Error{Code::kBadModel, describe(proto, scope) + "attributes of calls are together " + context.files.over};
  return add(copy);
}

Result<void> OnnxNodes::add_operands(OnnxNode& n, const OnnxScope& scope, const std::string& where) const {
  for (const std::string& input : n.proto.input()) {
    const TensorId* value = input.empty() ? nullptr : scope.find(input);
    if (!input.empty() && !value) {
      if (const std::string* owner = scope.find_left_out(input))
        return Error{Code::kUnsupported, *owner + "its output '" + input + "' is not supported"};
      return Error{Code::kBadModel, where + "its input '" + input + "' is not made by an earlier node"};
    }
    n.inputs.push_back(value ? *value : -1);
  }
  while (!n.inputs.empty() && n.inputs.back() < 0) n.inputs.pop_back();
  return {};
}

Result<std::vector<TensorId>> OnnxNodes::block(const onnx::GraphProto& graph, OnnxScope scope,
                                               const std::vector<TensorId>& inputs) {
  if (scope.depth > kMaxDepth) return Error{Code::kBadModel, "graphs are nested too deeply"};
  if (static_cast<size_t>(graph.input_size()) != inputs.size())
    return Error{Code::kBadModel, "the graph '" + graph.name() + "' inside has " + std::to_string(graph.input_size()) +
                                      " inputs where " + std::to_string(inputs.size()) + " are given"};
  for (int i = 0; i < graph.input_size(); ++i) scope.values[graph.input(i).name()] = inputs[static_cast<size_t>(i)];
  if (auto done = add_constants(graph, scope); !done) return done.error();
  if (auto few = count(1); !few) return few.error();  // a body without nodes may run often, too
  std::unordered_set<std::string> wanted;
  for (const auto& o : graph.output()) wanted.insert(o.name());
  if (auto done = import(graph.node(), scope, wanted); !done) return done.error();
  std::vector<TensorId> results;
  for (const auto& o : graph.output()) {
    const TensorId* value = scope.find(o.name());
    if (!value || *value < 0)
      return Error{Code::kBadModel,
                   "the graph '" + graph.name() + "' inside does not make its output '" + o.name() + "'"};
    results.push_back(*value);
  }
  return results;
}

Result<void> OnnxNodes::add_call(const onnx::NodeProto& proto, const onnx::FunctionProto& function, OnnxScope& scope) {
  const std::string where = describe(proto, scope);
  OnnxNode n(context, proto, scope.opset, scope.prefix);
  if (auto done = add_operands(n, scope, where); !done) return done;
  if (proto.input_size() > function.input_size() || proto.output_size() > function.output_size())
    return Error{Code::kBadModel, where + "has more inputs or outputs than the function"};
  if (scope.depth >= kMaxDepth) return Error{Code::kBadModel, where + "functions call each other too deeply"};
  OnnxScope inner{
      .depth = scope.depth + 1,
      .prefix = scope.prefix +
                (proto.name().empty() ? proto.output_size() ? proto.output(0) : proto.op_type() : proto.name()) + '/',
      .opset = scope.opset,
      .call = &proto,
      .function = &function};
  for (const auto& set : function.opset_import())
    if (domain_of(set.domain()).empty()) inner.opset = set.version();
  for (int i = 0; i < function.input_size(); ++i) inner.values[function.input(i)] = n.in(static_cast<size_t>(i));
  if (auto few = count(1); !few) return few;
  const std::unordered_set<std::string> wanted(function.output().begin(), function.output().end());
  if (auto done = import(function.node(), inner, wanted); !done) return done;
  std::vector<TensorId> results;
  for (int i = 0; i < proto.output_size(); ++i) {
    const TensorId* value = inner.find(function.output(i));
    if (!value && inner.find_left_out(function.output(i)))
      return Error{Code::kUnsupported, *inner.find_left_out(function.output(i)) + "its output '" + function.output(i) +
                                           "' is not supported"};
    if (!value) return Error{Code::kBadModel, where + "the function does not make '" + function.output(i) + "'"};
    results.push_back(*value);
  }
  return add_results(proto, results, scope);
}

Result<void> OnnxNodes::add_op(const onnx::NodeProto& proto, OnnxScope& scope) {
  const std::string where = describe(proto, scope);
  const OnnxOp* op = find_onnx_op(proto.op_type(), domain_of(proto.domain()));
  if (!op) return Error{Code::kUnsupported, where + "this op is not supported"};
  OnnxNode n(context, proto, scope.opset, scope.prefix);
  if (auto done = add_operands(n, scope, where); !done) return done;
  for (int i = 0; i < op->min_inputs; ++i)
    if (n.in(static_cast<size_t>(i)) < 0)
      return Error{Code::kBadModel, where + "needs at least " + std::to_string(op->min_inputs) + " inputs"};
  if (n.inputs.size() > static_cast<size_t>(op->max_inputs))
    return Error{Code::kBadModel, where + "has more than " + std::to_string(op->max_inputs) + " inputs"};
  for (size_t i = 0; i < n.inputs.size() && !op->reads_sequences; ++i)
    if (context.sequences.count(n.inputs[i]))
      return Error{Code::kUnsupported,
                   where + "takes no sequence, as which '" + proto.input(static_cast<int>(i)) + "' is given"};
  // A constant of a body that runs often is read once.
  if (proto.op_type() == "Constant" && scope.depth)
    if (const auto known = read_once_.find(&proto); known != read_once_.end())
      return add_results(proto, {known->second}, scope);
  n.import_block = [&](const onnx::GraphProto& graph, const std::string& part, const std::vector<TensorId>& inputs) {
    auto made = block(graph,
                      {.outer = &scope,
                       .depth = scope.depth + 1,
                       .prefix = n.name() + '/' + part,
                       .opset = scope.opset,
                       .call = scope.call,
                       .function = scope.function},
                      inputs);
    constants_.mark();
    return made;
  };
  constants_.mark();
  const std::optional<Stored> kept = op->reads_stored ? std::nullopt : resolve_stored(n);
  if (!op->reads_stored) widen_bytes(n);
  op->import(n);
  if (n.inside) return *n.inside;
  if (n.failed()) return Error{n.code(), where + n.failure()};
  n.name_parts();
  if (auto done = kept ? Result<void>() : fold(n, scope); !done)
    return Error{done.error().code, where + done.error().text};
  for (size_t i = 0; kept && i < n.results.size(); ++i) context.stored[n.results[i]] = *kept;
  if (n.sequence) {
    n.result(context.g.add({.name = n.name(), .shape = {0}}));
    context.sequences[n.results[0]] = std::move(*n.sequence);
  }
  if (proto.op_type() == "Constant" && scope.depth && !n.results.empty()) read_once_[&proto] = n.results[0];
  return add_results(proto, n.results, scope);
}

// Outputs of the model stay nodes, which have their names; integers that stand for something stay what says so.
Result<void> OnnxNodes::fold(OnnxNode& n, const OnnxScope& scope) {
  const auto& outputs = n.proto.output();
  if (std::any_of(outputs.begin(), outputs.end(), [&](const std::string& o) { return scope.outputs.count(o); }))
    return {};
  std::vector<TensorId>& made = n.sequence ? *n.sequence : n.results;
  if (std::any_of(made.begin(), made.end(), [&](TensorId t) { return context.stored.count(t); })) return {};
  return constants_.fold(std::array{&made});
}

Result<void> OnnxNodes::add_results(const onnx::NodeProto& proto, const std::vector<TensorId>& results,
                                    OnnxScope& scope) {
  for (int i = 0; i < proto.output_size(); ++i) {
    const std::string& name = proto.output(i);
    if (name.empty()) continue;
    const size_t k = static_cast<size_t>(i);
    // An optional output that the op does not give: an error only if somebody reads it.
    if (k >= results.size()) {
      scope.left_out[name] = describe(proto, scope);
      continue;
    }
    if (results[k] < 0) return Error{Code::kBadModel, describe(proto, scope) + "has no output '" + name + "'"};
    if (!scope.values.emplace(name, results[k]).second)
      return Error{Code::kBadModel, describe(proto, scope) + "tensor '" + name + "' is made twice"};
    Tensor& t = context.g.tensors[static_cast<size_t>(results[k])];
    if (results[k] >= first_made_ && !t.constant) t.name = scope.prefix + name;
  }
  return {};
}

}  // namespace octet::convert
