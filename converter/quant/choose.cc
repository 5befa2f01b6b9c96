// Blocks are chosen from the graph's inputs on, each with what comes before it decided.
#include "converter/quant/choose.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <numeric>

#include "converter/graph/edit.h"
#include "converter/quant/ranges.h"
#include "converter/quant/roles.h"

namespace octet::convert {
namespace {

// A later candidate has to be better by more than what the places that happened to be recorded make of it.
constexpr double kBetter = 0.97;

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

class Chooser {
 public:
  Chooser(const Graph& g, const Plan& plan, const Observations& seen, const ChooseOptions& options,
          std::vector<Range>& ranges)
      : g_(g), plan_(plan), seen_(seen), options_(options), ranges_(ranges) {
    for (const Recorded& r : seen.recorded) replays_.emplace_back(g, r, seen.mean[at(r.tensor)]);
  }

  void run() {
    for (const Block& block : blocks_of(g_, plan_, seen_.recorded)) choose(block);
  }

 private:
  void choose(const Block& block) {
    std::vector<Range> best;
    double least = std::numeric_limits<double>::infinity();
    for (const Candidate& c : options_.candidates) {
      if (c.spread != Spread::kOwn && (block.own_ranges || block.groups.size() == 1)) continue;
      std::vector<Range> ranges = ranges_of(block, seen_.groups, c);
      if (options_.symmetric)
        for (Range& r : ranges) r = symmetric(r);
      set(block, ranges);
      const double error = error_of(block);
      if (getenv("OCTET_TRACE"))
        std::fprintf(stderr, "%s %zu groups %s %g spread %d: %.3g\n", tensor(g_, block.tensors[0]).name.c_str(),
                     block.groups.size(), std::string(c.method->name).c_str(), c.keep, static_cast<int>(c.spread),
                     -10 * std::log10(error));
      if (best.empty() || error < least * kBetter) best = ranges, least = error;
    }
    set(block, best);
  }

  void set(const Block& block, const std::vector<Range>& ranges) {
    for (size_t i = 0; i < block.groups.size(); ++i) ranges_[at(block.groups[i])] = ranges[i];
  }

  double error_of(const Block& block) const {
    double sum = 0;
    for (size_t r : block.readers)
      sum += replays_[r].error(quant_of(plan_, seen_.recorded[r].tensor, ranges_), options_.methods);
    return sum;
  }

  const Graph& g_;
  const Plan& plan_;
  const Observations& seen_;
  const ChooseOptions& options_;
  std::vector<Range>& ranges_;
  std::vector<Replay> replays_;  // as Observations::recorded
};

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

void choose(const Graph& g, const Plan& plan, const Observations& seen, const ChooseOptions& options,
            std::vector<Range>& ranges) {
  Chooser(g, plan, seen, options, ranges).run();
}

}  // namespace octet::convert
