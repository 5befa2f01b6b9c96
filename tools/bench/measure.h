// Runs a session again and again and keeps the times.
#pragma once
#include <octet/octet.h>
#include <cstdint>
#include <vector>

namespace octet::bench {

struct Times {
  std::vector<double> ms;  // sorted
  double median() const { return percentile(.5); }
  double percentile(double share) const;  // nearest rank
  double mean() const;
};

// Seeded noise: floats uniform in [0, 1), integers in [0, 255], booleans both.
void fill_random(Session& session, int inputs, uint64_t seed);

// `warmup` runs that do not count, then `runs`. The profile holds the counted runs only.
Result<Times> measure(Session& session, int warmup, int runs);

}  // namespace octet::bench
