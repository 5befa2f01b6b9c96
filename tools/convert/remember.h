// What a quantised file says of how it was made.
#pragma once
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "octet/quantize.h"

namespace octet {

// A digest of what the network was fed with, taken as the samples are loaded. Two data sets that are prepared alike have the
// same one only where they hold the same.
class Digest {
 public:
  // The same samples, watched. `inputs` are the model's; this object must live as long as they are used.
  Samples watch(Samples samples, size_t inputs);
  std::string text() const;  // 16 hexadecimal digits over all samples

 private:
  std::shared_ptr<std::vector<uint64_t>> sums_ = std::make_shared<std::vector<uint64_t>>();
};

// `octet.calibration`, and `octet.layer_errors` with a line "27.2 Conv_3" for each layer: decibels with that layer alone in int8.
std::vector<std::pair<std::string, std::string>> calibration_metadata(const QuantizeOptions& options, size_t samples,
                                                                      const Digest& digest,
                                                                      const std::vector<Noise>& layers);

}  // namespace octet
