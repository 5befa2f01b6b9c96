// Drawing is limited by time, not by steps, so that fast runs do not pay for it.
#include "cli/progress_bar.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <string>

namespace octet {
namespace {

constexpr std::chrono::milliseconds kSilence{2000}, kRedraw{100}, kLogInterval{5000};
constexpr size_t kWidth = 30;

}  // namespace

ProgressBar::ProgressBar() : start_(Clock::now()), last_(start_), terminal_(isatty(STDERR_FILENO) == 1) {}

ProgressBar::~ProgressBar() {
  if (drawn_ && terminal_) std::fputc('\n', stderr);
}

void ProgressBar::show(size_t done, size_t total) {
  const auto now = Clock::now();
  const bool last = done == total && drawn_;
  if (now - start_ < kSilence || total == 0) return;
  if (!last && drawn_ && now - last_ < (terminal_ ? kRedraw : kLogInterval)) return;
  const double seconds = std::chrono::duration<double>(now - start_).count();
  const double left = seconds / static_cast<double>(std::max<size_t>(done, 1)) * static_cast<double>(total - done);
  const size_t filled = kWidth * done / total;
  const std::string bar = std::string(filled, '=') + std::string(kWidth - filled, ' ');
  std::fprintf(stderr, "%s[%s] %zu/%zu  %.0f s, %.0f s left %s", terminal_ ? "\r" : "", bar.c_str(), done, total,
               seconds, left, terminal_ ? "" : "\n");
  std::fflush(stderr);
  last_ = now;
  drawn_ = true;
}

}  // namespace octet
