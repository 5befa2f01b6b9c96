// The choice among the algorithms of a layer.
#include "runtime/ops/conv/algorithm.h"

#include <algorithm>
#include <cstdlib>

namespace octet::conv {
namespace {

constexpr double kLeastSaving =
    0.1;  // of a layer's time, to be worth memory: the model of costs is no better than that

// Null: nothing is forced.
const char* forced() {
  static const char* const name = std::getenv("OCTET_CONV");
  return name;
}

bool is_forced(const Algorithm& a) { return forced() && std::string_view(forced()) == a.name; }

bool there(const Layer& layer, const Packing& packing) {
  return layer.p.model.constants.has(packing_key(layer, packing));
}

}  // namespace

std::vector<const Algorithm*> candidates(const Layer& layer) {
  std::vector<const Algorithm*> fitting;
  for (const Algorithm* a : algorithms())
    if ((!a->optional || layer.p.accepted || is_forced(*a)) && a->fits(layer)) fitting.push_back(a);
  std::sort(fitting.begin(), fitting.end(), [&](const Algorithm* a, const Algorithm* b) {
    if (is_forced(*a) != is_forced(*b)) return is_forced(*a);
    return a->cost(layer) < b->cost(layer);
  });
  return fitting;
}

Offer offer(const Layer& layer) {
  if (std::none_of(algorithms().begin(), algorithms().end(),
                   [&](const Algorithm* a) { return a->optional && a->fits(layer); }))
    return {};
  const auto best = [&](bool accepted) {
    layer.p.accepted = accepted;
    return candidates(layer).front();
  };
  const Algorithm *with = best(true), *without = best(false);
  if (!with->optional || with == without) return {};
  const size_t bytes = with->packing->bytes(layer);
  const double before = without->cost(layer), saves = before - with->cost(layer);
  if (saves < kLeastSaving * before) return {};
  return {bytes, there(layer, *with->packing) ? 0 : bytes, saves};
}

bool prepare_by(const Algorithm& algorithm, const Layer& layer) {
  Weights weights(Weights(), layer.p.tensor(1).data);  // memory of the file, which outlives every session
  if (algorithm.packing) weights = packed_weights(layer, *algorithm.packing);
  return algorithm.prepare(layer, std::move(weights));
}

Result<void> prepare(const Layer& layer) {
  const auto all = algorithms();
  if (forced() && std::none_of(all.begin(), all.end(), [](const Algorithm* a) { return is_forced(*a); }))
    return layer.p.error(std::string("OCTET_CONV names no algorithm of this build: ") + forced());
  layer.p.step.macs = layer.g.macs();
  for (const Algorithm* a : candidates(layer)) {
    size_t bytes = a->room ? a->room(layer) : 0;
    const bool counted = a->optional && layer.p.accepted;
    if (a->packing && !counted && !there(layer, *a->packing)) bytes += a->packing->bytes(layer);
    OCTET_TRY(layer.p.has_room(bytes));
    if (prepare_by(*a, layer)) return {};
  }
  return layer.p.error("no algorithm of this build fits this layer");
}

}  // namespace octet::conv
