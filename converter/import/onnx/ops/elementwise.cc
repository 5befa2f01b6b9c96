// Unary and binary arithmetic, with the variadic forms (Sum, Mean, Min, Max) as chains. Broadcasting is NumPy's since 7.
#include "converter/import/onnx/ops/ops.h"

namespace octet::convert {

using schema::BinaryKind;
using schema::UnaryKind;

static void import_unary(OnnxNode& n) {
  static constexpr std::pair<std::string_view, UnaryKind> kKinds[] = {
      {"Abs", UnaryKind::abs},     {"Ceil", UnaryKind::ceil},
      {"Erf", UnaryKind::erf},     {"Exp", UnaryKind::exp},
      {"Floor", UnaryKind::floor}, {"Log", UnaryKind::log},
      {"Neg", UnaryKind::neg},     {"Reciprocal", UnaryKind::reciprocal},
      {"Round", UnaryKind::round}, {"Sqrt", UnaryKind::sqrt},
      {"Sin", UnaryKind::sin},     {"Cos", UnaryKind::cos}};
  const TensorId x = n.in(0);
  for (const auto& [name, kind] : kKinds) {
    if (name != n.proto.op_type()) continue;
    if (n.at(x).dtype == DType::kF32) return n.result(n.unary(kind, x));
    if (kind == UnaryKind::neg) return n.result(n.binary(BinaryKind::sub, n.scalar_like(x, 0), x));
    return n.fail("needs a float operand", Code::kUnsupported);
  }
}

static void import_binary(OnnxNode& n) {
  static constexpr std::pair<std::string_view, BinaryKind> kKinds[] = {
      {"Add", BinaryKind::add}, {"Sub", BinaryKind::sub}, {"Mul", BinaryKind::mul},
      {"Div", BinaryKind::div}, {"Pow", BinaryKind::pow}, {"Min", BinaryKind::min},
      {"Max", BinaryKind::max}, {"Sum", BinaryKind::add}, {"Mean", BinaryKind::add}};
  for (const auto& [name, kind] : kKinds) {
    if (name != n.proto.op_type()) continue;
    TensorId x = n.in(0);
    for (size_t i = 1; i < n.inputs.size(); ++i) {
      if (n.in(i) < 0) return n.fail("an operand is absent");
      TensorId other = n.in(i);
      if (kind == BinaryKind::pow) other = n.cast(other, n.at(x).dtype);  // ONNX allows an exponent of another type
      x = n.binary(kind, x, other);
    }
    if (name == "Mean") x = n.binary(BinaryKind::div, x, n.scalar_like(x, static_cast<double>(n.inputs.size())));
    return n.result(x);
  }
}

// C's fmod: of the sizes what is left above whole multiples, with the sign of x. A quotient that was rounded may miss by one.
static TensorId float_rest(OnnxNode& n, TensorId x, TensorId y) {
  using schema::CompareKind;
  const TensorId a = n.unary(UnaryKind::abs, x), b = n.unary(UnaryKind::abs, y);
  const auto where = [&](CompareKind kind, TensorId l, TensorId r, TensorId yes, TensorId no) {
    return n.emit(schema::WhereT{}, {n.emit(schema::CompareT{.kind = kind}, {l, r}), yes, no});
  };
  const TensorId whole = n.unary(UnaryKind::floor, n.binary(BinaryKind::div, a, b));
  TensorId rest = n.binary(BinaryKind::sub, a, n.binary(BinaryKind::mul, whole, b));
  const TensorId zero = n.scalar_like(x, 0);
  rest = where(CompareKind::less, rest, zero, n.binary(BinaryKind::add, rest, b), rest);
  rest = where(CompareKind::greater_equal, rest, b, n.binary(BinaryKind::sub, rest, b), rest);
  return where(CompareKind::less, x, zero, n.unary(UnaryKind::neg, rest), rest);
}

// Of whole numbers, whose division goes towards 0: the remainder has the sign of x, without `fmod` that of the divisor.
static void import_mod(OnnxNode& n) {
  const TensorId x = n.in(0), y = n.in(1);
  if (n.at(x).dtype == DType::kF32)
    return n.i("fmod", 0) ? n.result(float_rest(n, x, y)) : n.fail("of floats needs fmod");
  auto rest = [&](TensorId of) {
    return n.binary(BinaryKind::sub, of, n.binary(BinaryKind::mul, n.binary(BinaryKind::div, of, y), y));
  };
  n.result(n.i("fmod", 0) ? rest(x) : rest(n.binary(BinaryKind::add, rest(x), y)));
}

static void import_identity(OnnxNode& n) { n.result(n.in(0)); }

// Nothing is dropped, and the mask says so (10: by booleans; before 12 ONNX Runtime's says the contrary).
static void import_dropout(OnnxNode& n) {
  const TensorId x = n.in(0);
  n.result(x);
  if (n.proto.output_size() < 2 || n.proto.output(1).empty()) return;
  const TensorId ones = n.emit(schema::ExpandT{},
                               {n.floats({}, std::array{n.opset < 12 ? 0.0f : 1.0f}), n.emit(schema::ShapeOfT{}, {x})});
  n.result(n.opset < 10 ? ones : n.cast(ones, DType::kBool));
}

static void import_cast(OnnxNode& n) {
  static constexpr DType kOf[] = {DType::kF32, DType::kF32, DType::kU8,  DType::kS8,
                                  DType::kS32, DType::kS32, DType::kS32, DType::kS64};
  const int64_t to = n.i("to", 0);
  DType dtype;
  if (to >= 1 && to <= 7)
    dtype = kOf[to];
  else if (to == 9)
    dtype = DType::kBool;
  else if (to == 10 || to == 11 || to == 16)
    dtype = DType::kF32;
  else if (to == 12 || to == 13)
    dtype = DType::kS64;
  else
    return n.fail("a cast to type " + std::to_string(to) + " is not supported", Code::kUnsupported);
  n.result(n.cast(n.in(0), dtype));
}

static void import_cast_like(OnnxNode& n) { n.result(n.cast(n.in(0), n.at(n.in(1)).dtype)); }

static constexpr OnnxOp kOnnxElementwiseRows[] = {
    {"Abs", import_unary, 1, 1},
    {"Add", import_binary, 2, 2},
    {"Cast", import_cast, 1, 1},
    {"CastLike", import_cast_like, 2, 2},
    {"Ceil", import_unary, 1, 1},
    {"Cos", import_unary, 1, 1},
    {"Div", import_binary, 2, 2},
    {"Dropout", import_dropout, 1, 3},
    {"Erf", import_unary, 1, 1},
    {"Exp", import_unary, 1, 1},
    {"Floor", import_unary, 1, 1},
    {"Identity", import_identity, 1, 1, "", false, true},
    {"Log", import_unary, 1, 1},
    {"Max", import_binary, 1, kAnyInputs},
    {"Mean", import_binary, 1, kAnyInputs},
    {"Min", import_binary, 1, kAnyInputs},
    {"Mod", import_mod, 2, 2},
    {"Mul", import_binary, 2, 2},
    {"Neg", import_unary, 1, 1},
    {"Pow", import_binary, 2, 2},
    {"Reciprocal", import_unary, 1, 1},
    {"Round", import_unary, 1, 1},
    {"Sin", import_unary, 1, 1},
    {"Sqrt", import_unary, 1, 1},
    {"Sub", import_binary, 2, 2},
    {"Sum", import_binary, 1, kAnyInputs},
};
extern constinit const OnnxRows kOnnxElementwise{kOnnxElementwiseRows};

}  // namespace octet::convert
