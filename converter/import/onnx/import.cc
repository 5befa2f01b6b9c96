// Reads an ONNX file into the float graph: file, inputs, constants, then node by node, then outputs.
#include "converter/import/onnx/import.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <limits>

#include "converter/import/build/public_tensors.h"
#include "converter/import/build/source_files.h"
#include "converter/import/onnx/nodes.h"
#include "converter/import/onnx/ops/quantised.h"
#include "converter/import/onnx/other_formats.h"
#include "converter/import/onnx/tensor.h"

namespace octet::convert {
namespace {

// 23 and later have not been looked at; from 21 to 22 only types were added to the ops that are imported.
constexpr int64_t kOldestOpset = 7, kNewestOpset = 22;

Result<onnx::ModelProto> parse_onnx(const std::string& path, const ConvertOptions& options) {
  std::error_code failed;
  const uint64_t size = std::filesystem::file_size(path, failed);
  if (failed) return Error{Code::kIo, path + ": " + failed.message()};
  if (const auto other = other_format(path)) return Error{Code::kUnsupported, path + ": " + *other};
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
  OnnxImporter(const std::string& path, const ConvertOptions& options, const onnx::ModelProto& model)
      : path_(path), options_(options), nodes_(g_, files_, model, options.max_nodes) {
    g_.source = path;
    g_.constant_limit = constant_limit(options);
    files_ = {std::filesystem::path(path).parent_path(), g_.constant_limit, over_memory_limit(options)};
  }

  Result<Graph> run(const onnx::ModelProto& model) {
    if (auto done = read_opset(model); !done) return done.error();
    if (auto few = check_nodes(static_cast<size_t>(model.graph().node_size()), options_); !few)
      return located(few.error());
    if (auto done = nodes_.add_constants(model.graph(), top_); !done) return located(done.error());
    if (auto done = add_inputs(model.graph()); !done) return done.error();
    const std::vector<std::string> outputs = output_names(model.graph());
    top_.outputs.insert(outputs.begin(), outputs.end());
    if (auto done = nodes_.import(model.graph().node(), top_, top_.outputs); !done) return located(done.error());
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
      if (set.domain().empty() || set.domain() == "ai.onnx") top_.opset = set.version();
    if (top_.opset < kOldestOpset)
      return error(Code::kUnsupported, "opset " + std::to_string(top_.opset) + " is older than " +
                                           std::to_string(kOldestOpset) + "; " + known);
    if (top_.opset > kNewestOpset && options_.log)
      options_.log("warning: " + path_ + ": opset " + std::to_string(top_.opset) + " is newer than " +
                   std::to_string(kNewestOpset) + ", and ops may have changed since; " + known);
    return {};
  }

  Result<void> add_inputs(const onnx::GraphProto& graph) {
    std::vector<std::string> names;
    for (const auto& value : graph.input()) names.push_back(value.name());
    if (auto done = check_input_names(options_, names); !done) return located(done.error());
    for (const auto& value : graph.input()) {
      if (top_.values.count(value.name())) continue;  // before IR 4 initializers are listed as inputs too
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
      top_.values[value.name()] = id;
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
      const TensorId* made = top_.find(name);
      if (const std::string* owner = top_.find_left_out(name); owner && !made)
        return error(Code::kUnsupported, *owner + "its output '" + name + "' is not supported");
      if (!made || *made < 0)
        return error(options_.outputs.empty() ? Code::kBadModel : Code::kBadArgument,
                     "output '" + name + "' is not made by any node");
      TensorId id = *made;
      if (nodes_.context.sequences.count(id))
        return error(Code::kUnsupported, "output '" + name + "' is a sequence: name outputs before it");
      if (const auto stored = nodes_.context.stored.find(id); stored != nodes_.context.stored.end()) {
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
  OnnxScope top_;
  OnnxNodes nodes_;
};

void add_external(const onnx::TensorProto& t, std::vector<std::string>& names) {
  for (const auto& e : t.external_data())
    if (e.key() == "location") names.push_back(e.value());
}

void add_external(const onnx::GraphProto& graph, std::vector<std::string>& names);

void add_external(const google::protobuf::RepeatedPtrField<onnx::NodeProto>& nodes, std::vector<std::string>& names) {
  for (const auto& node : nodes)
    for (const auto& a : node.attribute()) add_external(a.t(), names), add_external(a.g(), names);
}

void add_external(const onnx::GraphProto& graph, std::vector<std::string>& names) {
  for (const auto& t : graph.initializer()) add_external(t, names);
  add_external(graph.node(), names);
}

}  // namespace

Result<Graph> import_onnx(const std::string& path, const ConvertOptions& options) {
  auto model = parse_onnx(path, options);
  if (!model) return model.error();
  return OnnxImporter(path, options, *model).run(*model);
}

Result<std::vector<std::string>> onnx_files(const std::string& path, const ConvertOptions& options) {
  auto model = parse_onnx(path, options);
  if (!model) return model.error();
  std::vector<std::string> names;
  add_external(model->graph(), names);
  for (const auto& f : model->functions()) add_external(f.node(), names);
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
