#include "converter/analysis/fidelity.h"

#include <algorithm>
#include <cmath>

namespace octet {

double Effect::db() const {
  double worst = std::numeric_limits<double>::infinity();
  for (const Fidelity& f : points) worst = std::min(worst, f.db);
  return points.empty() ? layer.db : worst;
}

namespace analysis {

void ErrorSum::add(std::span<const float> wanted, std::span<const float> got) {
  const bool same_size = wanted.size() == got.size();
  for (size_t i = 0; i < wanted.size(); ++i) {
    if (!std::isfinite(wanted[i])) continue;
    const double w = wanted[i], g = same_size && std::isfinite(got[i]) ? got[i] : 0;
    wanted_ += w * w, got_ += g * g, product_ += w * g, noise_ += (w - g) * (w - g);
    ++count_;
  }
}

Fidelity ErrorSum::result() const {
  Fidelity f;
  if (noise_ > 0) f.db = 10 * std::log10(wanted_ / noise_);
  if (noise_ > 0) f.cosine = wanted_ > 0 && got_ > 0 ? product_ / std::sqrt(wanted_ * got_) : 0;
  if (count_) f.mse = noise_ / static_cast<double>(count_);
  return f;
}

}  // namespace analysis
}  // namespace octet
