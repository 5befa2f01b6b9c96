// Weights of an output channel are clipped where that makes their squared error smaller.
#include "converter/quant/methods.h"
#include "kernels/quant.h"

namespace octet::convert {
namespace {

double squared_error(std::span<const float> row, float scale) {
  double sum = 0;
  const float inverse = 1 / scale;
  for (float v : row) {
    const double d = v - scale * static_cast<float>(kernels::quantize_s8(v, inverse));
    sum += d * d;
  }
  return sum;
}

float step_of_least_error(std::span<const float> row, float largest) {
  const float full = largest / 127;
  float best = full;
  double least = squared_error(row, full);
  for (int percent = 98; percent >= 60; percent -= 2) {
    const float scale = full * static_cast<float>(percent) / 100;
    const double error = squared_error(row, scale);
    if (error < least) least = error, best = scale;
  }
  return best;
}

}  // namespace

extern constinit const WeightMethod kWeightMse{
    "mse", "clipped where that makes the error smaller",
    [](const LayerWeights& w) { return quantise_rows(w, step_of_least_error); }};

}  // namespace octet::convert
