// Activations. What the schema has no kind for is spelt out.
#include <cfloat>
#include <cmath>

#include "converter/import/build/build.h"
#include "converter/import/paddle/ops/ops.h"

namespace octet::convert {
namespace {

using schema::Activation;
using schema::ActKind;
using schema::BinaryKind;

TensorId sigmoid(SourceNode& n, TensorId x) { return n.act({ActKind::sigmoid, 0, 0}, x); }
TensorId relu(SourceNode& n, TensorId x) { return n.act({ActKind::relu, 0, 0}, x); }

TensorId hard_swish(PaddleNode& n, TensorId x) {
  const float threshold = n.f("threshold", 6), scale = n.f("scale", 6), offset = n.f("offset", 3);
  if (scale == 0) return n.refuse("scale is 0");
  if (threshold == scale) return n.act({ActKind::hard_swish, 1 / scale, offset / scale}, x);
  const TensorId gate = n.act({ActKind::clip, 0, threshold}, plus(n, x, offset));
  return times(n, n.binary(BinaryKind::mul, x, gate), 1.0 / static_cast<double>(scale));
}

TensorId activated(PaddleNode& n, const std::string& name, TensorId x) {
  if (name == "relu") return relu(n, x);
  if (name == "relu6") return n.act({ActKind::clip, 0, n.f("threshold", 6)}, x);
  if (name == "brelu") return n.act({ActKind::clip, n.f("t_min", 0), n.f("t_max", 24)}, x);
  if (name == "hard_tanh") return n.act({ActKind::clip, n.f("t_min", -1), n.f("t_max", 1)}, x);
  if (name == "thresholded_relu") return build_thresholded_relu(n, x, n.f("threshold", 1), n.f("value", 0));
  if (name == "leaky_relu") return n.act({ActKind::leaky_relu, n.f("alpha", 0.02f), 0}, x);
  if (name == "sigmoid") return sigmoid(n, x);
  if (name == "tanh") return n.act({ActKind::tanh, 0, 0}, x);
  if (name == "silu") return n.act({ActKind::silu, 0, 0}, x);
  if (name == "hard_sigmoid") return n.act({ActKind::hard_sigmoid, n.f("slope", 0.2f), n.f("offset", 0.5f)}, x);
  if (name == "hard_swish") return hard_swish(n, x);
  if (name == "gelu") return build_gelu(n, x, n.b("approximate", false));
  if (name == "mish") return build_mish(n, x);
  if (name == "swish") {
    const float beta = n.f("beta", 1);
    if (beta == 1) return n.act({ActKind::silu, 0, 0}, x);
    return n.binary(BinaryKind::mul, x, sigmoid(n, times(n, x, beta)));
  }
  if (name == "softplus") {
    const float beta = n.f("beta", 1);
    if (beta == 0) return n.refuse("beta is 0");
    return beta == 1 ? build_softplus(n, x)
                     : times(n, build_softplus(n, times(n, x, beta)), 1.0 / static_cast<double>(beta));
  }
  if (name == "elu") return build_elu(n, x, n.f("alpha", 1));
  return n.refuse("the activation '" + name + "' is not supported", Code::kUnsupported);
}

}  // namespace

TensorId paddle_activation(PaddleNode& n, const std::string& name, TensorId x) { return activated(n, name, x); }

static void import_paddle_activation(PaddleNode& n) {
  const TensorId x = n.in("X");
  if (n.at(x).dtype == DType::kF32) return n.result("Out", activated(n, n.type(), x));
  if (n.type() != "relu") return n.fail("needs a float operand", Code::kUnsupported);
  n.result("Out", n.binary(BinaryKind::max, x, n.scalar_like(x, 0)));
}

static void import_paddle_prelu(PaddleNode& n) {
  const TensorId x = n.in("X");
  TensorId slope = n.in("Alpha");
  const std::string mode = n.s("mode", "all");
  if (mode == "all") slope = n.reshape(slope, {1});
  if (mode == "channel") {
    if (n.rank(x) < 2) return n.fail("needs an input of rank 2 or more");
    std::vector<int64_t> shape(static_cast<size_t>(n.rank(x) - 1), 1);
    shape[0] = -1;
    slope = n.reshape(slope, shape);
  } else if (mode != "all" && mode != "element") {
    return n.fail("mode '" + mode + "' is unknown");
  }
  n.result("Out", build_prelu(n, x, slope));
}

static void import_paddle_clip(PaddleNode& n) {
  const TensorId x = n.in("X"), low = n.in("Min"), high = n.in("Max");
  if (low < 0 && high < 0 && n.at(x).dtype == DType::kF32)
    return n.result("Out", n.act({ActKind::clip, n.f("min", -FLT_MAX), n.f("max", FLT_MAX)}, x));
  const TensorId least = low >= 0 ? low : n.scalar_like(x, n.f("min", -FLT_MAX));
  const TensorId most = high >= 0 ? high : n.scalar_like(x, n.f("max", FLT_MAX));
  n.result("Out", n.binary(BinaryKind::min, n.binary(BinaryKind::max, x, least), most));
}

static constexpr PaddleOp kPaddleActivationRows[] = {
    {"brelu", import_paddle_activation, {"X"}},        {"clip", import_paddle_clip, {"X"}},
    {"elu", import_paddle_activation, {"X"}},          {"gelu", import_paddle_activation, {"X"}},
    {"hard_sigmoid", import_paddle_activation, {"X"}}, {"hard_swish", import_paddle_activation, {"X"}},
    {"hard_tanh", import_paddle_activation, {"X"}},    {"leaky_relu", import_paddle_activation, {"X"}},
    {"mish", import_paddle_activation, {"X"}},         {"prelu", import_paddle_prelu, {"X", "Alpha"}},
    {"relu", import_paddle_activation, {"X"}},         {"relu6", import_paddle_activation, {"X"}},
    {"sigmoid", import_paddle_activation, {"X"}},      {"silu", import_paddle_activation, {"X"}},
    {"softplus", import_paddle_activation, {"X"}},     {"swish", import_paddle_activation, {"X"}},
    {"tanh", import_paddle_activation, {"X"}},         {"thresholded_relu", import_paddle_activation, {"X"}},
};
extern constinit const PaddleRows kPaddleActivation{kPaddleActivationRows};

}  // namespace octet::convert
