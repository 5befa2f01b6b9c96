// The mean error of each output channel that rounding the weights makes, from the means of the input channels, is taken out of the
// bias (M. Nagel et al., Data-Free Quantization, 2019, section 4.2).
#include "converter/quant/methods.h"

namespace octet::convert {
namespace {

std::vector<float> correct(const LayerWeights& w, const QuantisedWeights& q, std::span<const double> input_mean) {
  const int64_t depth = w.taps * w.in;
  std::vector<float> bias(w.bias.begin(), w.bias.end());
  bias.resize(static_cast<size_t>(w.out));
  for (int64_t n = 0; n < w.out; ++n) {
    const int64_t group = n / (w.out / w.groups);
    double sum = 0;
    for (int64_t k = 0; k < depth; ++k) {
      const size_t i = static_cast<size_t>(n * depth + k);
      const double stored =
          static_cast<double>(q.values[i]) * q.scale[static_cast<size_t>(n)] / folded_scale(w, group, k % w.in);
      sum += (stored - w.values[i]) * input_mean[static_cast<size_t>(group * w.in + k % w.in)];
    }
    bias[static_cast<size_t>(n)] -= static_cast<float>(sum);
  }
  return bias;
}

}  // namespace

extern constinit const BiasMethod kBiasMean{"mean", "the mean error of the rounded weights is taken out", correct};

}  // namespace octet::convert
