// The four ways in which Paddle files say what is quantised. Activations become FakeQuantize nodes; weights become the floats
// that their int8 form stands for, at once, and are recognised again when the model is frozen (quant/freeze.h).
//  legacy:    fake_quantize_* makes integers, the op's weights hold integers, fake_*dequantize_* scales its result back
//  dygraph:   fake_*quantize_dequantize_* on activations and on plain float weights
//  linear:    quantize_linear, dequantize_linear; int8 weights with a dequantize_linear before the op
//  weights:   int8 weights, their steps in an attribute of the op that reads them
// A stored scale is the magnitude that 127 stands for.
#include <algorithm>
#include <cmath>

#include "converter/import/build/elements.h"
#include "converter/import/paddle/ops/ops.h"

namespace octet::convert {
namespace {

constexpr int kLevels = 127;

// The largest magnitude of a constant or of each of its channels along `axis` (-1: of all).
std::vector<float> magnitudes(const Tensor& t, int axis) {
  const int64_t channels = axis < 0 ? 1 : t.shape[axis];
  int64_t inner = 1;
  for (int i = axis + 1; axis >= 0 && i < t.shape.rank(); ++i) inner *= t.shape[i];
  if (axis < 0) inner = std::max<int64_t>(t.shape.elements(), 1);
  std::vector<float> all(static_cast<size_t>(channels), 0.0f);
  const auto v = t.values<float>();
  for (size_t i = 0; i < v.size(); ++i) {
    float& top = all[i / static_cast<size_t>(inner) % all.size()];
    top = std::max(top, std::fabs(v[i]));
  }
  return all;
}

// The constant with each element replaced by f(element, its channel's scale).
template <class F>
TensorId mapped(PaddleNode& n, TensorId x, int axis, const std::vector<float>& scales, const F& f) {
  const Tensor& t = n.at(x);
  const int64_t channels = axis < 0 ? 1 : t.shape[axis];
  if (scales.size() != static_cast<size_t>(channels))
    return n.refuse(std::to_string(scales.size()) + " scales for " + std::to_string(channels) + " channels");
  int64_t inner = 1;
  for (int i = axis + 1; axis >= 0 && i < t.shape.rank(); ++i) inner *= t.shape[i];
  if (axis < 0) inner = std::max<int64_t>(t.shape.elements(), 1);
  std::vector<float> out;
  const int64_t count = t.shape.elements();
  for (int64_t i = 0; i < count; ++i) {
    const auto k = static_cast<size_t>(i);
    const float value = t.dtype == DType::kS8    ? static_cast<float>(t.values<int8_t>()[k])
                        : t.dtype == DType::kS64 ? static_cast<float>(t.values<int64_t>()[k])
                                                 : t.values<float>()[k];
    out.push_back(f(value, scales[static_cast<size_t>(i / inner % channels)]));
  }
  if (!all_finite(out)) return n.refuse("makes weights that are not finite");
  return n.constant(make_constant<float>(t.name, t.shape, out));
}

// What `value` is after rounding to 127 steps of `scale`. round_type 1 clips first and rounds halves away from zero.
float rounded(float value, float scale, bool away) {
  if (!(scale > 0)) return 0;
  const float steps = value * (kLevels / scale);
  const float q = away ? std::round(std::clamp<float>(steps, -kLevels, kLevels))
                       : std::clamp<float>(std::nearbyint(steps), -kLevels - 1, kLevels);
  return q * (scale / kLevels);
}

// A constant operand's floats; empty where it is none.
std::vector<float> constants(PaddleNode& n, TensorId id) {
  if (!n.is_constant_floats(id)) return {};
  const auto v = n.at(id).values<float>();
  return {v.begin(), v.end()};
}

// An activation: rounded to its scale. A dead tensor's scale (0, not a number) says nothing.
TensorId activation(PaddleNode& n, TensorId x, TensorId scale_operand) {
  const std::vector<float> scale = constants(n, scale_operand);
  if (scale.size() != 1) return n.refuse("needs one constant scale", Code::kUnsupported);
  if (!std::isfinite(scale[0]) || scale[0] <= 1e-30f) return x;
  const int low = n.i("round_type", 0) == 1 ? -kLevels : -kLevels - 1;
  return n.emit(schema::FakeQuantizeT{.scale = scale[0] / kLevels, .low = low, .high = kLevels}, {x});
}

// The axis of a weight's channels, -1: one scale for all of it.
int quant_axis(PaddleNode& n, TensorId x, int64_t otherwise) {
  const int64_t axis = n.i("quant_axis", otherwise);
  return axis == -1 ? -1 : n.axis(axis, n.rank(x));
}

TensorId rounded_weights(PaddleNode& n, TensorId x, int axis) {
  const bool away = n.i("round_type", 0) == 1;
  return mapped(n, x, axis, magnitudes(n.at(x), axis), [&](float v, float s) { return rounded(v, s, away); });
}

bool eight_bits(PaddleNode& n) {
  for (int64_t bits : n.ints("bit_length", {8}))
    if (bits != 8) n.fail("quantises to " + std::to_string(bits) + " bits", Code::kUnsupported);
  return !n.failed();
}

}  // namespace

static void import_paddle_fake_quantize(PaddleNode& n) {
  const TensorId x = n.in("X");
  if (!eight_bits(n)) return;
  const bool channels = n.type().find("channel_wise") != std::string::npos;
  if (n.is_constant_floats(x)) return n.result("Out", rounded_weights(n, x, channels ? quant_axis(n, x, 0) : -1));
  if (channels || n.in("InScale") < 0)
    return n.fail("only weights can be quantised without a stored scale", Code::kUnsupported);
  n.result("Out", activation(n, x, n.in("InScale")));
}

// Quantisation gave the values that its integers stand for, so what is left is the weights' part of the scale.
static void import_paddle_fake_dequantize(PaddleNode& n) {
  TensorId x = n.in("X");
  const float observed = n.at(x).observed;
  if (n.is_constant(x)) x = n.cast(x, DType::kF32);
  const auto scaled_by = [&](TensorId factor) {
    const TensorId y = n.binary(schema::BinaryKind::mul, x, factor);
    n.observe(y, observed);
    n.result("Out", y);
  };
  if (n.type() == "fake_dequantize_max_abs") {
    const float range = n.f("max_range", 0);
    const std::vector<float> scale = constants(n, n.in("Scale"));
    if (!(range > 0) || scale.size() != 1 || !std::isfinite(scale[0])) return n.fail("has no scale");
    const float factor = n.is_constant(x) ? scale[0] / range : kLevels / range;
    return scaled_by(n.scalar_like(x, factor));
  }
  const auto& scales = n.all("Scales");
  if (scales.empty()) return n.fail("has no scales");
  const std::vector<float> weight = constants(n, scales[0]);
  if (weight.empty() || !all_finite(weight)) return n.fail("its scales must be constant", Code::kUnsupported);
  if (n.is_constant(x))
    return n.result("Out", mapped(n, x, quant_axis(n, x, 0), weight, [](float v, float s) { return v * s / kLevels; }));
  if (scales.size() != 2 || n.rank(x) < 2) return n.fail("needs the scales of weights and input");
  std::vector<float> factors;
  for (float s : weight) factors.push_back(s / kLevels);
  Shape shape{static_cast<int64_t>(factors.size())};
  for (int i = 2; n.rank(x) == 4 && i < 4; ++i) shape.push_back(1);
  scaled_by(n.floats(shape, factors));
}

// Behind this its dequantize_linear has nothing left to do.
static void import_paddle_quantize_linear(PaddleNode& n) {
  const TensorId x = n.in("X");
  if (!eight_bits(n)) return;
  if (n.is_constant_floats(x)) return n.result("Y", rounded_weights(n, x, quant_axis(n, x, -1)));
  if (!n.b("only_observer", false)) return n.result("Y", activation(n, x, n.in("Scale")));
  const std::vector<float> scale = constants(n, n.in("Scale"));
  if (scale.size() == 1 && x >= 0) n.observe(x, scale[0]);
  n.result("Y", x);
}

// Weights that hold integers, be it as floats: what stands for real values already has other fractions.
static bool is_stored(const Tensor& t) {
  if (t.dtype != DType::kF32) return t.dtype == DType::kS8;
  float top = 0;
  for (float v : t.values<float>()) {
    if (v != std::nearbyint(v) || std::fabs(v) > kLevels + 1) return false;
    top = std::max(top, std::fabs(v));
  }
  return top > 1;
}

static void import_paddle_dequantize_linear(PaddleNode& n) {
  const TensorId x = n.in("X");
  const bool stored = n.is_constant(x) && is_stored(n.at(x));
  if (!stored || n.b("only_observer", false)) return n.result("Y", x);
  std::vector<float> scale = constants(n, n.in("Scale"));
  for (float& s : scale) s = std::isfinite(s) && s > 0 ? s : 0;
  const int axis = scale.size() == 1 ? -1 : quant_axis(n, x, 0);
  n.result("Y", mapped(n, x, axis, scale, [](float v, float s) { return v * (s / kLevels); }));
}

static void import_paddle_observer(PaddleNode& n) { n.result("Out", n.in("X")); }

void dequantise_stored_weights(PaddleNode& n) {
  for (const auto& in : n.op.inputs())
    for (int i = 0; i < in.arguments_size(); ++i) {
      const std::string attribute = in.arguments(i) + "_quant_scale";
      auto& ids = n.operands[in.parameter()];
      if (!n.has(attribute) || static_cast<size_t>(i) >= ids.size()) continue;
      TensorId& x = ids[static_cast<size_t>(i)];
      if (!n.is_constant(x) || n.rank(x) < 2) continue;
      const std::vector<float> steps = n.float_list(attribute, {});
      const bool rows = n.type() == "conv2d" || n.type() == "depthwise_conv2d";
      n.g.quantised = true;
      x = mapped(n, x, steps.size() == 1 ? -1 : rows ? 0 : 1, steps, [](float v, float s) { return v * s; });
    }
}

static constexpr PaddleOp kPaddleQuantRows[] = {
    {"dequantize_linear", import_paddle_dequantize_linear, {"X"}, true},
    {"fake_channel_wise_dequantize_max_abs", import_paddle_fake_dequantize, {"X"}, true},
    {"fake_channel_wise_quantize_abs_max", import_paddle_fake_quantize, {"X"}, true},
    {"fake_channel_wise_quantize_dequantize_abs_max", import_paddle_fake_quantize, {"X"}, true},
    {"fake_dequantize_max_abs", import_paddle_fake_dequantize, {"X"}, true},
    {"fake_quantize_abs_max", import_paddle_fake_quantize, {"X"}, true},
    {"fake_quantize_dequantize_abs_max", import_paddle_fake_quantize, {"X"}, true},
    {"fake_quantize_dequantize_moving_average_abs_max", import_paddle_fake_quantize, {"X"}, true},
    {"fake_quantize_moving_average_abs_max", import_paddle_fake_quantize, {"X"}, true},
    {"fake_quantize_range_abs_max", import_paddle_fake_quantize, {"X"}, true},
    {"moving_average_abs_max_scale", import_paddle_observer, {"X"}, true},
    {"quantize_linear", import_paddle_quantize_linear, {"X"}, true},
};
extern constinit const PaddleRows kPaddleQuant{kPaddleQuantRows};

}  // namespace octet::convert
