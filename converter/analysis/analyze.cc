// octet/analyze.h: pictures through the float model, and what they held through each int8 node by itself.
#include "octet/analyze.h"

#include <algorithm>
#include <map>
#include <unordered_set>

#include "converter/analysis/whole.h"
#include "runtime/core/op.h"

namespace octet {
namespace analysis {
namespace {

struct Times {
  double us = 0;
  int64_t macs = 0;
};

// What each node's own steps take; those of conversions have the name of a tensor.
Result<std::map<std::string, Times>> times_of(const Model& model, Precision precision, const Recording& inputs,
                                              std::span<const int> tensors, int threads) {
  constexpr int kRuns = 5;
  auto session = Session::create(model, {.threads = threads, .precision = precision, .profile = true});
  if (!session) return session.error();
  const auto feed = [&](size_t i) -> const Recorded& { return inputs[at(tensors[i])]; };
  std::map<std::string, std::vector<double>> runs;
  std::map<std::string, Times> times;
  for (int i = 0; i < kRuns; ++i) {
    if (auto filled = fill(*session, tensors.size(), feed); !filled) return filled.error();
    session->reset_profile();
    if (auto ran = session->run(); !ran) return ran.error();
    for (const StepProfile& s : session->profile())
      if (s.runs && s.op != "quantize" && s.op != "dequantize")
        runs[s.node].push_back(static_cast<double>(s.total_ns) / 1e3), times[s.node].macs = s.macs;
  }
  for (auto& [node, list] : runs) {
    std::nth_element(list.begin(), list.begin() + static_cast<std::ptrdiff_t>(list.size() / 2), list.end());
    times[node].us = list[list.size() / 2];
  }
  return times;
}

class Analyzer {
 public:
  Analyzer(Pair pair, std::vector<bool> int8, const AnalyzeOptions& options)
      : pair_(std::move(pair)),
        points_(points_of(pair_.float_model.data(), pair_.float_links, int8)),
        options_(options) {
    const ModelData& f = pair_.float_model.data();
    const std::unordered_set<std::string_view> only(options.only.begin(), options.only.end());
    for (size_t n = 0; n < f.nodes.size(); ++n) {
      const auto type = f.nodes[n].kind->type;
      if (int8[n] && (only.empty() || only.count(f.nodes[n].name)))
        trials_.emplace_back(pair_, points_, static_cast<int>(n), options.parts);
      else if (!int8[n] && (type == schema::Op::Conv2d || type == schema::Op::MatMul))
        float_left_.push_back({std::string(f.nodes[n].name), ""});
    }
    for (int t : points_.tensors) compared_.push_back(t);
    for (const Trial& trial : trials_) compared_.push_back(trial.output());
  }

  Result<Analysis> run(const Samples& samples) {
    const size_t pictures = std::min(options_.pictures, samples.count);
    WholeSum whole(pair_, points_, compared_);
    std::vector<bool> wanted(pair_.float_model.data().tensors.size(), false);
    for (int t : compared_) wanted[at(t)] = true;
    for (const Trial& trial : trials_) trial.want(wanted);
    auto f32 = Recorder::open(pair_.float_model, session(Precision::kF32), wanted);
    if (!f32) return f32.error();
    auto int8 = Recorder::open(pair_.int8_model, session(Precision::kInt8), whole.wanted());
    if (!int8) return int8.error();
    std::vector<Recording> kept;
    size_t bytes = 0;
    for (size_t i = 0; i < pictures; ++i) {
      auto r = f32->run(samples, i * samples.count / pictures);
      if (!r) return r.error();
      auto q = int8->run_on(*r, pair_.float_model.data().inputs);
      if (!q) return q.error();
      whole.add(*r, f32->outputs(), *q, int8->outputs());
      if (i == 0 && options_.parts)
        if (auto timed = take_times(*r); !timed) return timed.error();
      const size_t size = bytes_of(*r);
      bytes += size;
      kept.push_back(std::move(*r));
      if (i + 1 < pictures && bytes + size <= options_.memory) continue;
      if (auto tried = try_all(kept, i + 1, pictures); !tried) return tried.error();
      kept.clear(), bytes = 0;
    }
    return result(whole, pictures);
  }

 private:
  SessionOptions session(Precision precision) const { return {.threads = options_.threads, .precision = precision}; }

  Result<void> take_times(const Recording& r) {
    const auto& inputs = pair_.float_model.data().inputs;
    auto f32 = times_of(pair_.float_model, Precision::kF32, r, inputs, options_.threads);
    if (!f32) return f32.error();
    auto int8 = times_of(pair_.int8_model, Precision::kInt8, r, inputs, options_.threads);
    if (!int8) return int8.error();
    float_times_ = std::move(*f32), int8_times_ = std::move(*int8);
    return {};
  }

  Result<void> try_all(std::span<const Recording> kept, size_t done, size_t pictures) {
    const size_t before = done - kept.size();
    for (size_t i = 0; i < trials_.size(); ++i) {
      if (auto tried = trials_[i].add(kept, options_.threads); !tried) return tried;
      if (options_.progress)
        options_.progress(before * trials_.size() + (i + 1) * kept.size(), pictures * trials_.size());
    }
    return {};
  }

  Analysis result(const WholeSum& whole, size_t pictures) {
    Analysis found{.agreement = whole.agreement(), .float_left = std::move(float_left_), .pictures = pictures};
    const std::vector<Fidelity> compared = whole.result();
    for (size_t p = 0; p < points_.tensors.size(); ++p) {
      found.points.emplace_back(pair_.float_model.data().tensors[at(points_.tensors[p])].name);
      found.whole.push_back(compared[p]);
    }
    for (size_t i = 0; i < trials_.size(); ++i) {
      LayerAnalysis layer = trials_[i].result();
      layer.in_place = compared[points_.tensors.size() + i];
      layer.macs = float_times_[layer.name].macs;
      layer.float_us = float_times_[layer.name].us, layer.int8_us = int8_times_[layer.name].us;
      found.layers.push_back(std::move(layer));
    }
    std::stable_sort(found.layers.begin(), found.layers.end(),
                     [](const LayerAnalysis& a, const LayerAnalysis& b) { return a.both.db() < b.both.db(); });
    return found;
  }

  const Pair pair_;
  const Points points_;
  const AnalyzeOptions& options_;
  std::vector<Trial> trials_;  // in the order of nodes
  std::vector<int> compared_;  // tensors of the float model: the points, then the trials' results
  std::vector<FloatLayer> float_left_;
  std::map<std::string, Times> float_times_, int8_times_;
};

}  // namespace
}  // namespace analysis

Result<Analysis> analyze(const Model& float_model, const Model& int8_model, const Samples& samples,
                         const AnalyzeOptions& options) {
  if (samples.count == 0 || options.pictures == 0) return Error{Code::kBadArgument, "no data to analyse with"};
  auto pair = analysis::Pair::of(float_model, int8_model);
  if (!pair) return pair.error();
  auto int8 = analysis::int8_nodes(*pair);
  if (!int8) return int8.error();
  return analysis::Analyzer(std::move(*pair), std::move(*int8), options).run(samples);
}

}  // namespace octet
