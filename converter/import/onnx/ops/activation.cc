// Activations: Relu, LeakyRelu, Sigmoid, Tanh, HardSigmoid, HardSwish (14), Gelu (20), Clip (6: attributes, 11: operands), PRelu,
// and, spelt out, ThresholdedRelu, Softplus, Softsign, Mish (18), Elu, Selu, Celu (12), Swish (24); com.microsoft's BiasGelu, QuickGelu.
#include <algorithm>
#include <cfloat>
#include <cmath>

#include "converter/import/build/build.h"
#include "converter/import/onnx/ops/ops.h"

namespace octet::convert {

using schema::Activation;
using schema::ActKind;
using schema::BinaryKind;
using schema::UnaryKind;

static void import_elementwise_activation(OnnxNode& n) {
  const std::string& name = n.proto.op_type();
  const TensorId x = n.in(0);
  if (n.at(x).dtype != DType::kF32) {
    if (name != "Relu") return n.fail("needs a float operand", Code::kUnsupported);
    return n.result(n.binary(BinaryKind::max, x, n.scalar_like(x, 0)));
  }
  Activation act(ActKind::relu, 0, 0);
  if (name == "LeakyRelu") act = Activation(ActKind::leaky_relu, n.f("alpha", 0.01f), 0);
  if (name == "Sigmoid") act = Activation(ActKind::sigmoid, 0, 0);
  if (name == "Tanh") act = Activation(ActKind::tanh, 0, 0);
  if (name == "HardSigmoid") act = Activation(ActKind::hard_sigmoid, n.f("alpha", 0.2f), n.f("beta", 0.5f));
  if (name == "HardSwish") act = Activation(ActKind::hard_swish, 1.0f / 6, 0.5f);
  if (!std::isfinite(act.a()) || !std::isfinite(act.b())) return n.fail("an attribute is not finite");
  n.result(n.act(act, x));
}

TensorId build_gelu(SourceNode& n, TensorId x, bool approximate) {
  if (n.at(x).dtype != DType::kF32) return n.refuse("needs a float operand", Code::kUnsupported);
  return n.act(Activation(approximate ? ActKind::gelu_tanh : ActKind::gelu, 0, 0), x);
}

static void import_gelu(OnnxNode& n) {
  const std::string how = n.s("approximate", "none");
  if (how != "none" && how != "tanh") return n.fail("the approximation '" + how + "' is unknown");
  n.result(build_gelu(n, n.in(0), how == "tanh"));
}

// com.microsoft's: gelu(x + bias).
static void import_bias_gelu(OnnxNode& n) {
  n.result(build_gelu(n, n.binary(BinaryKind::add, n.in(0), n.in(1)), false));
}

// x * sigmoid(alpha * x).
static void import_swish(OnnxNode& n) {
  const TensorId x = n.in(0);
  if (n.at(x).dtype != DType::kF32) return n.fail("needs a float operand", Code::kUnsupported);
  const float alpha = n.f("alpha", n.proto.op_type() == "QuickGelu" ? 1.702f : 1);
  if (!std::isfinite(alpha)) return n.fail("alpha is not finite");
  if (alpha == 1) return n.result(n.act(Activation(ActKind::silu, 0, 0), x));
  const TensorId gate =
      n.act(Activation(ActKind::sigmoid, 0, 0), n.binary(BinaryKind::mul, x, n.scalar_like(x, alpha)));
  n.result(n.binary(BinaryKind::mul, x, gate));
}

TensorId plus(SourceNode& n, TensorId x, double term) { return n.binary(BinaryKind::add, x, n.scalar_like(x, term)); }
TensorId times(SourceNode& n, TensorId x, double factor) {
  return factor == 1 ? x : n.binary(BinaryKind::mul, x, n.scalar_like(x, factor));
}

// log(1 + exp(x)) without overflow: max(x, 0) + log(1 + exp(-|x|)).
TensorId build_softplus(SourceNode& n, TensorId x) {
  const TensorId decay = n.unary(UnaryKind::exp, n.unary(UnaryKind::neg, n.unary(UnaryKind::abs, x)));
  const TensorId positive = n.act(Activation(ActKind::relu, 0, 0), x);
  return n.binary(BinaryKind::add, positive, n.unary(UnaryKind::log, plus(n, decay, 1)));
}

TensorId build_mish(SourceNode& n, TensorId x) {
  return n.binary(BinaryKind::mul, x, n.act(Activation(ActKind::tanh, 0, 0), build_softplus(n, x)));
}

TensorId build_elu(SourceNode& n, TensorId x, float alpha, float width) {
  const TensorId below = n.binary(BinaryKind::min, x, n.scalar_like(x, 0));
  const TensorId curve = plus(n, n.unary(UnaryKind::exp, times(n, below, 1.0 / static_cast<double>(width))), -1);
  return n.binary(BinaryKind::add, n.act(Activation(ActKind::relu, 0, 0), x), times(n, curve, alpha));
}

static void import_curve(OnnxNode& n) {
  const std::string& name = n.proto.op_type();
  const TensorId x = n.in(0);
  if (n.at(x).dtype != DType::kF32) return n.fail("needs a float operand", Code::kUnsupported);
  if (name == "Softplus") return n.result(build_softplus(n, x));
  if (name == "Mish") return n.result(build_mish(n, x));
  if (name == "Softsign") return n.result(n.binary(BinaryKind::div, x, plus(n, n.unary(UnaryKind::abs, x), 1)));
  const float alpha = n.f("alpha", name == "Selu" ? 1.67326319f : 1), gamma = n.f("gamma", 1.05070102f);
  if (!std::isfinite(alpha) || !std::isfinite(gamma)) return n.fail("an attribute is not finite");
  if (name == "Elu") return n.result(build_elu(n, x, alpha));
  if (name == "Selu") return n.result(times(n, build_elu(n, x, alpha), gamma));
  if (alpha == 0) return n.fail("alpha is 0");
  n.result(build_elu(n, x, alpha, alpha));  // Celu
}

static void import_clip(OnnxNode& n) {
  TensorId x = n.in(0);
  const TensorId low = n.in(1), high = n.in(2);
  const auto low_value = uniform(n.g, low), high_value = uniform(n.g, high);
  const bool constant = (low < 0 || low_value) && (high < 0 || high_value);
  if (n.at(x).dtype != DType::kF32 || !constant) {
    if (low >= 0) x = n.binary(BinaryKind::max, x, low);
    if (high >= 0) x = n.binary(BinaryKind::min, x, high);
    return n.result(x);
  }
  const float a = std::max(low_value.value_or(n.f("min", -FLT_MAX)), -FLT_MAX);
  const float b = std::min(high_value.value_or(n.f("max", FLT_MAX)), FLT_MAX);
  if (std::isnan(a) || std::isnan(b)) return n.fail("a bound is not a number");
  if (a == 0 && b == FLT_MAX) return n.result(n.act(Activation(ActKind::relu, 0, 0), x));
  n.result(n.act(Activation(ActKind::clip, a, b), x));
}

TensorId build_thresholded_relu(SourceNode& n, TensorId x, float threshold, float otherwise) {
  if (n.at(x).dtype != DType::kF32) return n.refuse("needs a float operand", Code::kUnsupported);
  const TensorId above =
      n.emit(schema::CompareT{.kind = schema::CompareKind::greater}, {x, n.scalar_like(x, threshold)});
  return n.emit(schema::WhereT{}, {above, x, n.scalar_like(x, otherwise)});
}

static void import_thresholded_relu(OnnxNode& n) {
  const float alpha = n.f("alpha", 1);
  if (!std::isfinite(alpha)) return n.fail("alpha is not finite");
  n.result(build_thresholded_relu(n, n.in(0), alpha));
}

// slope * x where x < 0: one number is LeakyRelu; slopes within [0, 1] are max(x, slope * x); others need both halves.
TensorId build_prelu(SourceNode& n, TensorId x, TensorId slope) {
  if (n.at(x).dtype != DType::kF32) return n.refuse("needs a float operand", Code::kUnsupported);
  if (const auto one = uniform(n.g, slope)) return n.act(Activation(ActKind::leaky_relu, *one, 0), x);
  const Tensor& s = n.at(slope);
  const auto v = s.values<float>();
  if (s.constant && s.dtype == DType::kF32 && std::all_of(v.begin(), v.end(), [](float f) { return f >= 0 && f <= 1; }))
    return n.binary(BinaryKind::max, x, n.binary(BinaryKind::mul, x, slope));
  const TensorId zero = n.scalar_like(x, 0);
  const TensorId negative = n.binary(BinaryKind::mul, n.binary(BinaryKind::min, x, zero), slope);
  return n.binary(BinaryKind::add, n.binary(BinaryKind::max, x, zero), negative);
}

static void import_prelu(OnnxNode& n) { n.result(build_prelu(n, n.in(0), n.in(1))); }

static constexpr OnnxOp kOnnxActivationRows[] = {
    {"BiasGelu", import_bias_gelu, 2, 2, kMicrosoft},
    {"Celu", import_curve, 1, 1},
    {"Clip", import_clip, 1, 3},
    {"Elu", import_curve, 1, 1},
    {"Gelu", import_gelu, 1, 1},
    {"Gelu", import_gelu, 1, 1, kMicrosoft},
    {"HardSigmoid", import_elementwise_activation, 1, 1},
    {"HardSwish", import_elementwise_activation, 1, 1},
    {"LeakyRelu", import_elementwise_activation, 1, 1},
    {"Mish", import_curve, 1, 1},
    {"PRelu", import_prelu, 2, 2},
    {"QuickGelu", import_swish, 1, 1, kMicrosoft},
    {"Relu", import_elementwise_activation, 1, 1},
    {"Selu", import_curve, 1, 1},
    {"Sigmoid", import_elementwise_activation, 1, 1},
    {"Softplus", import_curve, 1, 1},
    {"Softsign", import_curve, 1, 1},
    {"Swish", import_swish, 1, 1},
    {"Tanh", import_elementwise_activation, 1, 1},
    {"ThresholdedRelu", import_thresholded_relu, 1, 1},
};
extern constinit const OnnxRows kOnnxActivation{kOnnxActivationRows};

}  // namespace octet::convert
