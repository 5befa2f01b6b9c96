// Comparisons and logic (Equal, Less ... And, Or, Xor, Not), IsNaN, Sign, Where.
#include "converter/import/onnx/ops/ops.h"

namespace octet::convert {

using schema::CompareKind;

static void import_compare(OnnxNode& n) {
  static constexpr std::pair<std::string_view, CompareKind> kKinds[] = {
      {"And", CompareKind::logical_and}, {"Equal", CompareKind::equal},
      {"Greater", CompareKind::greater}, {"GreaterOrEqual", CompareKind::greater_equal},
      {"Less", CompareKind::less},       {"LessOrEqual", CompareKind::less_equal},
      {"Or", CompareKind::logical_or},   {"Xor", CompareKind::logical_xor}};
  for (const auto& [name, kind] : kKinds)
    if (name == n.proto.op_type()) return n.result(n.emit(schema::CompareT{.kind = kind}, {n.in(0), n.in(1)}));
}

static TensorId inverted(OnnxNode& n, TensorId x) {
  Tensor no{.name = n.proto.name() + ":constant", .dtype = DType::kBool, .constant = true};
  no.data.resize(1);
  return n.emit(schema::CompareT{.kind = CompareKind::equal}, {x, n.constant(std::move(no))});
}

static void import_not(OnnxNode& n) { n.result(inverted(n, n.in(0))); }

// What is not a number differs from itself.
static void import_is_nan(OnnxNode& n) {
  n.result(inverted(n, n.emit(schema::CompareT{.kind = CompareKind::equal}, {n.in(0), n.in(0)})));
}

static void import_sign(OnnxNode& n) {
  const TensorId x = n.in(0), zero = n.scalar_like(x, 0);
  const auto where = [&](TensorId a, TensorId b) {
    return n.cast(n.emit(schema::CompareT{.kind = CompareKind::greater}, {a, b}), n.at(x).dtype);
  };
  n.result(n.binary(schema::BinaryKind::sub, where(x, zero), where(zero, x)));
}

static void import_where(OnnxNode& n) { n.result(n.emit(schema::WhereT{}, {n.in(0), n.in(1), n.in(2)})); }

static constexpr OnnxOp kOnnxCompareRows[] = {
    {"And", import_compare, 2, 2},
    {"Equal", import_compare, 2, 2},
    {"Greater", import_compare, 2, 2},
    {"GreaterOrEqual", import_compare, 2, 2},
    {"IsNaN", import_is_nan, 1, 1},
    {"Less", import_compare, 2, 2},
    {"LessOrEqual", import_compare, 2, 2},
    {"Sign", import_sign, 1, 1},
    {"Not", import_not, 1, 1},
    {"Or", import_compare, 2, 2},
    {"Where", import_where, 3, 3},
    {"Xor", import_compare, 2, 2},
};
extern constinit const OnnxRows kOnnxCompare{kOnnxCompareRows};

}  // namespace octet::convert
