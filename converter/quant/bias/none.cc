// Biases as they were.
#include "converter/quant/methods.h"

namespace octet::convert {

extern constinit const BiasMethod kBiasNone{
    "none", "as they were",
    [](const LayerWeights&, const QuantisedWeights&, std::span<const double>) { return std::vector<float>{}; }};

}  // namespace octet::convert
