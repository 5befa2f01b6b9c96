#include "tools/bench/report.h"

#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <map>

#include "cli/terminal.h"

namespace octet::bench {
namespace {

using Json = nlohmann::ordered_json;

const char* text_of(Precision p) { return p == Precision::kInt8 ? "int8" : "fp32"; }

Json shape_of(const Shape& shape) { return std::vector<int64_t>(shape.begin(), shape.end()); }

__attribute__((format(printf, 1, 2))) std::string format(const char* pattern, ...) {
  char text[512];
  va_list arguments;
  va_start(arguments, pattern);
  std::vsnprintf(text, sizeof text, pattern, arguments);
  va_end(arguments);
  return text;
}

double per_second(double macs, double ms) { return ms > 0 ? macs / ms * 1e-6 : 0; }

Json step_of(const StepProfile& p, double all_ns, const std::map<std::string, double>& peaks) {
  const auto peak = peaks.find(p.unit);
  const double ms = p.runs ? static_cast<double>(p.total_ns) * 1e-6 / static_cast<double>(p.runs) : 0;
  return {
      {"node", p.node},
      {"op", p.op},
      {"kernel", p.kernel},
      {"precision", text_of(p.precision)},
      {"input", shape_of(p.input)},
      {"output", shape_of(p.output)},
      {"ms", ms},
      {"share", all_ns > 0 ? static_cast<double>(p.total_ns) / all_ns : 0},
      {"macs", p.macs},
      {"gmac_per_s", per_second(static_cast<double>(p.macs), ms)},
      {"unit", p.unit},
      {"share_of_peak",
       peak != peaks.end() && peak->second > 0 ? per_second(static_cast<double>(p.products), ms) / peak->second : 0}};
}

// Sums over the steps of one op and precision, the longest first.
Json sums_of(const Json& steps) {
  std::map<std::string, Json> sums;
  for (const Json& s : steps) {
    const auto op = s["op"].get<std::string>(), precision = s["precision"].get<std::string>();
    Json& sum =
        sums.try_emplace(
                op + " " + precision,
                Json{{"op", op}, {"precision", precision}, {"steps", 0}, {"ms", 0.0}, {"share", 0.0}, {"macs", 0}})
            .first->second;
    sum["steps"] = sum["steps"].get<int>() + 1;
    sum["ms"] = sum["ms"].get<double>() + s["ms"].get<double>();
    sum["share"] = sum["share"].get<double>() + s["share"].get<double>();
    sum["macs"] = sum["macs"].get<int64_t>() + s["macs"].get<int64_t>();
  }
  std::vector<Json> rows;
  for (auto& [key, sum] : sums) {
    sum["gmac_per_s"] = per_second(sum["macs"].get<double>(), sum["ms"].get<double>());
    rows.push_back(std::move(sum));
  }
  std::stable_sort(rows.begin(), rows.end(),
                   [](const Json& a, const Json& b) { return a["ms"].get<double>() > b["ms"].get<double>(); });
  return rows;
}

std::string sizes(const Json& shape) {
  std::string text;
  for (const Json& d : shape) {
    if (!text.empty()) text += 'x';
    text += d.dump();
  }
  return text;
}

std::string steps_text(const Json& steps) {
  std::string text = format("\n%9s %6s  %-12s %-5s %-32s %-18s %-18s %8s %-6s %5s  %s\n", "ms", "share", "op", "",
                            "kernel", "input", "output", "GMAC/s", "unit", "peak", "node");
  for (const Json& s : steps)
    text += format("%9.4f %5.1f%%  %-12s %-5s %-32s %-18s %-18s %8.1f %-6s %5s  ", s["ms"].get<double>(),
                   100 * s["share"].get<double>(), s["op"].get<std::string>().c_str(),
                   s["precision"].get<std::string>().c_str(), s["kernel"].get<std::string>().c_str(),
                   sizes(s["input"]).c_str(), sizes(s["output"]).c_str(), s["gmac_per_s"].get<double>(),
                   s["unit"].get<std::string>().c_str(),
                   s["unit"] == "" ? "" : format("%.0f %%", 100 * s["share_of_peak"].get<double>()).c_str()) +
            printable(s["node"].get<std::string>()) + "\n";
  return text;
}

std::string sums_text(const Json& sums) {
  std::string text = format("\n%9s %6s  %-12s %-5s %6s %8s\n", "ms", "share", "op", "", "steps", "GMAC/s");
  for (const Json& s : sums)
    text += format("%9.4f %5.1f%%  %-12s %-5s %6d %8.1f\n", s["ms"].get<double>(), 100 * s["share"].get<double>(),
                   s["op"].get<std::string>().c_str(), s["precision"].get<std::string>().c_str(), s["steps"].get<int>(),
                   s["gmac_per_s"].get<double>());
  return text;
}

}  // namespace

Json document(const Findings& f) {
  double macs = 0, all_ns = 0;
  for (const StepProfile& p : f.steps) {
    macs += static_cast<double>(p.macs);
    all_ns += static_cast<double>(p.total_ns);
  }
  const double speed = per_second(macs, f.times.median());
  Json out{{"model", f.path},
           {"precision", text_of(f.precision)},
           {"threads", f.threads},
           {"kernels", cpu_kernels()},
           {"version", version()}};
  for (const auto& [name, shape] : f.inputs) out["inputs"][name] = shape_of(shape);
  out["load_ms"] = f.load_ms;
  out["prepare_ms"] = f.prepare_ms;
  out["file_bytes"] = f.file_bytes;
  out["arena_bytes"] = f.arena_bytes;
  out["warmup"] = f.warmup;
  out["runs"] = f.times.ms.size();
  out["median_ms"] = f.times.median();
  out["min_ms"] = f.times.ms.front();
  out["mean_ms"] = f.times.mean();
  out["p90_ms"] = f.times.percentile(.9);
  out["p99_ms"] = f.times.percentile(.99);
  out["times_ms"] = f.times.ms;
  out["gmac"] = macs * 1e-9;
  out["gmac_per_s"] = speed;
  const double int8_peak = f.peaks.at("int8");
  out["int8_peak_gmac_per_s"] = int8_peak;
  out["share_of_int8_peak"] = int8_peak > 0 ? speed / int8_peak : 0;
  if (!f.profiled) return out;
  out["peak_gmac_per_s"] = f.peaks;
  out["steps"] = Json::array();
  for (const StepProfile& p : f.steps) out["steps"].push_back(step_of(p, all_ns, f.peaks));
  out["ops"] = sums_of(out["steps"]);
  return out;
}

std::string text_of(const Json& d) {
  std::string text = printable(d["model"].get<std::string>());
  text += format("\n%s, %d thread%s, %s kernels", d["precision"].get<std::string>().c_str(), d["threads"].get<int>(),
                 d["threads"] == 1 ? "" : "s", d["kernels"].get<std::string>().c_str());
  if (d.contains("inputs"))
    for (const auto& [name, shape] : d["inputs"].items()) text += ", " + printable(name) + " " + sizes(shape);
  text += format("\nload %.2f ms, prepare %.2f ms, file %.2f MB, activations %.2f MB\n", d["load_ms"].get<double>(),
                 d["prepare_ms"].get<double>(), d["file_bytes"].get<double>() * 1e-6,
                 d["arena_bytes"].get<double>() * 1e-6);
  text += format("median %.3f ms, min %.3f, p90 %.3f, p99 %.3f (%d runs after %d of warm-up)\n",
                 d["median_ms"].get<double>(), d["min_ms"].get<double>(), d["p90_ms"].get<double>(),
                 d["p99_ms"].get<double>(), d["runs"].get<int>(), d["warmup"].get<int>());
  text += format("%.3f GMAC, %.1f GMAC/s, %.1f%% of this CPU's int8 peak of %.1f\n", d["gmac"].get<double>(),
                 d["gmac_per_s"].get<double>(), 100 * d["share_of_int8_peak"].get<double>(),
                 d["int8_peak_gmac_per_s"].get<double>());
  if (d.contains("steps")) text += steps_text(d["steps"]) + sums_text(d["ops"]);
  return text;
}

}  // namespace octet::bench
