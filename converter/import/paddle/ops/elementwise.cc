// elementwise_*, scale, sum, unary functions, pow, cast, dropout. Integers are s64; beside a float operand they become float.
#include <cmath>

#include "converter/import/build/build.h"
#include "converter/import/paddle/ops/ops.h"
#include "converter/import/paddle/parameters.h"

namespace octet::convert {
namespace {

using schema::BinaryKind;
using schema::UnaryKind;

// The shorter operand in the longer one's rank: its dims stand at `axis` of the longer, -1: at the end.
TensorId aligned(PaddleNode& n, TensorId shorter, int longer_rank, int64_t axis) {
  const int rank = n.rank(shorter);
  if (axis == -1 || rank == 0) return shorter;
  int kept = rank;  // trailing dims of 1 are ignored
  while (kept > 0 && axis + kept > longer_rank && n.shape(shorter)[kept - 1] == 1) --kept;
  if (axis < 0 || axis + kept > longer_rank) {
    n.fail("axis " + std::to_string(axis) + " does not fit operands of rank " + std::to_string(longer_rank) + " and " +
           std::to_string(rank));
    return -1;
  }
  if (axis + kept == longer_rank && kept == rank) return shorter;
  std::vector<int64_t> spec;
  for (int i = 0; i < kept; ++i) spec.push_back(n.same_dim(shorter, i));
  spec.resize(static_cast<size_t>(longer_rank - axis), 1);
  return n.reshape(shorter, std::move(spec));
}

}  // namespace

std::pair<TensorId, TensorId> paddle_operands(PaddleNode& n) {
  TensorId x = n.in("X"), y = n.in("Y");
  const int64_t axis = n.i("axis", -1);
  if (n.rank(x) > n.rank(y)) y = aligned(n, y, n.rank(x), axis);
  if (n.rank(x) < n.rank(y)) x = aligned(n, x, n.rank(y), axis);
  if (!n.failed() && n.at(x).dtype != n.at(y).dtype) {
    const bool any_float = n.at(x).dtype == DType::kF32 || n.at(y).dtype == DType::kF32;
    const DType common = any_float ? DType::kF32 : DType::kS64;
    x = n.cast(x, common), y = n.cast(y, common);
  }
  return {x, y};
}

static void import_paddle_elementwise(PaddleNode& n) {
  static constexpr std::pair<std::string_view, BinaryKind> kKinds[] = {
      {"elementwise_add", BinaryKind::add}, {"elementwise_sub", BinaryKind::sub},
      {"elementwise_mul", BinaryKind::mul}, {"elementwise_div", BinaryKind::div},
      {"elementwise_pow", BinaryKind::pow}, {"elementwise_min", BinaryKind::min},
      {"elementwise_max", BinaryKind::max}, {"elementwise_floordiv", BinaryKind::div},
      {"elementwise_mod", BinaryKind::div}};
  const auto [x, y] = paddle_operands(n);
  for (const auto& [name, kind] : kKinds) {
    if (name != n.type()) continue;
    TensorId out = n.binary(kind, x, y);
    const bool whole = name == "elementwise_floordiv" || name == "elementwise_mod";
    if (whole && n.at(x).dtype == DType::kF32) out = n.unary(UnaryKind::floor, out);
    if (name == "elementwise_mod") out = n.binary(BinaryKind::sub, x, n.binary(BinaryKind::mul, out, y));
    return n.result("Out", out);
  }
}

static void import_paddle_scale(PaddleNode& n) {
  TensorId x = n.in("X");
  const float scale = n.f("scale", 1), bias = n.f("bias", 0);
  const bool after = n.b("bias_after_scale", true), computed = n.in("ScaleTensor") >= 0;
  auto scaled = [&] {
    if (computed) return n.binary(BinaryKind::mul, x, n.cast(n.in("ScaleTensor"), n.at(x).dtype));
    return scale == 1 ? x : n.binary(BinaryKind::mul, x, n.scalar_like(x, scale));
  };
  if (n.at(x).dtype == DType::kBool) x = n.cast(x, DType::kS64);
  if (n.at(x).dtype != DType::kF32 && (scale != std::trunc(scale) || bias != std::trunc(bias)))
    return n.fail("scales integers by a fraction", Code::kUnsupported);
  if (after) x = scaled();
  if (bias != 0) x = n.binary(BinaryKind::add, x, n.scalar_like(x, bias));
  n.result("Out", after ? x : scaled());
}

static void import_paddle_affine_channel(PaddleNode& n) {
  const TensorId x = n.in("X");
  n.need_nchw();
  if (n.rank(x) < 2) return n.fail("needs an input of rank 2 or more");
  std::vector<int64_t> spec(static_cast<size_t>(n.rank(x) - 1), 1);
  spec[0] = -1;
  const TensorId scaled = n.binary(BinaryKind::mul, x, n.reshape(n.in("Scale"), spec));
  n.result("Out", n.binary(BinaryKind::add, scaled, n.reshape(n.in("Bias"), spec)));
}

static void import_paddle_sum(PaddleNode& n) {
  TensorId x = n.in("X");
  for (size_t i = 1; i < n.all("X").size(); ++i) x = n.binary(BinaryKind::add, x, n.all("X")[i]);
  n.result("Out", x);
}

static void import_paddle_unary(PaddleNode& n) {
  static constexpr std::pair<std::string_view, UnaryKind> kKinds[] = {
      {"abs", UnaryKind::abs},   {"ceil", UnaryKind::ceil},   {"erf", UnaryKind::erf},
      {"exp", UnaryKind::exp},   {"floor", UnaryKind::floor}, {"log", UnaryKind::log},
      {"sqrt", UnaryKind::sqrt}, {"rsqrt", UnaryKind::sqrt},  {"reciprocal", UnaryKind::reciprocal},
      {"sin", UnaryKind::sin},   {"cos", UnaryKind::cos}};
  TensorId x = n.in("X");
  if (n.type() == "square") return n.result("Out", n.binary(BinaryKind::mul, x, x));
  if (n.at(x).dtype != DType::kF32) return n.fail("needs a float operand", Code::kUnsupported);
  if (n.type() == "log1p") x = n.binary(BinaryKind::add, x, n.scalar_like(x, 1));
  if (n.type().starts_with("log") && n.type() != "log") {
    const double base = n.type() == "log2" ? M_LN2 : n.type() == "log10" ? M_LN10 : 1;
    return n.result("Out", n.binary(BinaryKind::mul, n.unary(UnaryKind::log, x), n.scalar_like(x, 1 / base)));
  }
  for (const auto& [name, kind] : kKinds) {
    if (name != n.type()) continue;
    const TensorId y = n.unary(kind, x);
    return n.result("Out", name == "rsqrt" ? n.unary(UnaryKind::reciprocal, y) : y);
  }
}

// Halves go away from zero: floor(|x| + 0.5) with the sign of x.
static void import_paddle_round(PaddleNode& n) {
  const TensorId x = n.in("X");
  if (n.at(x).dtype != DType::kF32) return n.fail("needs a float operand", Code::kUnsupported);
  const TensorId half = n.scalar_like(x, 0.5);
  const TensorId size = n.unary(UnaryKind::floor, n.binary(BinaryKind::add, n.unary(UnaryKind::abs, x), half));
  const TensorId sign =
      n.act({schema::ActKind::clip, -1, 1}, n.binary(BinaryKind::mul, x, n.scalar_like(x, 2)));  // of what is not 0
  n.result("Out", n.binary(BinaryKind::mul, size, sign));
}

static void import_paddle_pow(PaddleNode& n) {
  const TensorId x = n.in("X"), given = n.in("FactorTensor");
  const float factor = n.f("factor", 1);
  if (given >= 0) return n.result("Out", n.binary(BinaryKind::pow, x, n.cast(given, n.at(x).dtype)));
  if (factor == 1) return n.result("Out", x);
  if (factor == 2) return n.result("Out", n.binary(BinaryKind::mul, x, x));
  n.result("Out", n.binary(BinaryKind::pow, x, n.scalar_like(x, factor)));
}

static void import_paddle_cast(PaddleNode& n) {
  const auto dtype = dtype_of_paddle(static_cast<int32_t>(n.i("out_dtype", -1)));
  if (!dtype)
    return n.fail("a cast to type " + std::to_string(n.i("out_dtype", -1)) + " is not supported", Code::kUnsupported);
  n.result("Out", n.cast(n.in("X"), *dtype));
}

static void import_paddle_dropout(PaddleNode& n) {
  const TensorId x = n.in("X");
  const float kept = 1 - n.f("dropout_prob", 0.5f);
  const bool scales = n.s("dropout_implementation", "downgrade_in_infer") == "downgrade_in_infer";
  n.result("Out", scales && kept != 1 ? n.binary(BinaryKind::mul, x, n.scalar_like(x, kept)) : x);
}

static void import_paddle_identity(PaddleNode& n) { n.result("Out", n.in("X")); }

static constexpr PaddleOp kPaddleElementwiseRows[] = {
    {"abs", import_paddle_unary, {"X"}},
    {"affine_channel", import_paddle_affine_channel, {"X", "Scale", "Bias"}},
    {"assign", import_paddle_identity, {"X"}},
    {"cast", import_paddle_cast, {"X"}},
    {"ceil", import_paddle_unary, {"X"}},
    {"cos", import_paddle_unary, {"X"}},
    {"dropout", import_paddle_dropout, {"X"}},
    {"elementwise_add", import_paddle_elementwise, {"X", "Y"}},
    {"elementwise_div", import_paddle_elementwise, {"X", "Y"}},
    {"elementwise_floordiv", import_paddle_elementwise, {"X", "Y"}},
    {"elementwise_max", import_paddle_elementwise, {"X", "Y"}},
    {"elementwise_min", import_paddle_elementwise, {"X", "Y"}},
    {"elementwise_mod", import_paddle_elementwise, {"X", "Y"}},
    {"elementwise_mul", import_paddle_elementwise, {"X", "Y"}},
    {"elementwise_pow", import_paddle_elementwise, {"X", "Y"}},
    {"elementwise_sub", import_paddle_elementwise, {"X", "Y"}},
    {"erf", import_paddle_unary, {"X"}},
    {"exp", import_paddle_unary, {"X"}},
    {"floor", import_paddle_unary, {"X"}},
    {"log", import_paddle_unary, {"X"}},
    {"log10", import_paddle_unary, {"X"}},
    {"log1p", import_paddle_unary, {"X"}},
    {"log2", import_paddle_unary, {"X"}},
    {"pow", import_paddle_pow, {"X"}},
    {"reciprocal", import_paddle_unary, {"X"}},
    {"round", import_paddle_round, {"X"}},
    {"rsqrt", import_paddle_unary, {"X"}},
    {"scale", import_paddle_scale, {"X"}},
    {"share_data", import_paddle_identity, {"X"}},
    {"sin", import_paddle_unary, {"X"}},
    {"sqrt", import_paddle_unary, {"X"}},
    {"square", import_paddle_unary, {"X"}},
    {"sum", import_paddle_sum, {"X"}},
};
extern constinit const PaddleRows kPaddleElementwise{kPaddleElementwiseRows};

}  // namespace octet::convert
