#include "tools/convert/analysis_report.h"

#include <cmath>
#include <sstream>

#include "tools/convert/analysis_page.h"

namespace octet {
namespace {

using Json = nlohmann::ordered_json;

// Infinite ratios have no number in JSON: null, and `identical` says which of the two it is.
Json number(double v) { return std::isfinite(v) ? Json(v) : Json(); }
bool identical(double db) { return std::isinf(db) && db > 0; }

Json json_of(const Fidelity& f) {
  return {{"db", number(f.db)}, {"identical", identical(f.db)}, {"cosine", f.cosine}, {"mse", f.mse}};
}

Json json_of(const Effect& e) {
  Json points = Json::array();
  for (const Fidelity& f : e.points) points.push_back(json_of(f));
  return {{"db", number(e.db())}, {"identical", identical(e.db())}, {"layer", json_of(e.layer)}, {"points", points}};
}

Json json_of(const TensorValues& v) {
  Json channels = Json::array();
  for (const ChannelRange& c : v.channels) channels.push_back({c.min, c.max, c.low, c.high});
  return {{"tensor", v.name},
          {"histogram",
           {{"low", v.spread.low}, {"high", v.spread.high}, {"bins", v.spread.bins}, {"zeros", v.spread.zeros}}},
          {"clipped", v.clipped},
          {"channels", channels}};  // seen least and greatest, kept least and greatest
}

Json json_of(const LayerAnalysis& l, const std::optional<MetricReport>& metric) {
  Json shape = Json::array();
  for (int64_t d : l.output) shape.push_back(d);
  Json out{{"name", l.name},
           {"op", l.op},
           {"fused", l.fused},
           {"output", shape},
           {"macs", l.macs},
           {"float_us", l.float_us},
           {"int8_us", l.int8_us},
           {"both", json_of(l.both)},
           {"activations", json_of(l.activations)},
           {"in_place", json_of(l.in_place)},
           {"read", json_of(l.read)}};
  if (l.weights) out["weights"] = json_of(*l.weights);
  if (l.weight_values) out["weight_values"] = json_of(*l.weight_values);
  out["sample"] = Json::array();
  for (const auto& [wanted, got] : l.sample) out["sample"].push_back({wanted, got});
  if (metric)
    if (const auto found = metric->layers.find(l.name); found != metric->layers.end())
      out["metric"] = {{"only", found->second.only}, {"without", found->second.without}};
  return out;
}

Json json_of(const GraphNode& n) {
  return {{"name", n.name},     {"op", n.op},          {"int8", n.int8}, {"moves_only", n.moves_only},
          {"inputs", n.inputs}, {"outputs", n.outputs}};
}

std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (char c : text) out += c == '"' ? "\"\"" : std::string(1, c);
  return out + '"';
}

}  // namespace

Json json_of(const AnalysisReport& r) {
  const Analysis& a = r.analysis;
  Json out{{"model", r.model}, {"quantised", r.how}, {"pictures", a.pictures}};
  out["points"] = Json::array(), out["agreement"] = Json::array();
  for (size_t p = 0; p < a.points.size(); ++p)
    out["points"].push_back({{"tensor", a.points[p]}, {"whole", json_of(a.whole[p])}});
  for (const Agreement& g : a.agreement) out["agreement"].push_back({{"output", g.name}, {"part", g.part}});
  if (r.metric)
    out["metric"] = {{"name", r.metric->name},
                     {"pictures", r.metric->pictures},
                     {"float", r.metric->in_float},
                     {"int8", r.metric->in_int8}};
  out["layers"] = Json::array(), out["float_layers"] = Json::array(), out["graph"] = Json::array();
  for (const LayerAnalysis& l : a.layers) out["layers"].push_back(json_of(l, r.metric));
  for (const FloatLayer& l : a.float_left) out["float_layers"].push_back({{"name", l.name}, {"reason", l.reason}});
  for (const GraphNode& n : r.graph) out["graph"].push_back(json_of(n));
  return out;
}

std::string csv_of(const AnalysisReport& r) {
  std::ostringstream text;
  text << "rank,name,op,macs,float_us,int8_us,output_db,output_db_weights,output_db_activations,layer_db,layer_db_"
          "weights,"
          "layer_db_activations,layer_cosine,layer_mse,in_place_db,activations_clipped,weights_clipped";
  text << (r.metric ? ",metric_only,metric_without\n" : "\n");
  size_t rank = 0;
  for (const LayerAnalysis& l : r.analysis.layers) {
    const auto weights = [&](auto value) { return l.weights ? Json(number(value(*l.weights))).dump() : std::string(); };
    const auto cell = [](double v) { return std::isfinite(v) ? Json(v).dump() : v > 0 ? "inf" : "-inf"; };
    text << ++rank << ',' << quoted(l.name) << ',' << l.op << ',' << l.macs << ',' << cell(l.float_us) << ','
         << cell(l.int8_us) << ',' << cell(l.both.db()) << ',' << weights([](const Effect& e) { return e.db(); }) << ','
         << cell(l.activations.db()) << ',' << cell(l.both.layer.db) << ','
         << weights([](const Effect& e) { return e.layer.db; }) << ',' << cell(l.activations.layer.db) << ','
         << cell(l.both.layer.cosine) << ',' << cell(l.both.layer.mse) << ',' << cell(l.in_place.db) << ','
         << cell(l.read.clipped) << ',' << (l.weight_values ? cell(l.weight_values->clipped) : "");
    if (r.metric) {
      const auto found = r.metric->layers.find(l.name);
      if (found != r.metric->layers.end())
        text << ',' << cell(found->second.only) << ',' << cell(found->second.without);
      else
        text << ",,";
    }
    text << '\n';
  }
  return text.str();
}

std::string page_of(const AnalysisReport& r) {
  constexpr auto replace = Json::error_handler_t::replace;  // names need not be UTF-8
  std::string data = json_of(r).dump(-1, ' ', false, replace);
  for (size_t at = 0; (at = data.find('<', at)) != data.npos;) data.replace(at, 1, "\\u003c");  // no tag ends inside
  constexpr std::string_view kMark = "@ANALYSIS@";
  std::string page(kAnalysisPage);
  return page.replace(page.find(kMark), kMark.size(), data);
}

}  // namespace octet
