// The digest is FNV's over words: a change of any element changes it, and it costs little beside an inference.
#include "tools/convert/remember.h"

#include <cinttypes>
#include <cstdio>
#include <cstring>

namespace octet {
namespace {

constexpr uint64_t kStart = 14695981039346656037u, kPrime = 1099511628211u;

uint64_t add(uint64_t sum, uint64_t word) { return (sum ^ word) * kPrime; }

uint64_t add(uint64_t sum, std::span<const std::byte> bytes) {
  for (size_t i = 0; i < bytes.size(); i += 8) {
    uint64_t word = 0;
    std::memcpy(&word, bytes.data() + i, std::min<size_t>(8, bytes.size() - i));
    sum = add(sum, word);
    sum ^= sum >> 32;  // the upper half of a word counts as well as the lower
  }
  return sum;
}

}  // namespace

Samples Digest::watch(Samples samples, size_t inputs) {
  sums_->assign(samples.count, 0);
  auto load = [sums = sums_, fill = std::move(samples.fill), inputs](Session& session, size_t i) -> Result<void> {
    if (auto done = fill(session, i); !done) return done;
    if ((*sums)[i]) return {};  // seen before: samples are read in several rounds
    uint64_t sum = kStart;
    for (size_t k = 0; k < inputs; ++k) {
      const Tensor t = session.input(static_cast<int>(k));
      for (const int64_t size : t.shape) sum = add(sum, static_cast<uint64_t>(size));
      sum = add(sum, t.bytes());
    }
    (*sums)[i] = sum;
    return {};
  };
  samples.fill = std::move(load);
  return samples;
}

std::string Digest::text() const {
  uint64_t all = kStart;
  for (const uint64_t sum : *sums_) all = add(all, sum);
  char digits[17];
  std::snprintf(digits, sizeof digits, "%016" PRIx64, all);
  return digits;
}

std::vector<std::pair<std::string, std::string>> calibration_metadata(const QuantizeOptions& options, size_t samples,
                                                                      const Digest& digest,
                                                                      const std::vector<Noise>& layers) {
  char percentile[40] = "";
  if (options.algo == "percentile")
    std::snprintf(percentile, sizeof percentile, " percentile=%.6g", options.keep * 100);
  std::string errors;
  for (const Noise& n : layers) {
    if (n.name.find('\n') != std::string::npos) continue;
    char db[32];
    std::snprintf(db, sizeof db, "%.1f ", n.db);
    errors += db + n.name + '\n';
  }
  std::vector<std::pair<std::string, std::string>> out;
  out.emplace_back("octet.calibration", "samples=" + std::to_string(samples) + " digest=" + digest.text() + " algo=" +
                                            options.algo + percentile + " per_channel=" + options.per_channel +
                                            " weights=" + options.weights + " bias=" + options.bias);
  if (!errors.empty()) out.emplace_back("octet.layer_errors", errors);
  return out;
}

}  // namespace octet
