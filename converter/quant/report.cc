// How far int8 outputs are from float ones, the whole model and with one layer at a time in int8: in short what octet/analyze.h tells
// at length.
#include <algorithm>

#include "octet/analyze.h"

namespace octet {

Result<std::vector<Noise>> output_noise(const Model& float_model, const Model& int8_model, const Samples& samples,
                                        size_t images, int threads) {
  // No node is called so: the whole model is compared, and no layer.
  auto found =
      analyze(float_model, int8_model, samples, {.pictures = images, .parts = false, .only = {""}, .threads = threads});
  if (!found) return found.error();
  std::vector<Noise> noise;
  for (size_t p = 0; p < found->points.size(); ++p) noise.push_back({found->points[p], found->whole[p].db});
  for (const Agreement& a : found->agreement) noise.push_back({a.name, 0, a.part});
  return noise;
}

Result<std::vector<Noise>> layer_noise(const Model& int8_model, const std::vector<std::string>& layers,
                                       const Samples& samples, size_t keep, int threads, const Progress& progress) {
  if (layers.empty()) return std::vector<Noise>{};
  auto found = analyze(int8_model, int8_model, samples,
                       {.pictures = 1, .parts = false, .only = layers, .threads = threads, .progress = progress});
  if (!found) return found.error();
  std::vector<Noise> noise;
  for (const LayerAnalysis& layer : found->layers) noise.push_back({layer.name, layer.both.db()});
  noise.resize(std::min(noise.size(), keep));
  return noise;
}

}  // namespace octet
