// Tan, Asin, Acos, Atan, Sinh, Cosh, Asinh, Acosh, Atanh, spelt out by what the runtime has: to a few units in a float's last place
// of the larger of 1 and the result.
#include <numbers>

#include "converter/import/build/build.h"
#include "converter/import/onnx/ops/ops.h"

namespace octet::convert {
namespace {

using schema::BinaryKind;
using schema::CompareKind;
using schema::UnaryKind;

TensorId add(OnnxNode& n, TensorId a, TensorId b) { return n.binary(BinaryKind::add, a, b); }
TensorId sub(OnnxNode& n, TensorId a, TensorId b) { return n.binary(BinaryKind::sub, a, b); }
TensorId mul(OnnxNode& n, TensorId a, TensorId b) { return n.binary(BinaryKind::mul, a, b); }
TensorId div(OnnxNode& n, TensorId a, TensorId b) { return n.binary(BinaryKind::div, a, b); }
TensorId root(OnnxNode& n, TensorId x) { return n.unary(UnaryKind::sqrt, x); }
TensorId log(OnnxNode& n, TensorId x) { return n.unary(UnaryKind::log, x); }
TensorId one_minus(OnnxNode& n, TensorId x) { return plus(n, n.unary(UnaryKind::neg, x), 1); }

// y, or -y where x is below 0.
TensorId with_sign(OnnxNode& n, TensorId y, TensorId x) {
  const TensorId negative = n.emit(schema::CompareT{.kind = CompareKind::less}, {x, n.scalar_like(x, 0)});
  return n.emit(schema::WhereT{}, {negative, n.unary(UnaryKind::neg, y), y});
}

// atan(a) = pi / 2 - atan(1 / a) brings it below 1, atan(z) = 2 atan(z / (1 + sqrt(1 + z^2))) below 0.415, where w P(w^2) is as good as
// a float can be: an expansion in Chebyshev's polynomials, as powers.
TensorId atan(OnnxNode& n, TensorId x) {
  constexpr double kTerms[] = {0.999999999977861,   -0.333333320715265,   0.19999881846711554, -0.14281532951759993,
                               0.11039796414111129, -0.08452266301205316, 0.046990668543260915};
  const TensorId size = n.unary(UnaryKind::abs, x);
  const TensorId z = n.binary(BinaryKind::min, size, n.unary(UnaryKind::reciprocal, size));
  const TensorId w = div(n, z, plus(n, root(n, plus(n, mul(n, z, z), 1)), 1));
  const TensorId square = mul(n, w, w);
  TensorId sum = times(n, square, kTerms[std::size(kTerms) - 1]);
  for (size_t i = std::size(kTerms) - 1; i-- > 0;) {
    sum = plus(n, sum, kTerms[i]);
    if (i > 0) sum = mul(n, sum, square);
  }
  const TensorId angle = times(n, mul(n, w, sum), 2);
  const TensorId large = n.emit(schema::CompareT{.kind = CompareKind::greater}, {size, n.scalar_like(x, 1)});
  const TensorId other = plus(n, n.unary(UnaryKind::neg, angle), std::numbers::pi / 2);
  return with_sign(n, n.emit(schema::WhereT{}, {large, other, angle}), x);
}

// exp(x) / 2 and exp(-x) / 2, neither of which overflows before their sum does.
std::pair<TensorId, TensorId> halves(OnnxNode& n, TensorId x) {
  const TensorId e = n.unary(UnaryKind::exp, times(n, x, 0.5));
  return {mul(n, times(n, e, 0.5), e), div(n, div(n, n.scalar_like(x, 0.5), e), e)};
}

TensorId asinh(OnnxNode& n, TensorId x) {
  const TensorId size = n.unary(UnaryKind::abs, x), one = n.scalar_like(x, 1), m = n.binary(BinaryKind::max, size, one);
  const TensorId a = div(n, size, m), b = div(n, one, m);  // so that no square overflows
  const TensorId length = mul(n, m, root(n, add(n, mul(n, a, a), mul(n, b, b))));
  return with_sign(n, log(n, add(n, size, length)), x);
}

TensorId curve(OnnxNode& n, const std::string& name, TensorId x) {
  if (name == "Tan") return div(n, n.unary(UnaryKind::sin, x), n.unary(UnaryKind::cos, x));
  if (name == "Atan") return atan(n, x);
  if (name == "Asin") return atan(n, div(n, x, root(n, mul(n, one_minus(n, x), plus(n, x, 1)))));
  if (name == "Acos") return times(n, atan(n, root(n, div(n, one_minus(n, x), plus(n, x, 1)))), 2);
  if (name == "Asinh") return asinh(n, x);
  if (name == "Acosh") return log(n, add(n, x, mul(n, root(n, plus(n, x, -1)), root(n, plus(n, x, 1)))));
  if (name == "Atanh") return times(n, log(n, div(n, plus(n, x, 1), one_minus(n, x))), 0.5);
  const auto [up, down] = halves(n, x);
  return name == "Sinh" ? sub(n, up, down) : add(n, up, down);
}

}  // namespace

static void import_curve(OnnxNode& n) {
  if (n.at(n.in(0)).dtype != DType::kF32) return n.fail("needs a float operand", Code::kUnsupported);
  n.result(curve(n, n.proto.op_type(), n.in(0)));
}

static constexpr OnnxOp kOnnxTrigonometryRows[] = {
    {"Acos", import_curve, 1, 1},  {"Acosh", import_curve, 1, 1}, {"Asin", import_curve, 1, 1},
    {"Asinh", import_curve, 1, 1}, {"Atan", import_curve, 1, 1},  {"Atanh", import_curve, 1, 1},
    {"Cosh", import_curve, 1, 1},  {"Sinh", import_curve, 1, 1},  {"Tan", import_curve, 1, 1},
};
extern constinit const OnnxRows kOnnxTrigonometry{kOnnxTrigonometryRows};

}  // namespace octet::convert
