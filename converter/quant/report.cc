// How far int8 outputs are from float ones: the whole model, and with one layer at a time in int8.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "octet/quantize.h"

namespace octet {
namespace {

struct Power {
  double signal = 0, noise = 0;
  double db() const { return noise > 0 ? 10 * std::log10(signal / noise) : std::numeric_limits<double>::infinity(); }
};

void add(Power& p, std::span<const float> wanted, std::span<const float> got) {
  for (size_t i = 0; i < wanted.size(); ++i) {
    if (!std::isfinite(wanted[i])) continue;
    const double d = std::isfinite(got[i]) ? double{wanted[i]} - got[i] : wanted[i];
    p.signal += double{wanted[i]} * wanted[i];
    p.noise += d * d;
  }
}

Result<void> run(Session& session, const Samples& samples, size_t i) {
  if (auto filled = samples.fill(session, i); !filled) return filled.error();
  return session.run();
}

using Outputs = std::vector<std::vector<float>>;

Outputs outputs_of(const Model& model, const Session& session) {
  Outputs all;
  for (size_t i = 0; i < model.outputs().size(); ++i) {
    const Tensor t = session.output(static_cast<int>(i));
    all.emplace_back();
    if (t.dtype == DType::kF32) all.back().assign(t.f32().begin(), t.f32().end());
  }
  return all;
}

// Runs `to` on what `from` was given.
Result<void> run_alike(Session& to, Session& from, int inputs) {
  for (int i = 0; i < inputs; ++i)
    if (auto done = to.resize_input(i, from.input(i).shape); !done) return done;
  if (auto ready = to.prepare(); !ready) return ready;
  for (int i = 0; i < inputs; ++i) {
    const Tensor t = from.input(i);
    std::memcpy(to.input(i).data, t.data, static_cast<size_t>(t.shape.elements()) * size_of(t.dtype));
  }
  return to.run();
}

void compare(std::vector<Power>& powers, const Outputs& wanted, const Outputs& got) {
  powers.resize(wanted.size());
  for (size_t o = 0; o < wanted.size(); ++o)
    if (wanted[o].size() == got[o].size()) add(powers[o], wanted[o], got[o]);
}

}  // namespace

Result<std::vector<Noise>> output_noise(const Model& float_model, const Model& int8_model, const Samples& samples,
                                        size_t images, int threads) {
  SessionOptions options;
  options.threads = threads;
  auto int8 = Session::create(int8_model, options);
  if (!int8) return int8.error();
  options.precision = Precision::kF32;
  auto f32 = Session::create(float_model, options);
  if (!f32) return f32.error();
  std::vector<Power> powers;
  for (size_t i = 0; i < std::min(images, samples.count); ++i) {
    if (auto ran = run(*f32, samples, i); !ran) return ran.error();
    if (auto ran = run(*int8, samples, i); !ran) return ran.error();
    compare(powers, outputs_of(float_model, *f32), outputs_of(int8_model, *int8));
  }
  std::vector<Noise> noise;
  for (size_t o = 0; o < powers.size(); ++o)
    if (int8_model.outputs()[o].dtype == DType::kF32)
      noise.push_back({std::string(int8_model.outputs()[o].name), powers[o].db()});
  return noise;
}

Result<std::vector<Noise>> layer_noise(const Model& int8_model, const std::vector<std::string>& layers,
                                       const Samples& samples, size_t keep, int threads, const Progress& progress) {
  SessionOptions options;
  options.threads = threads;
  options.precision = Precision::kF32;
  auto f32 = Session::create(int8_model, options);
  if (!f32) return f32.error();
  if (auto ran = run(*f32, samples, 0); !ran) return ran.error();
  const Outputs wanted = outputs_of(int8_model, *f32);
  options.precision = Precision::kInt8;
  options.int8_ops = {"conv2d", "depthwise_conv2d", "matmul"};
  std::vector<Noise> noise;
  for (const std::string& layer : layers) {
    options.int8_exclude = layers;
    std::erase(options.int8_exclude, layer);
    auto one = Session::create(int8_model, options);
    if (!one) return one.error();
    if (auto ran = run_alike(*one, *f32, static_cast<int>(int8_model.inputs().size())); !ran) return ran.error();
    std::vector<Power> powers;
    compare(powers, wanted, outputs_of(int8_model, *one));
    Noise worst{layer, std::numeric_limits<double>::infinity()};
    for (const Power& p : powers) worst.db = std::min(worst.db, p.db());
    noise.push_back(worst);
    if (progress) progress(noise.size(), layers.size());
  }
  std::sort(noise.begin(), noise.end(), [](const Noise& a, const Noise& b) { return a.db < b.db; });
  noise.resize(std::min(noise.size(), keep));
  return noise;
}

}  // namespace octet
