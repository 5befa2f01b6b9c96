// A line on stderr that says how far a long run is.
#pragma once
#include <chrono>
#include <cstddef>

namespace octet {

// Stays silent for two seconds. On a terminal one line is redrawn; in a log a line is added now and then.
class ProgressBar {
 public:
  ProgressBar();
  ~ProgressBar();  // ends the line
  void show(size_t done, size_t total);

 private:
  using Clock = std::chrono::steady_clock;
  Clock::time_point start_, last_;
  bool terminal_, drawn_ = false;
};

}  // namespace octet
