#include "tools/inspect/describe.h"

#include <algorithm>
#include <cstdio>
#include <map>
#include <sstream>

#include "cli/terminal.h"
#include "runtime/core/inspect.h"

namespace octet {
namespace {

using Json = nlohmann::ordered_json;

Json shape_of(const Shape& shape) { return std::vector<int64_t>(shape.begin(), shape.end()); }

Json range_of(std::span<const float> scales) {
  const auto [low, high] = std::minmax_element(scales.begin(), scales.end());
  return {*low, *high};
}

Json quant_of(const TensorFacts& t) {
  const bool per_channel = t.scale.size() > 1;
  Json out{{"per_channel", per_channel}};
  if (!per_channel) {
    out["scale"] = t.scale[0];
    out["zero_point"] = t.zero_point[0];
  } else {
    out["channels"] = t.scale.size();
    out["scale"] = range_of(t.scale);
  }
  return out;
}

Json tensor_of(const TensorFacts& t) {
  Json out{{"name", t.name}, {"dtype", name_of(t.dtype)}, {"shape", shape_of(t.shape)}};
  if (!t.scale.empty()) out["quant"] = quant_of(t);
  if (t.constant) out["bytes"] = t.bytes;
  if (!t.weight_scale.empty()) out["weight_scale"] = range_of(t.weight_scale);
  return out;
}

Json tensors_of(const FileFacts& file, std::span<const int> indices) {
  Json out = Json::array();
  for (int i : indices) out.push_back(i < 0 ? Json() : tensor_of(file.tensors[static_cast<size_t>(i)]));
  return out;
}

bool int8_weights(const FileFacts& file, const NodeFacts& node) {
  return std::any_of(node.inputs.begin(), node.inputs.end(),
                     [&](int i) { return i >= 0 && file.tensors[static_cast<size_t>(i)].dtype == DType::kS8; });
}

constexpr const char* kErrorsKey = "octet.layer_errors";

// What octet-convert quantize found of each layer alone in int8: lines "decibels name".
std::map<std::string, double, std::less<>> errors_of(const FileFacts& file) {
  std::map<std::string, double, std::less<>> out;
  for (const auto& [key, value] : file.metadata) {
    if (key != kErrorsKey) continue;
    std::istringstream lines{std::string(value)};
    std::string name;
    for (double db; lines >> db && lines.get() && std::getline(lines, name);) out[name] = db;
  }
  return out;
}

Json nodes_of(const FileFacts& file) {
  Json out = Json::array();
  const auto errors = errors_of(file);
  for (const NodeFacts& n : file.nodes) {
    out.push_back({{"name", n.name},
                   {"op", n.op},
                   {"fused", std::vector<std::string_view>(n.fused.begin(), n.fused.end())},
                   {"int8_weights", int8_weights(file, n)},
                   {"precision", n.int8 ? "int8" : "fp32"},
                   {"moves_only", n.moves_only},
                   {"inputs", tensors_of(file, n.inputs)},
                   {"outputs", tensors_of(file, n.outputs)}});
    if (const auto found = errors.find(n.name); found != errors.end()) out.back()["alone_db"] = found->second;
  }
  return out;
}

// How the weight segment is spent, by dtype.
Json weights_of(const FileFacts& file) {
  std::map<std::string, std::pair<int64_t, size_t>> sums;
  for (const TensorFacts& t : file.tensors)
    if (t.constant) {
      auto& [count, bytes] = sums[name_of(t.dtype)];
      ++count;
      bytes += t.bytes;
    }
  Json out = Json::object();
  for (const auto& [name, sum] : sums) out[name] = {{"tensors", sum.first}, {"bytes", sum.second}};
  return out;
}

std::string shape_text(const Json& t) {
  std::string text = "{";
  for (const Json& d : t["shape"]) {
    if (text.size() > 1) text += ',';
    text += d.dump();
  }
  return text += '}';
}

std::string number(double v) {
  char text[32];
  std::snprintf(text, sizeof text, "%.6g", v);
  return text;
}

// A string of the document for a terminal.
std::string said(const Json& text) { return printable(text.get<std::string>()); }

std::string tensor_text(const Json& t) {
  if (t.is_null()) return "-";
  std::string text = said(t["name"]) + " " + t["dtype"].get<std::string>() + shape_text(t);
  if (t.contains("bytes")) text += " const";
  if (t.contains("quant")) {
    const Json& q = t["quant"];
    if (q["per_channel"])
      text += " q8[" + q["channels"].dump() + " scales " + number(q["scale"][0]) + ".." + number(q["scale"][1]) + "]";
    else
      text += " q8[" + number(q["scale"]) + ", zero " + q["zero_point"].dump() + "]";
  }
  if (t.contains("weight_scale"))
    text += " scale " + number(t["weight_scale"][0]) + ".." + number(t["weight_scale"][1]);
  return text;
}

std::string lines(const char* title, const Json& tensors) {
  std::ostringstream text;
  text << title << '\n';
  for (const Json& t : tensors) text << "  " << tensor_text(t) << '\n';
  return text.str();
}

std::string node_text(size_t index, const Json& n) {
  std::ostringstream text;
  text << "  " << index << ' ' << said(n["op"]) << " '" << said(n["name"]) << "'"
       << (n["precision"] == "int8" ? " int8" : "");
  if (n.contains("alone_db")) text << ", alone in int8 " << n["alone_db"].dump() << " dB";
  text << '\n';
  for (const Json& name : n["fused"]) text << "      does the work of '" << said(name) << "'\n";
  for (const Json& t : n["inputs"]) text << "      in  " << tensor_text(t) << '\n';
  for (const Json& t : n["outputs"]) text << "      out " << tensor_text(t) << '\n';
  return text.str();
}

}  // namespace

Json describe(const Model& model) {
  const FileFacts file = file_facts(model);
  Json out{{"file", model.name()},
           {"format", std::to_string(file.format_major) + "." + std::to_string(file.format_minor)},
           {"file_bytes", file.file_bytes},
           {"graph_bytes", file.graph_bytes},
           {"weight_bytes", file.weight_bytes},
           {"quantized", model.quantized()},
           {"int8_ops", std::vector<std::string_view>(file.int8_ops.begin(), file.int8_ops.end())}};
  out["metadata"] = Json::object();
  for (const auto& [key, value] : file.metadata) out["metadata"][std::string(key)] = value;
  out["inputs"] = tensors_of(file, file.inputs);
  out["outputs"] = tensors_of(file, file.outputs);
  out["weights"] = weights_of(file);
  out["nodes"] = nodes_of(file);
  return out;
}

std::string text_of(const Json& d) {
  std::ostringstream text;
  text << said(d["file"]) << ": format " << d["format"].get<std::string>() << ", " << d["file_bytes"]
       << " bytes (graph " << d["graph_bytes"] << ", weights " << d["weight_bytes"] << "), "
       << (d["quantized"] ? "int8" : "float") << '\n';
  text << lines("inputs", d["inputs"]) << lines("outputs", d["outputs"]) << "int8 ops:";
  for (const Json& op : d["int8_ops"]) text << ' ' << said(op);
  text << (d["int8_ops"].empty() ? " none\nmetadata\n" : "\nmetadata\n");
  for (const auto& [key, value] : d["metadata"].items())
    if (key != kErrorsKey) text << "  " << printable(key) << " = " << said(value) << '\n';
  text << "weights\n";
  for (const auto& [dtype, sum] : d["weights"].items())
    text << "  " << dtype << ": " << sum["tensors"] << " tensors, " << sum["bytes"] << " bytes\n";
  text << "nodes (" << d["nodes"].size() << ")\n";
  for (size_t i = 0; i < d["nodes"].size(); ++i) text << node_text(i, d["nodes"][i]);
  return text.str();
}

}  // namespace octet
