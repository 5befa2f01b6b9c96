#include "runtime/core/offers.h"

#include <algorithm>

namespace octet {
namespace {

// From one offer of a step (null: none) to the next.
struct Increment {
  size_t step;
  const Offer *from, *to;
  size_t bytes() const { return to->bytes - (from ? from->bytes : 0); }
  double worth() const { return (to->saves - (from ? from->saves : 0)) / static_cast<double>(bytes()); }
};

// Each worth less for a byte than the one before: an offer is left out where going past it saves more for every byte.
void append_increments(size_t step, const std::vector<Offer>& offers, std::vector<Increment>& to) {
  const Offer* at = nullptr;
  while (true) {
    Increment best{step, at, nullptr};
    for (const Offer& o : offers) {
      const Increment next{step, at, &o};
      if (o.bytes <= (at ? at->bytes : 0) || o.saves <= (at ? at->saves : 0)) continue;
      if (!best.to || next.worth() > best.worth()) best = next;
    }
    if (!best.to) return;
    to.push_back(best);
    at = best.to;
  }
}

}  // namespace

std::vector<const Offer*> accept(std::span<const std::vector<Offer>> steps, size_t room) {
  std::vector<Increment> increments;
  for (size_t i = 0; i < steps.size(); ++i) append_increments(i, steps[i], increments);
  std::stable_sort(increments.begin(), increments.end(),
                   [](const Increment& a, const Increment& b) { return a.worth() > b.worth(); });
  std::vector<const Offer*> accepted(steps.size());
  for (const Increment& i : increments) {
    if (accepted[i.step] != i.from || i.bytes() > room) continue;
    accepted[i.step] = i.to;
    room -= i.bytes();
  }
  return accepted;
}

}  // namespace octet
