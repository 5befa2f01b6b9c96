// Blocks are chosen from the graph's inputs on, each with what comes before it decided.
#include "converter/quant/choose.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>
#include <numeric>

#include "converter/graph/edit.h"
#include "converter/quant/act16.h"
#include "converter/quant/ranges.h"
#include "converter/quant/roles.h"

namespace octet::convert {
namespace {

// A later candidate has to be better by more than what the places that happened to be recorded make of it.
constexpr double kBetter = 0.97;
// And scales for channels by as much as makes up for float activations: two thirds of a layer's speed.
constexpr double kMuchBetter = 0.8;

Statistics merged(const Block& block, const std::vector<Statistics>& groups) {
  Statistics all;
  const auto join = [](Range& a, const Range& b) { a.low = std::min(a.low, b.low), a.high = std::max(a.high, b.high); };
  for (int id : block.groups) {
    const Statistics& s = groups[at(id)];
    all.min = std::min(all.min, s.min), all.max = std::max(all.max, s.max);
    join(all.average, s.average), join(all.moving, s.moving);
  }
  widen(all.histogram, all.min, all.max);
  for (int id : block.groups) {
    const Histogram& h = groups[at(id)].histogram;
    all.histogram.zeros += h.zeros;
    for (size_t i = 0; i < h.bins.size(); ++i)
      if (h.bins[i] > 0) {
        const size_t bin = all.histogram.bin_of(h.centre(i));
        all.histogram.bins[std::min(bin, all.histogram.bins.size() - 1)] += h.bins[i];
      }
  }
  return all;
}

// `r` with the width sqrt(its width * the other's), as far as it was not wider.
Range halfway(const Range& r, const Range& all) {
  const float own = r.high - r.low, other = all.high - all.low;
  if (own >= other) return r;
  if (own <= 0) return {all.low / 255, all.high / 255};
  const float factor = std::sqrt(other / own);
  return {r.low * factor, r.high * factor};
}

void set(const Block& block, const std::vector<Range>& own, std::vector<Range>& ranges) {
  for (size_t i = 0; i < block.groups.size(); ++i) ranges[at(block.groups[i])] = own[i];
}

}  // namespace

std::vector<Block> blocks_of(const Graph& g, const Plan& plan, const std::vector<Recorded>& recorded) {
  std::vector<int> parent(at(plan.groups));
  std::iota(parent.begin(), parent.end(), 0);
  const auto find = [&](int a) {
    while (parent[at(a)] != a) a = parent[at(a)] = parent[at(parent[at(a)])];
    return a;
  };
  for (size_t t = 0; t < plan.group.size(); ++t)
    for (int id : plan.group[t])
      if (plan.measured[t]) parent[at(find(id))] = find(plan.group[t][0]);
  std::vector<int> place(at(plan.groups), -1);  // of a root's block
  std::vector<Block> blocks;
  for (int id = 0; id < plan.groups; ++id) {
    int& at_root = place[at(find(id))];
    if (at_root < 0) at_root = static_cast<int>(blocks.size()), blocks.emplace_back();
    blocks[at(at_root)].groups.push_back(id);
  }
  const auto block_of = [&](int id) -> Block& { return blocks[at(place[at(find(id))])]; };
  for (size_t t = 0; t < plan.group.size(); ++t)
    if (plan.measured[t] && !plan.group[t].empty())
      block_of(plan.group[t][0]).tensors.push_back(static_cast<TensorId>(t));
  for (size_t n = 0; n < g.nodes.size(); ++n) {
    const TensorId y = g.nodes[n].outputs.empty() ? -1 : g.nodes[n].outputs[0];
    if (y < 0 || !plan.int8[n] || plan.group[at(y)].empty()) continue;
    Block& b = block_of(plan.group[at(y)][0]);
    b.integers = b.integers || act16_kind(g, g.nodes[n]);
  }
  for (size_t r = 0; r < recorded.size(); ++r)
    for (int id : plan.group[at(recorded[r].tensor)]) {
      Block& b = block_of(id);
      if (!b.readers.empty() && b.readers.back() == r) continue;
      b.readers.push_back(r);
      b.own_ranges = b.own_ranges || (recorded[r].layer && depthwise(g, g.nodes[recorded[r].node]));
    }
  for (TensorId t : g.inputs)
    if (!plan.group[at(t)].empty()) block_of(plan.group[at(t)][0]).tensors.clear();
  std::erase_if(blocks, [](const Block& b) { return b.tensors.empty() || b.readers.empty(); });
  std::sort(blocks.begin(), blocks.end(), [](const Block& a, const Block& b) { return a.tensors[0] < b.tensors[0]; });
  return blocks;
}

std::vector<Range> ranges_of(const Block& block, const std::vector<Statistics>& groups, const Candidate& candidate) {
  std::vector<Range> ranges;
  Range all;
  if (candidate.spread != Spread::kOwn) all = candidate.method->range(merged(block, groups), candidate.keep);
  for (int id : block.groups) {
    const Statistics& s = groups[at(id)];
    ranges.push_back(candidate.spread == Spread::kOne ? all : candidate.method->range(s, candidate.keep));
    if (candidate.spread == Spread::kHalfway) ranges.back() = halfway(ranges.back(), all);
  }
  return ranges;
}

Chooser::Chooser(const Graph& g, const Plan& plan, const Observations& seen, ChooseOptions options)
    : g_(g), plan_(plan), seen_(seen), options_(std::move(options)), blocks_(blocks_of(g, plan, seen.recorded)) {
  for (const Recorded& r : seen.recorded) replays_.emplace_back(g, r, seen.mean[at(r.tensor)]);
}

std::vector<Range> Chooser::ranges_of(const Block& block, const Candidate& c) const {
  std::vector<Range> ranges = convert::ranges_of(block, seen_.groups, c);
  if (options_.symmetric)
    for (Range& r : ranges) r = symmetric(r);
  return ranges;
}

double Chooser::error_of(const Block& block, const std::vector<Range>& ranges) const {
  double sum = 0;
  for (size_t r : block.readers)
    sum += replays_[r].error(quant_of(plan_, seen_.recorded[r].tensor, ranges), options_.methods);
  return sum;
}

std::vector<size_t> Chooser::choose(std::vector<Range>& ranges, Threads& threads) const {
  std::vector<size_t> chosen;
  for (const Block& block : blocks_) chosen.push_back(choose(block, ranges, threads));
  return chosen;
}

size_t Chooser::choose(const Block& block, std::vector<Range>& ranges, Threads& threads) const {
  struct Tried {
    double error = std::numeric_limits<double>::infinity();
    std::vector<Range> ranges = {};  // of the block's groups; empty: not tried
  };
  std::vector<Tried> tried(options_.candidates.size());
  threads.run(static_cast<int64_t>(tried.size()), [&](int64_t i) {
    const Candidate& c = options_.candidates[at(i)];
    if (c.spread != Spread::kOwn && (block.own_ranges || block.groups.size() == 1)) return;
    std::vector<Range> own = ranges_of(block, c), all = ranges;
    set(block, own, all);
    tried[at(i)] = {error_of(block, all), std::move(own)};
  });
  const Tried *alike = nullptr, *apart = nullptr;  // the best of those with one scale, and of the others
  for (const Tried& t : tried) {
    if (t.ranges.empty()) continue;
    const Candidate& c = options_.candidates[at(&t - tried.data())];
    const Tried*& best = c.spread == Spread::kOne || block.groups.size() == 1 ? alike : apart;
    if (!best || t.error < best->error * kBetter) best = &t;
  }
  const bool one_will_do =
      alike && (!apart || !(apart->error < alike->error * (block.integers ? kMuchBetter : kBetter)));
  const Tried& taken = one_will_do ? *alike : *apart;
  set(block, taken.ranges, ranges);
  return at(&taken - tried.data());
}

std::string Chooser::far_from_best(std::vector<Range> ranges) const {
  constexpr double kFar = 10, kBad = 0.03;  // times as much noise; noise to signal
  std::string line;
  int others = 0;
  for (const Block& block : blocks_) {
    const double now = error_of(block, ranges);
    if (!(now > kBad)) continue;
    std::vector<Range> kept;
    for (int id : block.groups) kept.push_back(ranges[at(id)]);
    for (const char* name : {"mse", "minmax"}) {
      const RangeMethod* method = find_method(range_methods(), name);
      set(block, ranges_of(block, {.method = method, .spread = Spread::kOwn}), ranges);
      const double error = error_of(block, ranges);
      set(block, kept, ranges);
      if (!(now > error * kFar)) continue;
      char text[160];
      std::snprintf(text, sizeof text, "have a signal to noise ratio of %.1f dB, with %s %.1f dB",
                    -10 * std::log10(now), name, -10 * std::log10(error));
      if (line.empty())
        line = "the layers that read '" + tensor(g_, block.tensors[0]).name + "' " + text;
      else
        ++others;
      break;
    }
  }
  if (others > 0) line += "; " + std::to_string(others) + " more tensors are like that";
  return line.empty() ? line : line + ": choose another range method (--algo)";
}

bool Chooser::hardly_varies() const {
  constexpr double kHardly = 0.005;
  for (size_t i = 0; i < replays_.size(); ++i) {
    const Recorded& r = seen_.recorded[i];
    const bool reads_input = std::find(g_.inputs.begin(), g_.inputs.end(), r.tensor) != g_.inputs.end();
    if (r.layer && reads_input && r.rows() > 1 && replays_[i].variation() < kHardly) return true;
  }
  return false;
}

const WeightMethod* best_weights(const Graph& g, const Recorded& layer, std::span<const double> input_mean,
                                 const Quant& x, const BiasMethod& bias) {
  const Replay replay(g, layer, input_mean);
  const WeightMethod* best = find_method(weight_methods(), "max");
  double least = replay.error(x, {best, &bias}, layer.rows() / 2);
  for (const WeightMethod* method : weight_methods()) {
    const double error = replay.error(x, {method, &bias}, layer.rows() / 2);
    if (error < least * kBetter) best = method, least = error;
  }
  return best;
}

}  // namespace octet::convert
