// The search of octet/analyze.h for layers to keep in float. It knows nothing of models: numbers in, names out.
#include <algorithm>
#include <cmath>
#include <map>

#include "octet/analyze.h"

namespace octet {
namespace analysis {
namespace {

using Set = std::vector<size_t>;  // indices of layers, ascending

class Search {
 public:
  Search(const std::vector<SearchLayer>& layers, const Measure& measure, const SearchOptions& options)
      : layers_(layers), measure_(measure), options_(options), gain_(layers.size(), 0) {}

  Result<SearchResult> run() {
    if (auto done = ask({{}}); !done) return done.error();
    best_ = {};
    if (known_[{}] < options_.target) {
      if (auto done = measure_alone(); !done) return done.error();
      if (auto done = grow(); !done) return done.error();
    }
    if (auto done = give_back(); !done) return done.error();
    SearchResult result{.metric = known_[best_], .met = reached(best_), .evaluations = known_.size()};
    for (size_t i : order_)
      if (std::binary_search(best_.begin(), best_.end(), i))
        result.kept.push_back({layers_[i].name, layers_[i].noise, gain_[i]});
    return result;
  }

 private:
  bool reached(const Set& set) { return known_[set] >= options_.target; }
  size_t left() const { return known_.size() < options_.evaluations ? options_.evaluations - known_.size() : 0; }

  Result<void> ask(const std::vector<Set>& sets) {
    std::vector<Set> fresh;
    for (const Set& s : sets)
      if (!known_.count(s) && std::find(fresh.begin(), fresh.end(), s) == fresh.end()) fresh.push_back(s);
    if (fresh.empty()) return {};
    std::vector<std::vector<std::string>> names;
    for (const Set& s : fresh) {
      names.emplace_back();
      for (size_t i : s) names.back().push_back(layers_[i].name);
    }
    auto values = measure_(names);
    if (!values) return values.error();
    for (size_t i = 0; i < fresh.size(); ++i) known_[fresh[i]] = (*values)[i];
    return {};
  }

  // The noisiest layers, as many as a quarter of the evaluations allows, each alone in float.
  Result<void> measure_alone() {
    Set noisy(layers_.size());
    for (size_t i = 0; i < noisy.size(); ++i) noisy[i] = i;
    std::stable_sort(noisy.begin(), noisy.end(),
                     [&](size_t a, size_t b) { return layers_[a].noise > layers_[b].noise; });
    std::vector<Set> alone;
    for (size_t i = 0; i < std::min(noisy.size(), options_.evaluations / 4); ++i) alone.push_back({noisy[i]});
    if (auto done = ask(alone); !done) return done;
    for (const Set& one : alone) gain_[one[0]] = known_[one] - known_[{}];
    sort_by_worth();
    return {};
  }

  // What a layer is worth: its gain where it was measured, and its share of the noise, since one gain on few pictures says
  // little; for what it costs.
  void sort_by_worth() {
    double noise = 0, cost = 0;
    for (const SearchLayer& l : layers_) noise += l.noise, cost += l.cost;
    const double missing = std::max(options_.in_float - known_[{}], 0.0);
    std::vector<double> worth;
    for (size_t i = 0; i < layers_.size(); ++i) {
      const double share = noise > 0 ? missing * layers_[i].noise / noise : 0;
      const double floor = cost > 0 ? 1e-3 * cost : 1;  // a conversion or two, which no layer escapes
      worth.push_back((std::max(gain_[i], 0.0) + share) / (layers_[i].cost + floor));
      order_.push_back(i);
    }
    std::stable_sort(order_.begin(), order_.end(), [&](size_t a, size_t b) { return worth[a] > worth[b]; });
  }

  Set first(size_t count) const {
    Set set(order_.begin(), order_.begin() + static_cast<std::ptrdiff_t>(count));
    std::sort(set.begin(), set.end());
    return set;
  }

  // Doubles the number of layers until the target is reached, then halves the gap.
  Result<void> grow() {
    size_t least = 0, most = 0;  // `least` do not reach it, `most` do
    for (size_t count = 1; most == 0;) {
      std::vector<Set> sets;
      std::vector<size_t> counts;
      for (size_t i = 0; i < std::max<size_t>(options_.at_once, 1); ++i) {
        counts.push_back(std::min(count, order_.size()));
        sets.push_back(first(counts.back()));
        count *= 2;
      }
      if (auto done = ask(sets); !done) return done;
      for (size_t i = 0; i < sets.size() && most == 0; ++i) (reached(sets[i]) ? most : least) = counts[i];
      if (most == 0 && counts.back() == order_.size()) break;
    }
    while (most > least + 1) {
      const size_t middle = least + (most - least) / 2;
      if (auto done = ask({first(middle)}); !done) return done;
      (reached(first(middle)) ? most : least) = middle;
    }
    if (most) {
      best_ = first(most);
      return {};
    }
    for (const auto& [set, value] : known_)
      if (value > known_[best_] || (value == known_[best_] && cost_of(set) < cost_of(best_))) best_ = set;
    return {};
  }

  double cost_of(const Set& set) const {
    double cost = 0;
    for (size_t i : set) cost += layers_[i].cost;
    return cost;
  }

  // What the target does not need runs in int8 after all: halves of the set first, single layers last, those of least worth
  // before others.
  Result<void> give_back() {
    if (!reached(best_)) return {};
    for (size_t size = best_.size(); size > 0; size /= 2) {
      Set rest;
      for (size_t i = order_.size(); i-- > 0;)
        if (std::binary_search(best_.begin(), best_.end(), order_[i])) rest.push_back(order_[i]);
      for (size_t begin = 0; begin < rest.size() && left() > 0; begin += size) {
        Set without = best_;
        for (size_t i = begin; i < std::min(begin + size, rest.size()); ++i) std::erase(without, rest[i]);
        if (auto done = ask({without}); !done) return done;
        if (reached(without)) best_ = without;
      }
    }
    return {};
  }

  const std::vector<SearchLayer>& layers_;
  const Measure& measure_;
  const SearchOptions& options_;
  std::map<Set, double> known_;
  std::vector<double> gain_;  // by layer
  Set order_;                 // all layers, the most worth first
  Set best_;
};

}  // namespace
}  // namespace analysis

Result<SearchResult> search_precision(const std::vector<SearchLayer>& layers, const Measure& measure,
                                      const SearchOptions& options) {
  return analysis::Search(layers, measure, options).run();
}

}  // namespace octet
