// Ops on integers (QLinear*, QGemm; ConvInteger, MatMulInteger): what their operands stand for, the float op, and rounding.
#include <algorithm>

#include "converter/import/build/build.h"
#include "converter/import/onnx/ops/ops.h"
#include "converter/import/onnx/ops/quantised.h"

namespace octet::convert {
namespace {

// Operands i, i + 1, i + 2: integers, their scale and zero point.
TensorId real(OnnxNode& n, size_t i, int64_t axis = 0) {
  return n.in(i) < 0 ? n.refuse("an operand is absent") : dequantised(n, n.in(i), n.in(i + 1), n.in(i + 2), axis);
}

// The first result, in integers of the scale and zero point that are operands i and i + 1.
void round_result(OnnxNode& n, size_t i, const std::vector<TensorId>& operands) {
  if (n.failed() || n.results.empty()) return;
  const auto operand = [&](size_t k) { return k < operands.size() ? operands[k] : -1; };
  n.results[0] = quantised(n, n.results[0], operand(i), operand(i + 1), 0);
}

// Imports the node as the float op of that name, on operands that take the place of its own, which come back.
std::vector<TensorId> import_as(OnnxNode& n, std::string_view op, std::vector<TensorId> operands) {
  std::swap(n.inputs, operands);
  if (!n.failed()) find_onnx_op(op)->import(n);
  return operands;
}

// The same, rounded.
void rounded_as(OnnxNode& n, std::string_view op, std::vector<TensorId> operands, size_t scale) {
  round_result(n, scale, import_as(n, op, std::move(operands)));
}

// An s32 bias: in units of both scales' product.
TensorId bias(OnnxNode& n, TensorId b, TensorId x_scale, TensorId w_scale) {
  if (b < 0) return -1;
  const auto units = constant_ints(n.g, b);
  if (!units || !n.is_constant_floats(x_scale) || !n.is_constant_floats(w_scale))
    return n.refuse("its bias and scales must be constant", Code::kUnsupported);
  const auto x = n.at(x_scale).values<float>(), w = n.at(w_scale).values<float>();
  if (x.size() != 1 || (w.size() != 1 && w.size() != units->size())) return n.refuse("scales that do not fit its bias");
  std::vector<float> values;
  for (size_t i = 0; i < units->size(); ++i)
    values.push_back(static_cast<float>(static_cast<double>((*units)[i]) * static_cast<double>(x[0]) *
                                        static_cast<double>(w[w.size() == 1 ? 0 : i])));
  return n.floats(n.shape(b), values);
}

// NHWC where the attribute says so.
bool channels_last(OnnxNode& n) { return n.i("channels_last", 0) != 0; }

TensorId as_integers(OnnxNode& n, size_t x, size_t zero_point, int64_t axis) {
  const TensorId one = n.floats({}, std::array{1.0f});
  return dequantised(n, n.in(x), one, n.in(zero_point), axis);
}

}  // namespace

static void import_qlinear_conv(OnnxNode& n) {
  if (channels_last(n)) return n.fail("channels_last is not supported", Code::kUnsupported);
  rounded_as(n, "Conv", {real(n, 0), real(n, 3), bias(n, n.in(8), n.in(1), n.in(4))}, 6);
}

static void import_qlinear_matmul(OnnxNode& n) { rounded_as(n, "MatMul", {real(n, 0), real(n, 3, -1)}, 6); }

static void import_qgemm(OnnxNode& n) {
  const TensorId b = real(n, 3, n.i("transB", 0) ? 0 : 1);
  TensorId c = bias(n, n.in(6), n.in(1), n.in(4));
  const float alpha = n.f("alpha", 1);
  if (c >= 0 && alpha != 1) c = n.binary(schema::BinaryKind::mul, c, n.scalar_like(c, static_cast<double>(alpha)));
  const bool rounds = n.in(7) >= 0;
  const std::vector<TensorId> operands = import_as(n, "Gemm", {real(n, 0), b, c});
  if (rounds) round_result(n, 7, operands);
}

static void import_qlinear_binary(OnnxNode& n) {
  const auto kind = n.proto.op_type() == "QLinearMul" ? schema::BinaryKind::mul : schema::BinaryKind::add;
  n.result(n.binary(kind, real(n, 0), real(n, 3)));
  round_result(n, 6, n.inputs);
}

static void import_qlinear_activation(OnnxNode& n) {
  if (n.proto.op_type() == "QLinearSoftmax") {
    n.opset = n.i("opset", n.opset);
    return rounded_as(n, "Softmax", {real(n, 0)}, 3);
  }
  const TensorId x = real(n, 0);
  const bool leaky = n.proto.op_type() == "QLinearLeakyRelu";
  n.result(n.act(leaky ? schema::Activation(schema::ActKind::leaky_relu, n.f("alpha", 0.01f), 0)
                       : schema::Activation(schema::ActKind::sigmoid, 0, 0),
                 x));
  round_result(n, 3, n.inputs);
}

static void import_qlinear_concat(OnnxNode& n) {
  if (n.inputs.size() % 3 != 2) return n.fail("needs a tensor, a scale and a zero point for each part");
  std::vector<TensorId> parts;
  for (size_t i = 2; i < n.inputs.size(); i += 3) parts.push_back(real(n, i));
  rounded_as(n, "Concat", std::move(parts), 0);
}

static void import_qlinear_pool(OnnxNode& n) {
  const std::string_view op = n.proto.op_type() == "QLinearAveragePool" ? "AveragePool" : "GlobalAveragePool";
  const TensorId x = real(n, 0);
  if (!channels_last(n) || n.failed()) return rounded_as(n, op, {x}, 3);
  if (!n.need_rank(x, 4)) return;
  const std::vector<TensorId> operands = import_as(n, op, {n.nchw(x)});
  if (n.failed()) return;
  n.results[0] = n.nhwc(n.results[0]);
  round_result(n, 3, operands);
}

static void import_qlinear_where(OnnxNode& n) { rounded_as(n, "Where", {n.in(0), real(n, 1), real(n, 4)}, 7); }

static void import_conv_integer(OnnxNode& n) {
  import_as(n, "Conv", {as_integers(n, 0, 2, 0), as_integers(n, 1, 3, 0)});
}

static void import_matmul_integer(OnnxNode& n) {
  import_as(n, "MatMul", {as_integers(n, 0, 2, -2), as_integers(n, 1, 3, -1)});
}

static constexpr OnnxOp kOnnxQuantisedOpsRows[] = {
    {"ConvInteger", import_conv_integer, 2, 4, "", true},
    {"MatMulInteger", import_matmul_integer, 2, 4, "", true},
    {"QGemm", import_qgemm, 6, 9, kMicrosoft, true},
    {"QLinearAdd", import_qlinear_binary, 7, 8, kMicrosoft, true},
    {"QLinearAveragePool", import_qlinear_pool, 4, 5, kMicrosoft, true},
    {"QLinearConcat", import_qlinear_concat, 5, kAnyInputs, kMicrosoft, true},
    {"QLinearConv", import_qlinear_conv, 8, 9, "", true},
    {"QLinearConv", import_qlinear_conv, 8, 9, kMicrosoft, true},
    {"QLinearGlobalAveragePool", import_qlinear_pool, 5, 5, kMicrosoft, true},
    {"QLinearLeakyRelu", import_qlinear_activation, 4, 5, kMicrosoft, true},
    {"QLinearMatMul", import_qlinear_matmul, 8, 8, "", true},
    {"QLinearMul", import_qlinear_binary, 7, 8, kMicrosoft, true},
    {"QLinearSigmoid", import_qlinear_activation, 4, 5, kMicrosoft, true},
    {"QLinearSoftmax", import_qlinear_activation, 5, 5, kMicrosoft, true},
    {"QLinearWhere", import_qlinear_where, 9, 9, kMicrosoft, true},
};
extern constinit const OnnxRows kOnnxQuantisedOps{kOnnxQuantisedOpsRows};

}  // namespace octet::convert
