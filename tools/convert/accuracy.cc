#include "tools/convert/accuracy.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>
#include <optional>
#include <thread>

#include "cli/numbers.h"
#include "cli/progress_bar.h"
#include "cli/terminal.h"
#include "octet/analyze.h"
#include "tools/convert/evaluations.h"

namespace octet {
namespace {

constexpr double kSlack = 1e-9;  // a metric that equals the target reaches it

struct Work {
  double macs = 0, moved = 0;  // products; elements read and written
};

// Of each node, for sample 0.
Result<std::map<std::string, Work>> work_of(const Model& model, const Samples& samples) {
  auto session = Session::create(model, {.precision = Precision::kF32, .profile = true});
  if (!session) return session.error();
  if (auto filled = samples.fill(*session, 0); !filled) return filled.error();
  if (auto ready = session->prepare(); !ready) return ready.error();
  std::map<std::string, Work> work;
  for (const StepProfile& s : session->profile()) {
    Work& w = work[s.node];
    w.macs += static_cast<double>(s.macs);
    w.moved += static_cast<double>(s.input.elements() + s.output.elements());
  }
  return work;
}

// A quantised model, and its metric as it stands.
struct Candidate {
  QuantizeOptions options;
  QuantizedModel made;
  std::optional<Model> model;
  double metric = 0;
};

class Seeker {
 public:
  Seeker(const AccuracyFlags& flags, const Prepared& p, const Metric& metric) : flags_(flags), p_(p), metric_(metric) {}

  Result<Accurate> run(QuantizedModel first) {
    auto in_float = metric_.value(p_.source.model, {.threads = p_.options.threads, .precision = Precision::kF32});
    if (!in_float) return in_float.error();
    in_float_ = *in_float;
    wanted_ = flags_.target ? *flags_.target : in_float_ - *flags_.max_drop;
    auto best = start(std::move(first));
    if (!best) return best.error();
    if (best->metric < wanted_ - kSlack)
      if (auto kept = keep_float(*best); !kept) return kept.error();
    return Accurate{std::move(best->made), best->options, best->metric >= wanted_ - kSlack, wanted_,
                    best->metric,          metric_.name()};
  }

 private:
  Result<void> judge(Candidate& c) const {
    auto model = Model::from_bytes(c.made.bytes, p_.source.model.name());
    if (!model) return model.error();
    c.model = *model;
    auto value = metric_.value(*model, {.threads = p_.options.threads});
    if (!value) return value.error();
    c.metric = *value;
    return {};
  }

  Result<Candidate> make(const QuantizeOptions& options) const {
    Prepared p = p_;
    p.options = options;
    auto made = quantize_shown(p);
    if (!made) return made.error();
    Candidate c{.options = options, .made = std::move(*made), .model = {}};
    if (auto judged = judge(c); !judged) return judged.error();
    return c;
  }

  // What was asked for; where that does not do, other scales, which cost no time, before layers go to float, which does.
  Result<Candidate> start(QuantizedModel first) const {
    Candidate best{.options = p_.options, .made = std::move(first), .model = {}};
    if (auto judged = judge(best); !judged) return judged.error();
    std::printf("%-12s float %.4f, wanted %.4f, int8 %.4f, on %zu pictures\n", metric_.name(), in_float_, wanted_,
                best.metric, metric_.pictures());
    QuantizeOptions all = p_.options, percentile = p_.options;
    all.per_channel = percentile.per_channel = "all";
    percentile.algo = "percentile", percentile.keep = 0.9999;
    for (const QuantizeOptions& options : {all, percentile}) {
      if (best.metric >= wanted_ - kSlack) break;
      if (options.per_channel == p_.options.per_channel && options.algo == p_.options.algo) continue;
      auto other = make(options);
      if (!other) return other.error();
      std::printf("setting      %.4f  --per_channel %s --algo %s\n", other->metric, options.per_channel.c_str(),
                  options.algo.c_str());
      if (other->metric > best.metric) best = std::move(*other);
    }
    return best;
  }

  Result<std::vector<SearchLayer>> layers_of(const Candidate& c, const std::map<std::string, Work>& work) const {
    auto found =
        analyze(p_.source.model, *c.model, p_.samples, {.pictures = 2, .parts = false, .threads = p_.options.threads});
    if (!found) return found.error();
    std::vector<SearchLayer> layers;
    for (const LayerAnalysis& l : found->layers) {
      const auto w = work.find(l.name);
      // A product in float takes as long as some four in int8, and what was u8 is converted on both sides.
      const double cost = w == work.end() ? 0 : 3 * w->second.macs + 4 * w->second.moved;
      layers.push_back({l.name, std::pow(10, -std::max(l.both.db(), -30.0) / 10), cost});
    }
    return layers;
  }

  // The layers go float in a file that is made anew; should that be a little worse than the session that was searched with, the
  // search goes on from what it knows.
  Result<void> keep_float(Candidate& best) {
    const auto work = work_of(p_.source.model, p_.samples);
    if (!work) return work.error();
    auto layers = layers_of(best, *work);
    if (!layers) return layers.error();
    const Candidate start = best;
    Evaluations evaluations(metric_, p_.source.model, *start.model, start.made.bytes, flags_.jobs, "");
    const Measure measure = [&](const std::vector<Names>& sets) {
      ProgressBar bar;
      return evaluations.with_float(sets, [&](size_t done, size_t total) { bar.show(done, total); });
    };
    double target = wanted_;
    SearchResult found;
    for (int round = 0; round < 3; ++round) {
      auto searched = search_precision(*layers, measure,
                                       {.target = target,
                                        .in_float = in_float_,
                                        .evaluations = flags_.evaluations,
                                        .at_once = static_cast<size_t>(flags_.jobs)});
      if (!searched) return searched.error();
      QuantizeOptions options = start.options;
      for (const KeptLayer& l : searched->kept) options.exclude.push_back(l.name);
      auto made = make(options);
      if (!made && made.error().code == Code::kUnsupported) break;  // no layer would be left in int8
      if (!made) return made.error();
      if (made->metric >= best.metric) best = std::move(*made), found = std::move(*searched);
      if (best.metric >= wanted_ - kSlack || !found.met) break;
      target += wanted_ - best.metric + kSlack;
    }
    tell(found, best, *work, evaluations.made());
    return {};
  }

  void tell(const SearchResult& found, const Candidate& best, const std::map<std::string, Work>& work,
            size_t evaluations) const {
    for (const KeptLayer& l : found.kept)
      std::printf("kept float   %5.1f dB alone in int8, in float %+.4f  %s\n", -10 * std::log10(l.noise), l.gain,
                  printable(l.name).c_str());
    double all = 0, left = 0;
    for (const auto& [name, w] : work) all += w.macs;
    for (const FloatLayer& l : best.made.float_layers)
      if (const auto w = work.find(l.name); w != work.end()) left += w->second.macs;
    std::printf("%-12s %.4f with %zu nodes kept in float, %.1f %% of the MACs in int8, %zu evaluations\n",
                metric_.name(), best.metric, found.kept.size(), all > 0 ? 100 * (all - left) / all : 100, evaluations);
  }

  const AccuracyFlags& flags_;
  const Prepared& p_;
  const Metric& metric_;
  double in_float_ = 0, wanted_ = 0;
};

}  // namespace

void add_accuracy_flags(CLI::App& command, AccuracyFlags& flags) {
  flags.jobs = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  const auto drop = command.add_option("--max_drop", flags.max_drop,
                                       "With --dataset: the metric (0 to 1) may fall by that much; layers stay float "
                                       "until it does not fall further");
  command.add_option("--target_metric", flags.target, "With --dataset: the same, the metric itself")->excludes(drop);
  for (const char* name : {"--max_drop", "--target_metric"}) command.get_option(name)->transform(between(0.0, 1.0));
  add_metric_flags(command, flags.metric);
  command.get_option("--max_drop")->needs("--dataset");
  command.get_option("--target_metric")->needs("--dataset");
  command.add_option("--evaluations", flags.evaluations, "With --max_drop: that many of sets of layers, about")
      ->transform(between<size_t>(4, 10000))
      ->capture_default_str();
  command.add_option("--jobs", flags.jobs, "With --max_drop: evaluations at a time")
      ->transform(between(1, 1024))
      ->capture_default_str();
}

Result<Accurate> make_accurate(const AccuracyFlags& flags, const Prepared& p, QuantizedModel first) {
  auto metric = Metric::of(flags.metric, p);
  if (!metric) return metric.error();
  return Seeker(flags, p, *metric).run(std::move(first));
}

}  // namespace octet
