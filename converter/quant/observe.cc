// An observer of the float session sorts values into the groups of the plan.
#include "converter/quant/observe.h"

#include <algorithm>
#include <cmath>

#include "converter/quant/roles.h"
#include "runtime/core/observe.h"

namespace octet::convert {
namespace {

// [rows][channels] of one run.
struct Block {
  const float* data;
  size_t rows, channels;
};

struct Bounds {
  std::vector<float> min, max;  // by channel, of finite values and 0
};

// Of the bounds that each sample had.
class SampleAverages {
 public:
  void see(float min, float max) {
    sample_.low = std::min(sample_.low, min), sample_.high = std::max(sample_.high, max), any_ = true;
  }
  void end_sample() {
    if (!any_) return;
    const auto add = [](Sums& s, double old, const Range& r) {
      s.count = s.count * old + 1;
      s.low = s.low * old + static_cast<double>(r.low), s.high = s.high * old + static_cast<double>(r.high);
    };
    add(all_, 1, sample_), add(late_, 0.9, sample_);
    sample_ = {}, any_ = false;
  }
  Range average() const { return all_.mean(); }
  Range moving() const { return late_.mean(); }

 private:
  struct Sums {
    double count = 0, low = 0, high = 0;
    Range mean() const {
      const double n = std::max(count, 1.0);
      return {static_cast<float>(low / n), static_cast<float>(high / n)};
    }
  };
  Range sample_;
  bool any_ = false;
  Sums all_, late_;
};

void bounds_of(const Block& b, float* __restrict min, float* __restrict max) {
  for (size_t r = 0; r < b.rows; ++r) {
    const float* __restrict x = b.data + r * b.channels;
    for (size_t c = 0; c < b.channels; ++c)
      min[c] = x[c] < min[c] ? x[c] : min[c], max[c] = x[c] > max[c] ? x[c] : max[c];
  }
}

void sums_of(const Block& b, double* __restrict sum) {
  for (size_t r = 0; r < b.rows; ++r) {
    const float* __restrict x = b.data + r * b.channels;
    for (size_t c = 0; c < b.channels; ++c) sum[c] += static_cast<double>(x[c]);
  }
}

class Collector {
 public:
  Collector(const Graph& g, const Plan& plan, bool histograms) : g_(g), plan_(plan), histograms_(histograms) {
    found_.groups.resize(at(plan.groups));
    averages_.resize(at(plan.groups));
    found_.mean.resize(g.tensors.size());
    found_.seen.assign(g.tensors.size(), false);
    rows_.resize(g.tensors.size());
    for (size_t n = 0; n < g.nodes.size(); ++n)
      if (plan.int8[n] && role(g, g.nodes[n]) == Role::kLayer)
        found_.mean[at(g.nodes[n].inputs[0])].resize(static_cast<size_t>(channels(tensor(g, g.nodes[n].inputs[0]))));
    for (size_t t = 0; t < g.tensors.size(); ++t)
      if (plan.measured[t] && g.tensors[t].constant) see(static_cast<TensorId>(t), g.tensors[t].values<float>());
  }

  void see(TensorId t, std::span<const float> values) {
    std::vector<double>& sum = found_.mean[at(t)];
    if (values.empty() || (!plan_.measured[at(t)] && sum.empty())) return;
    const size_t n = std::max(plan_.group[at(t)].size(), size_t{1});
    const Block block{values.data(), values.size() / n, n};
    if (!sum.empty()) sums_of(block, sum.data()), rows_[at(t)] += block.rows;
    if (plan_.measured[at(t)]) measure(t, block);
  }

  // All tensors of a sample have been seen.
  void end_sample() {
    for (size_t g = 0; g < averages_.size(); ++g) averages_[g].end_sample();
  }

  // The name of a tensor that held infinities.
  const std::string& infinite() const { return infinite_; }

  Observations finish() {
    for (size_t t = 0; t < found_.mean.size(); ++t)
      for (double& m : found_.mean[t]) m = rows_[t] ? m / static_cast<double>(rows_[t]) : 0;
    for (size_t g = 0; g < averages_.size(); ++g)
      found_.groups[g].average = averages_[g].average(), found_.groups[g].moving = averages_[g].moving();
    return std::move(found_);
  }

 private:
  void measure(TensorId t, const Block& b) {
    const std::vector<int>& group = plan_.group[at(t)];
    std::vector<float> min(b.channels), max(b.channels);
    bounds_of(b, min.data(), max.data());
    const auto is_number = [](float v) { return v == v; };
    found_.seen[at(t)] = found_.seen[at(t)] || std::any_of(b.data, b.data + b.rows * b.channels, is_number);
    for (size_t c = 0; c < b.channels; ++c) {
      if (std::isinf(min[c]) || std::isinf(max[c])) {
        infinite_ = tensor(g_, t).name;
        return;
      }
      Statistics& s = found_.groups[at(group[c])];
      s.min = std::min(s.min, min[c]), s.max = std::max(s.max, max[c]);
      averages_[at(group[c])].see(min[c], max[c]);
    }
    if (!histograms_) return;
    for (int id : group) {
      Statistics& s = found_.groups[at(id)];
      widen(s.histogram, s.min, s.max);
    }
    for (size_t r = 0; r < b.rows; ++r)
      for (size_t c = 0; c < b.channels; ++c) {
        const float v = b.data[r * b.channels + c];
        if (v == v) add_inside(found_.groups[at(group[c])].histogram, v);
      }
  }

  const Graph& g_;
  const Plan& plan_;
  bool histograms_;
  std::vector<size_t> rows_;              // seen, by tensor
  std::vector<SampleAverages> averages_;  // by group
  std::string infinite_;
  Observations found_;
};

// Compares the float outputs of each run with those of the first.
class OutputWatch {
 public:
  bool constant() const { return constant_; }
  void see(const Session& session, size_t outputs) {
    std::vector<float> all;
    for (size_t i = 0; constant_ && i < outputs; ++i) {
      const octet::Tensor t = session.output(static_cast<int>(i));
      if (t.dtype == DType::kF32) all.insert(all.end(), t.f32().begin(), t.f32().end());
      if (t.dtype != DType::kF32) constant_ = false;  // nothing is said of labels and the like
    }
    if (first_.empty())
      first_ = std::move(all);
    else
      constant_ = constant_ && first_ == all;
  }

 private:
  bool constant_ = true;
  std::vector<float> first_;
};

}  // namespace

Result<Observations> observe(const SourceModel& source, const Plan& plan, const Samples& samples,
                             const ObserveOptions& options) {
  const Graph& g = *source.graph;
  Collector collector(g, plan, options.histograms);
  Recorder recorder(g, plan, samples.count);
  auto session = Session::create(source.model, {.threads = options.threads, .precision = Precision::kF32});
  if (!session) return session.error();
  octet::observe(*session, [&](int t, const octet::Tensor& value) {
    collector.see(t, value.f32());
    recorder.see(t, value.shape, value.f32());
  });
  OutputWatch outputs;
  for (size_t i = 0; i < samples.count; ++i) {
    if (auto filled = samples.fill(*session, i); !filled) return filled.error();
    if (auto ran = session->run(); !ran) return ran.error();
    if (!collector.infinite().empty())
      return Error{Code::kUnsupported, g.source + ": tensor '" + collector.infinite() +
                                           "' becomes infinite on calibration sample " + std::to_string(i) +
                                           "; it cannot be quantised, keep its readers float with --exclude"};
    collector.end_sample();
    outputs.see(*session, source.model.outputs().size());
    if (options.progress) options.progress(i + 1, samples.count);
  }
  Observations found = collector.finish();
  found.recorded = recorder.finish();
  found.constant_outputs = outputs.constant();
  return found;
}

}  // namespace octet::convert
