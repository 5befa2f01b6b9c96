// Reads an ONNX file into the float graph: file, inputs, constants, then node by node, then outputs.
#include "converter/import/onnx/import.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <limits>
#include <unordered_map>
#include <unordered_set>

#include "converter/import/build/early_constants.h"
#include "converter/import/build/public_tensors.h"
#include "converter/import/build/source_files.h"
#include "converter/import/onnx/ops/ops.h"
#include "converter/import/onnx/ops/quantised.h"
#include "converter/import/onnx/tensor.h"

namespace octet::convert {
namespace {

// 23 and later have not been looked at; from 21 to 22 only types were added to the ops that are imported.
constexpr int64_t kOldestOpset = 7, kNewestOpset = 22;

Result<onnx::ModelProto> parse_onnx(const std::string& path, const ConvertOptions& options) {
  std::error_code failed;
  const uint64_t size = std::filesystem::file_size(path, failed);
  if (failed) return Error{Code::kIo, path + ": " + failed.message()};
  // protobuf's own limit
  if (size > static_cast<uint64_t>(std::numeric_limits<int>::max()))
    return Error{Code::kUnsupported, path + ": is larger than 2 GiB; store its weights as external data"};
  if (auto fits = check_size(path, options); !fits) return fits.error();
  std::ifstream in(path, std::ios::binary);
  onnx::ModelProto model;
  if (!in) return Error{Code::kIo, path + ": cannot be opened"};
  if (!model.ParseFromIstream(&in)) return Error{Code::kBadFile, path + ": is not an ONNX file, or is damaged"};
  if (!model.has_graph()) return Error{Code::kBadFile, path + ": is not an ONNX file: it has no graph"};
  return model;
}

class OnnxImporter {
 public:
  OnnxImporter(const std::string& path, const ConvertOptions& options) : path_(path), options_(options) {
    g_.source = path;
    g_.constant_limit = constant_limit(options);
    files_ = {std::filesystem::path(path).parent_path(), g_.constant_limit, over_memory_limit(options)};
  }

  Result<Graph> run(const onnx::ModelProto& model) {
    if (auto done = read_opset(model); !done) return done.error();
    if (auto few = check_nodes(static_cast<size_t>(model.graph().node_size()), options_); !few)
      return located(few.error());
    if (auto done = add_constants(model.graph()); !done) return done.error();
    if (auto done = add_inputs(model.graph()); !done) return done.error();
    first_made_ = static_cast<TensorId>(g_.tensors.size());
    const std::vector<std::string> outputs = output_names(model.graph());
    outputs_.insert(outputs.begin(), outputs.end());
    const std::vector<bool> needed = needed_nodes(model.graph());
    for (int i = 0; i < model.graph().node_size(); ++i)
      if (needed[static_cast<size_t>(i)])
        if (auto done = add_node(model.graph().node(i)); !done) return done.error();
    if (auto done = add_outputs(model.graph()); !done) return done.error();
    for (const auto& kv : model.metadata_props()) g_.metadata.emplace_back(kv.key(), kv.value());
    return std::move(g_);
  }

 private:
  Error error(Code code, const std::string& text) const { return {code, path_ + ": " + text}; }

  Error located(const Error& e) const { return error(e.code, e.text); }

  Result<void> read_opset(const onnx::ModelProto& model) {
    const std::string known = "known are " + std::to_string(kOldestOpset) + " to " + std::to_string(kNewestOpset) +
                              ": export it with one of these";
    for (const auto& set : model.opset_import())
      if (set.domain().empty() || set.domain() == "ai.onnx") opset_ = set.version();
    if (opset_ < kOldestOpset)
      return error(Code::kUnsupported,
                   "opset " + std::to_string(opset_) + " is older than " + std::to_string(kOldestOpset) + "; " + known);
    if (opset_ > kNewestOpset && options_.log)
      options_.log("warning: " + path_ + ": opset " + std::to_string(opset_) + " is newer than " +
                   std::to_string(kNewestOpset) + ", and ops may have changed since; " + known);
    return {};
  }

  Result<void> add_constants(const onnx::GraphProto& graph) {
    for (const auto& proto : graph.initializer()) {
      if (values_.count(proto.name())) return error(Code::kBadModel, "tensor '" + proto.name() + "' is defined twice");
      auto t = read_tensor(proto, files_);
      if (!t) return error(t.error().code, "tensor '" + proto.name() + "' " + t.error().text);
      values_[proto.name()] = g_.add(std::move(*t));
    }
    return {};
  }

  Result<void> add_inputs(const onnx::GraphProto& graph) {
    std::vector<std::string> names;
    for (const auto& value : graph.input()) names.push_back(value.name());
    if (auto done = check_input_names(options_, names); !done) return located(done.error());
    for (const auto& value : graph.input()) {
      if (values_.count(value.name())) continue;  // before IR 4 initializers are listed as inputs too
      if (value.type().tensor_type().shape().dim_size() > kMaxRank)
        return error(Code::kUnsupported, "input '" + value.name() + "' has more than 8 dims");
      auto shape = input_shape(options_, value.name(), declared(value.type().tensor_type()));
      if (!shape) return located(shape.error());
      auto dtype = dtype_of_onnx(value.type().tensor_type().elem_type());
      if (!dtype)
        return error(Code::kUnsupported, "input '" + value.name() + "': element type " +
                                             std::to_string(value.type().tensor_type().elem_type()) +
                                             " is not supported");
      // Pictures of bytes: their values as floats, which is what preprocessing gives and what their casts make of them.
      if (*dtype == DType::kU8 || *dtype == DType::kS8) dtype = DType::kF32;
      const TensorId id = g_.add({.name = value.name(), .dtype = *dtype, .shape = *shape});
      values_[value.name()] = id;
      g_.inputs.push_back(id);
    }
    return {};
  }

  static std::optional<Shape> declared(const onnx::TensorType& type) {
    if (!type.has_shape()) return std::nullopt;
    Shape shape;
    for (const auto& d : type.shape().dim())
      shape.push_back(d.has_dim_value() && d.dim_value() > 0 ? d.dim_value() : -1);
    return shape;
  }

  std::vector<std::string> output_names(const onnx::GraphProto& graph) const {
    std::vector<std::string> names = options_.outputs;
    if (names.empty())
      for (const auto& o : graph.output()) names.push_back(o.name());
    return names;
  }

  // Only what the outputs need is imported: what stands behind a cut may hold ops that nobody supports.
  std::vector<bool> needed_nodes(const onnx::GraphProto& graph) const {
    std::unordered_set<std::string> wanted = outputs_;
    std::vector<bool> needed(static_cast<size_t>(graph.node_size()), false);
    for (int i = graph.node_size() - 1; i >= 0; --i) {
      const auto& n = graph.node(i);
      if (std::none_of(n.output().begin(), n.output().end(), [&](const std::string& o) { return wanted.count(o); }))
        continue;
      needed[static_cast<size_t>(i)] = true;
      wanted.insert(n.input().begin(), n.input().end());
    }
    return needed;
  }

  std::string describe(const onnx::NodeProto& node) const {
    const std::string& name = !node.name().empty() ? node.name() : node.output_size() ? node.output(0) : node.name();
    return "node '" + name + "' (" + (node.domain().empty() ? "" : node.domain() + ".") + node.op_type() + "): ";
  }

  Result<void> add_node(const onnx::NodeProto& proto) {
    const std::string where = describe(proto);
    const OnnxOp* op = find_onnx_op(proto.op_type(), proto.domain() == "ai.onnx" ? "" : proto.domain());
    if (!op) return error(Code::kUnsupported, where + "this op is not supported");
    OnnxNode n(g_, proto, opset_, files_, stored_);
    for (const std::string& input : proto.input()) {
      auto it = values_.find(input);
      if (!input.empty() && it == values_.end() && left_out_.count(input)) return left_out(input);
      if (!input.empty() && it == values_.end())
        return error(Code::kBadModel, where + "its input '" + input + "' is not made by an earlier node");
      n.inputs.push_back(input.empty() ? -1 : it->second);
    }
    while (!n.inputs.empty() && n.inputs.back() < 0) n.inputs.pop_back();
    for (int i = 0; i < op->min_inputs; ++i)
      if (n.in(static_cast<size_t>(i)) < 0)
        return error(Code::kBadModel, where + "needs at least " + std::to_string(op->min_inputs) + " inputs");
    if (n.inputs.size() > static_cast<size_t>(op->max_inputs))
      return error(Code::kBadModel, where + "has more than " + std::to_string(op->max_inputs) + " inputs");
    constants_.mark();
    const std::optional<Stored> kept = op->reads_stored ? std::nullopt : resolve_stored(n);
    if (!op->reads_stored) widen_bytes(n);
    op->import(n);
    if (n.failed()) return error(n.code(), where + n.failure());
    n.name_parts();
    if (!kept && may_fold(proto, n.results))
      if (auto done = constants_.fold(std::array{&n.results}); !done)
        return error(done.error().code, where + done.error().text);
    for (size_t i = 0; kept && i < n.results.size(); ++i) stored_[n.results[i]] = *kept;
    return add_results(proto, n.results, where);
  }

  // Computed bytes are for outputs: the runtime computes with wider integers.
  static void widen_bytes(OnnxNode& n) {
    const std::string& type = n.proto.op_type();
    for (TensorId& t : n.inputs)
      if (t >= 0 && is_byte(n.at(t).dtype) && !n.is_constant(t) && type != "Cast" && type != "Identity")
        t = n.cast(t, DType::kS32);
  }

  // Outputs of the graph stay nodes, which have their names; integers that stand for something stay what says so.
  bool may_fold(const onnx::NodeProto& proto, const std::vector<TensorId>& results) const {
    return std::none_of(proto.output().begin(), proto.output().end(),
                        [&](const std::string& o) { return outputs_.count(o); }) &&
           std::none_of(results.begin(), results.end(), [&](TensorId t) { return stored_.count(t); });
  }

  Error left_out(const std::string& name) const {
    return error(Code::kUnsupported, left_out_.at(name) + "its output '" + name + "' is not supported");
  }

  Result<void> add_results(const onnx::NodeProto& proto, const std::vector<TensorId>& results,
                           const std::string& where) {
    for (int i = 0; i < proto.output_size(); ++i) {
      const std::string& name = proto.output(i);
      if (name.empty()) continue;
      const size_t k = static_cast<size_t>(i);
      // An optional output that the op does not give (a pool's indices): an error only if somebody reads it.
      if (k >= results.size()) {
        left_out_[name] = where;
        continue;
      }
      if (results[k] < 0) return error(Code::kBadModel, where + "has no output '" + name + "'");
      if (!values_.emplace(name, results[k]).second)
        return error(Code::kBadModel, where + "tensor '" + name + "' is made twice");
      Tensor& t = g_.tensors[static_cast<size_t>(results[k])];
      if (results[k] >= first_made_ && !t.constant) t.name = name;
    }
    return {};
  }

  static bool is_byte(DType type) { return type == DType::kU8 || type == DType::kS8; }

  // The type of an output that the source gives as bytes. Wider types are the runtime's s32, s64 and f32.
  static std::optional<DType> declared_byte(const onnx::GraphProto& graph, const std::string& name) {
    for (const auto& o : graph.output())
      if (o.name() == name)
        if (const auto type = dtype_of_onnx(o.type().tensor_type().elem_type()); type && is_byte(*type)) return type;
    return std::nullopt;
  }

  Result<void> add_outputs(const onnx::GraphProto& graph) {
    const std::vector<std::string> names = output_names(graph);
    if (names.empty()) return error(Code::kBadModel, "the graph has no outputs");
    for (const std::string& name : names) {
      auto it = values_.find(name);
      if (it == values_.end() && left_out_.count(name)) return left_out(name);
      if (it == values_.end())
        return error(options_.outputs.empty() ? Code::kBadModel : Code::kBadArgument,
                     "output '" + name + "' is not made by any node");
      TensorId id = it->second;
      if (const auto stored = stored_.find(id); stored != stored_.end()) {
        SourceNode n(g_, name, name);
        if (stored->second.dynamic)
          return error(Code::kUnsupported, "output '" + name + "' holds integers of a scale that the run finds");
        id = stored_integers(n, id, stored->second);
      }
      if (const auto wanted = declared_byte(graph, name); wanted && tensor(g_, id).dtype != *wanted) {
        SourceNode n(g_, name + ":cast", name);
        id = n.cast(id, *wanted);
      }
      add_output(g_, id, name);
    }
    return {};
  }

  const std::string& path_;
  const ConvertOptions& options_;
  Graph g_;
  SourceFiles files_;
  int64_t opset_ = 0;
  TensorId first_made_ = 0;  // what stands before it is an input or a constant
  std::unordered_map<std::string, TensorId> values_;
  std::unordered_map<std::string, std::string> left_out_;  // outputs that no op gives, and the node that has them
  StoredTensors stored_;
  EarlyConstants constants_{g_};
  std::unordered_set<std::string> outputs_;
};

}  // namespace

Result<Graph> import_onnx(const std::string& path, const ConvertOptions& options) {
  auto model = parse_onnx(path, options);
  if (!model) return model.error();
  return OnnxImporter(path, options).run(*model);
}

Result<std::vector<std::string>> onnx_files(const std::string& path, const ConvertOptions& options) {
  auto model = parse_onnx(path, options);
  if (!model) return model.error();
  std::vector<std::string> names;
  const auto add = [&](const onnx::TensorProto& t) {
    for (const auto& e : t.external_data())
      if (e.key() == "location") names.push_back(e.value());
  };
  for (const auto& t : model->graph().initializer()) add(t);
  for (const auto& node : model->graph().node())
    for (const auto& a : node.attribute()) add(a.t());
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  std::vector<std::string> files = {path};
  for (const std::string& name : names) {
    auto file = file_below(std::filesystem::path(path).parent_path(), name);
    if (!file) return Error{file.error().code, path + ": external data: " + file.error().text};
    files.push_back(file->string());
  }
  return files;
}

}  // namespace octet::convert
