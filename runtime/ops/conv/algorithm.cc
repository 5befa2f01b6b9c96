// The choice among the algorithms of a layer.
#include "runtime/ops/conv/algorithm.h"

#include <algorithm>
#include <cstdlib>

namespace octet::conv {
namespace {

// Of a layer's time, to be worth memory: the model of costs is no better than that.
constexpr double kLeastSaving = 0.1;

// Null: nothing is forced.
const char* forced() {
  static const char* const name = std::getenv("OCTET_CONV");
  return name;
}

bool is_forced(const Algorithm& a) { return forced() && std::string_view(forced()) == a.name; }

bool there(const Layer& layer, const Packing& packing) {
  return layer.p.model.constants.has(packing_key(layer, packing));
}

// By the plan.
bool allowed(const Layer& layer, const Algorithm& a) {
  return layer.p.optional > 0 && a.packing->bytes(layer) <= layer.p.optional;
}

}  // namespace

std::vector<const Algorithm*> candidates(const Layer& layer) {
  std::vector<const Algorithm*> fitting;
  for (const Algorithm* a : algorithms())
    if (a->fits(layer) && (!a->optional || is_forced(*a) || allowed(layer, *a))) fitting.push_back(a);
  std::sort(fitting.begin(), fitting.end(), [&](const Algorithm* a, const Algorithm* b) {
    if (is_forced(*a) != is_forced(*b)) return is_forced(*a);
    return a->cost(layer) < b->cost(layer);
  });
  return fitting;
}

std::vector<Offer> offers(const Layer& layer) {
  std::vector<Offer> made;
  std::vector<const Algorithm*> optional;
  for (const Algorithm* a : algorithms())
    if (a->optional && a->fits(layer)) optional.push_back(a);
  if (optional.empty()) return made;
  const double without = candidates(layer).front()->cost(layer);
  for (const Algorithm* a : optional) {
    const double saves = without - a->cost(layer);
    const size_t bytes = a->packing->bytes(layer);
    if (saves >= kLeastSaving * without) made.push_back({bytes, there(layer, *a->packing) ? 0 : bytes, saves});
  }
  return made;
}

bool prepare_by(const Algorithm& algorithm, const Layer& layer) {
  Weights weights(Weights(), layer.p.tensor(1).data);  // memory of the file, which outlives every session
  if (algorithm.packing) weights = packed_weights(layer, *algorithm.packing);
  if (!algorithm.prepare(layer, std::move(weights))) return false;
  Step& step = layer.p.step;
  step.kernel = std::string(layer.label) + " " + algorithm.name + " " + layer.p.isa.name;
  step.unit = algorithm.unit;
  step.macs = layer.g.macs();
  step.products = static_cast<int64_t>(static_cast<double>(step.macs) * algorithm.products);
  return true;
}

Result<void> prepare(const Layer& layer) {
  const auto all = algorithms();
  if (forced() && std::none_of(all.begin(), all.end(), [](const Algorithm* a) { return is_forced(*a); }))
    return layer.p.error(std::string("OCTET_CONV names no algorithm of this build: ") + forced());
  for (const Algorithm* a : candidates(layer)) {
    size_t bytes = a->room ? a->room(layer) : 0;
    const bool counted = a->optional && allowed(layer, *a);
    if (a->packing && !counted && !there(layer, *a->packing)) bytes += a->packing->bytes(layer);
    OCTET_TRY(layer.p.has_room(bytes));
    if (prepare_by(*a, layer)) return {};
  }
  return layer.p.error("no algorithm of this build fits this layer");
}

}  // namespace octet::conv
