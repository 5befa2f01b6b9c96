// From command line texts to an analysis and its files.
#include "tools/convert/analyze.h"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>
#include <thread>

#include "cli/numbers.h"
#include "cli/progress_bar.h"
#include "cli/session_flags.h"
#include "cli/terminal.h"
#include "files/files.h"
#include "runtime/core/inspect.h"
#include "tools/convert/analysis_report.h"
#include "tools/convert/evaluations.h"

namespace octet {
namespace {

struct Arguments {
  std::shared_ptr<QuantizeFlags> quantize;
  MetricFlags metric;
  std::string output;
  size_t pictures = 4, worst = 10, metric_layers = 0;
  int jobs = 1;
};

std::vector<GraphNode> graph_of(const Model& model) {
  const FileFacts file = file_facts(model);
  std::vector<GraphNode> graph;
  for (const NodeFacts& n : file.nodes) {
    GraphNode node{std::string(n.name), std::string(n.op), n.int8, n.moves_only, {}, {}};
    for (int t : n.inputs)
      if (t >= 0 && !file.tensors[static_cast<size_t>(t)].constant)
        node.inputs.emplace_back(file.tensors[static_cast<size_t>(t)].name);
    for (int t : n.outputs)
      if (t >= 0) node.outputs.emplace_back(file.tensors[static_cast<size_t>(t)].name);
    graph.push_back(std::move(node));
  }
  return graph;
}

// The metric with each layer alone in int8 and with each alone in float, the worst of the ranking first.
Result<MetricReport> measure(const Arguments& args, const Prepared& p, const Model& int8, const QuantizedModel& made,
                             const Analysis& found) {
  auto metric = Metric::of(args.metric, p);
  if (!metric) return metric.error();
  Evaluations evaluations(*metric, p.source.model, int8, made.bytes, args.jobs, args.output + "/metric.json");
  auto in_float = evaluations.in_float();
  if (!in_float) return in_float.error();
  Names all;
  for (const LayerAnalysis& l : found.layers) all.push_back(l.name);
  const size_t count = args.metric_layers ? std::min(args.metric_layers, all.size()) : all.size();
  std::vector<Names> sets{{}};  // no layer in float; then two for each layer
  for (size_t i = 0; i < count; ++i) {
    Names others = all;
    others.erase(others.begin() + static_cast<std::ptrdiff_t>(i));
    sets.push_back(std::move(others));
    sets.push_back({all[i]});
  }
  ProgressBar bar;
  auto values = evaluations.with_float(sets, [&](size_t done, size_t total) { bar.show(done, total); });
  if (!values) return values.error();
  MetricReport report{metric->name(), metric->pictures(), *in_float, (*values)[0]};
  for (size_t i = 0; i < count; ++i) report.layers[all[i]] = {(*values)[1 + 2 * i], (*values)[2 + 2 * i]};
  return report;
}

void print(const AnalysisReport& r, size_t worst) {
  for (size_t p = 0; p < r.analysis.points.size(); ++p)
    std::printf("output       %5.1f dB  %s\n", r.analysis.whole[p].db, printable(r.analysis.points[p]).c_str());
  for (const Agreement& a : r.analysis.agreement)
    std::printf("output       %5.1f %% equal  %s\n", a.part * 100, printable(a.name).c_str());
  if (r.metric)
    std::printf("%-12s float %.4f, int8 %.4f, %zu pictures\n", r.metric->name.c_str(), r.metric->in_float,
                r.metric->in_int8, r.metric->pictures);
  std::printf("layer alone    both  weights  activations%s\n", r.metric ? "    only  all but it" : "");
  for (const LayerAnalysis& l : r.analysis.layers) {
    if (worst-- == 0) break;
    std::printf("             %6.1f", l.both.db());
    l.weights ? std::printf("   %6.1f", l.weights->db()) : std::printf("        -");
    std::printf("       %6.1f", l.activations.db());
    const auto metric = r.metric ? r.metric->layers.find(l.name) : std::map<std::string, LayerMetric>::const_iterator{};
    if (r.metric && metric != r.metric->layers.end())
      std::printf("  %6.4f      %6.4f", metric->second.only, metric->second.without);
    std::printf("  %s\n", printable(l.name).c_str());
  }
}

Result<void> write(const AnalysisReport& r, const std::string& folder) {
  constexpr auto replace = nlohmann::ordered_json::error_handler_t::replace;
  const std::pair<const char*, std::string> files[] = {{"analysis.json", json_of(r).dump(1, ' ', true, replace) + "\n"},
                                                       {"analysis.csv", csv_of(r)},
                                                       {"analysis.html", page_of(r)}};
  for (const auto& [name, text] : files)
    if (auto written = write_text(folder + "/" + name, text); !written) return written;
  return {};
}

Result<void> run(const Arguments& args) {
  std::error_code failed;
  std::filesystem::create_directories(args.output, failed);
  if (failed) return Error{Code::kIo, "--output '" + args.output + "': " + failed.message()};
  auto p = prepare(*args.quantize);
  if (!p) return p.error();
  auto made = quantize_shown(*p);
  if (!made) return made.error();
  print_warnings("octet-convert", made->warnings);
  auto int8 = Model::from_bytes(made->bytes, p->source.model.name());
  if (!int8) return int8.error();
  Result<Analysis> found = Error{};
  {
    ProgressBar bar;
    found =
        analyze(p->source.model, *int8, p->samples,
                {.pictures = args.pictures, .threads = p->options.threads, .progress = [&](size_t done, size_t total) {
                   bar.show(done, total);
                 }});
  }
  if (!found) return found.error();
  found->float_left = made->float_layers;
  AnalysisReport report{.model = p->source.model.name(),
                        .how = p->options.algo + ", per_channel " + p->options.per_channel + ", weights " +
                               p->options.weights + ", bias " + p->options.bias,
                        .analysis = std::move(*found),
                        .graph = graph_of(*int8)};
  // What is known by now can be looked at while the metric takes its time.
  if (auto written = write(report, args.output); !written) return written;
  if (!args.metric.dataset.empty()) {
    auto metric = measure(args, *p, *int8, *made, report.analysis);
    if (!metric) return metric.error();
    report.metric = std::move(*metric);
    if (auto written = write(report, args.output); !written) return written;
  }
  print(report, args.worst);
  std::printf("written      %s\n", printable(args.output + "/analysis.html, analysis.csv, analysis.json").c_str());
  return {};
}

}  // namespace

void add_analyze_command(CLI::App& app, int& exit_code) {
  auto args = std::make_shared<Arguments>();
  args->jobs = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  CLI::App* command = app.add_subcommand(
      "analyze", "Quantise as `quantize` would, and say what each layer costs: a page, a table, JSON");
  args->quantize = add_quantize_flags(*command);
  command->add_option("-o,--output", args->output, "Folder to write to: analysis.html, analysis.csv, analysis.json")
      ->required();
  command->add_option("--pictures", args->pictures, "Samples of --data that layers are looked at with")
      ->transform(between<size_t>(1, 1 << 20))
      ->capture_default_str();
  command->add_option("--worst", args->worst, "Layers to print")
      ->transform(between<size_t>(0, 1 << 30))
      ->capture_default_str();
  add_metric_flags(*command, args->metric);
  command->add_option("--metric_layers", args->metric_layers, "With --dataset: the worst so many layers; 0: all")
      ->transform(between<size_t>(0, 1 << 30))
      ->capture_default_str();
  command->add_option("--jobs", args->jobs, "With --dataset: evaluations at a time")
      ->transform(between(1, 1024))
      ->capture_default_str();
  command->callback([args, &exit_code] {
    auto done = run(*args);
    exit_code = done ? 0 : fail("octet-convert", done.error());
  });
}

}  // namespace octet
