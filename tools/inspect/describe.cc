#include "tools/inspect/describe.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <map>
#include <sstream>

#include "runtime/core/model.h"
#include "runtime/core/op.h"
#include "runtime/core/precision.h"
#include "schema/format.h"

namespace octet {
namespace {

using Json = nlohmann::ordered_json;

Json shape_of(const Shape& shape) { return std::vector<int64_t>(shape.begin(), shape.end()); }

Json quant_of(const Quant& q) {
  const auto [low, high] = std::minmax_element(q.scale.begin(), q.scale.end());
  Json out{{"per_channel", q.per_channel()}};
  if (!q.per_channel()) {
    out["scale"] = q.scale[0];
    out["zero_point"] = q.zero_point[0];
  } else {
    out["channels"] = q.scale.size();
    out["scale"] = {*low, *high};
  }
  return out;
}

Json tensor_of(const TensorDef& t) {
  Json out{{"name", t.name}, {"dtype", name_of(t.dtype)}, {"shape", shape_of(t.shape)}};
  if (!t.quant.empty()) out["quant"] = quant_of(t.quant);
  if (t.constant) out["bytes"] = t.bytes;
  if (!t.weight_scale.empty()) {
    const auto [low, high] = std::minmax_element(t.weight_scale.begin(), t.weight_scale.end());
    out["weight_scale"] = {*low, *high};
  }
  return out;
}

Json tensors_of(const ModelData& model, const std::vector<int>& indices) {
  Json out = Json::array();
  for (int i : indices) out.push_back(i < 0 ? Json() : tensor_of(model.tensors[static_cast<size_t>(i)]));
  return out;
}

bool int8_weights(const ModelData& model, const NodeDef& node) {
  for (int i : node.inputs)
    if (i >= 0 && model.tensors[static_cast<size_t>(i)].dtype == DType::kS8) return true;
  return false;
}

Json nodes_of(const ModelData& model) {
  Json out = Json::array();
  const auto chosen = choose_int8(model, {});  // an error: the model is not quantised
  const auto int8 = chosen ? *chosen : std::vector<bool>(model.nodes.size());
  for (const NodeDef& n : model.nodes)
    out.push_back({{"name", n.name},
                   {"op", n.kind->names(n)[0]},
                   {"int8_weights", int8_weights(model, n)},
                   {"precision", int8[out.size()] ? "int8" : "fp32"},
                   {"moves_only", n.kind->moves_only},
                   {"inputs", tensors_of(model, n.inputs)},
                   {"outputs", tensors_of(model, n.outputs)}});
  return out;
}

// How the weight segment is spent, by dtype.
Json weights_of(const ModelData& model) {
  std::map<std::string, std::pair<int64_t, size_t>> sums;
  for (const TensorDef& t : model.tensors)
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

std::string tensor_text(const Json& t) {
  if (t.is_null()) return "-";
  std::string text = t["name"].get<std::string>() + " " + t["dtype"].get<std::string>() + shape_text(t);
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
  text << "  " << index << ' ' << n["op"].get<std::string>() << " '" << n["name"].get<std::string>() << "'"
       << (n["precision"] == "int8" ? " int8\n" : "\n");
  for (const Json& t : n["inputs"]) text << "      in  " << tensor_text(t) << '\n';
  for (const Json& t : n["outputs"]) text << "      out " << tensor_text(t) << '\n';
  return text.str();
}

}  // namespace

Json describe(const Model& model) {
  const ModelData& data = model.data();
  schema::FileHeader header;
  std::memcpy(&header, data.file.get(), sizeof header);  // a loaded file has one
  Json out{{"file", data.name},
           {"format", std::to_string(header.version_major) + "." + std::to_string(header.version_minor)},
           {"file_bytes", data.file_bytes},
           {"graph_bytes", header.graph_bytes},
           {"weight_bytes", data.weight_bytes},
           {"quantized", model.quantized()},
           {"int8_ops", data.int8_ops}};
  out["metadata"] = Json::object();
  for (const auto& [key, value] : data.metadata) out["metadata"][std::string(key)] = value;
  out["inputs"] = tensors_of(data, data.inputs);
  out["outputs"] = tensors_of(data, data.outputs);
  out["weights"] = weights_of(data);
  out["nodes"] = nodes_of(data);
  return out;
}

std::string text_of(const Json& d) {
  std::ostringstream text;
  text << d["file"].get<std::string>() << ": format " << d["format"].get<std::string>() << ", " << d["file_bytes"]
       << " bytes (graph " << d["graph_bytes"] << ", weights " << d["weight_bytes"] << "), "
       << (d["quantized"] ? "int8" : "float") << '\n';
  text << lines("inputs", d["inputs"]) << lines("outputs", d["outputs"]) << "int8 ops:";
  for (const Json& op : d["int8_ops"]) text << ' ' << op.get<std::string>();
  text << (d["int8_ops"].empty() ? " none\nmetadata\n" : "\nmetadata\n");
  for (const auto& [key, value] : d["metadata"].items())
    text << "  " << key << " = " << value.get<std::string>() << '\n';
  text << "weights\n";
  for (const auto& [dtype, sum] : d["weights"].items())
    text << "  " << dtype << ": " << sum["tensors"] << " tensors, " << sum["bytes"] << " bytes\n";
  text << "nodes (" << d["nodes"].size() << ")\n";
  for (size_t i = 0; i < d["nodes"].size(); ++i) text << node_text(i, d["nodes"][i]);
  return text.str();
}

}  // namespace octet
