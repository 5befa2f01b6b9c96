// Ops that compare places with numbers: Trilu, OneHot, Hardmax (before 13 over all dims from `axis` on); and IsInf.
#include <cfloat>

#include "converter/import/build/build.h"
#include "converter/import/onnx/ops/ops.h"

namespace octet::convert {
namespace {

using schema::BinaryKind;
using schema::CompareKind;

TensorId compare(OnnxNode& n, CompareKind kind, TensorId a, TensorId b) {
  return n.emit(schema::CompareT{.kind = kind}, {a, b});
}

// 0, 1, 2 ... below `limit`, one integer.
TensorId counted(OnnxNode& n, TensorId limit) {
  const TensorId zero = n.integers(std::array<int64_t, 1>{0}), one = n.integers(std::array<int64_t, 1>{1});
  return build_range(n, zero, limit, one);
}

}  // namespace

// Element (row, column) stays where column - row >= k, or <= k in the lower triangle; others become 0.
static void import_trilu(OnnxNode& n) {
  const TensorId x = n.in(0);
  const int rank = n.rank(x);
  if (rank < 2) return n.fail("needs an operand of rank 2 or more");
  const TensorId zero = n.integers(std::array<int64_t, 1>{0});
  const TensorId k = n.in(1) < 0 ? zero : n.reshape(n.cast(n.in(1), DType::kS64), {1});
  const TensorId rows = n.reshape(counted(n, n.dim_of(x, rank - 2)), {-1, 1});
  const TensorId columns = counted(n, n.dim_of(x, rank - 1));
  const CompareKind kind = n.i("upper", 1) ? CompareKind::greater_equal : CompareKind::less_equal;
  const TensorId kept = compare(n, kind, n.binary(BinaryKind::sub, columns, rows), k);
  if (n.at(x).dtype == DType::kBool) return n.result(compare(n, CompareKind::logical_and, x, kept));
  n.result(n.emit(schema::WhereT{}, {kept, x, n.scalar_like(x, 0)}));
}

// Of places from -depth to depth - 1; others are nowhere.
static void import_one_hot(OnnxNode& n) {
  const TensorId given = n.cast(n.in(0), DType::kS64), depth = n.reshape(n.cast(n.in(1), DType::kS64), {1});
  const TensorId values = n.in(2);
  const int rank = n.rank(given) + 1, axis = n.axis(n.i("axis", -1), rank);
  if (n.shape(values) != Shape{2}) return n.fail("needs two values, got " + n.shape(values).text());
  const TensorId negative = compare(n, CompareKind::less, given, n.scalar_like(given, 0));
  const TensorId place = n.emit(schema::WhereT{}, {negative, n.binary(BinaryKind::add, given, depth), given});
  std::vector<int64_t> along(static_cast<size_t>(rank), 1);
  along[static_cast<size_t>(axis)] = -1;
  const TensorId hot =
      compare(n, CompareKind::equal, build_unsqueeze(n, place, {axis}), n.reshape(counted(n, depth), along));
  const auto value = [&](int64_t i) { return n.reshape(n.slice(values, 0, i, i + 1), {}); };
  n.result(n.emit(schema::WhereT{}, {hot, value(1), value(0)}));
}

// 1 at the first of the largest.
static void import_hardmax(OnnxNode& n) {
  const TensorId x = n.in(0);
  const bool flattens = n.opset < 13;
  int axis = n.axis(n.i("axis", flattens ? 1 : -1), n.rank(x));
  if (n.at(x).dtype != DType::kF32) return n.fail("needs a float operand", Code::kUnsupported);
  if (n.failed()) return;
  TensorId rows = x;
  if (flattens && axis != n.rank(x) - 1) {
    std::vector<int64_t> spec;
    for (int i = 0; i < axis; ++i) spec.push_back(n.same_dim(x, i));
    spec.push_back(-1);
    rows = n.reshape(x, std::move(spec));
  }
  const TensorId largest = n.emit(schema::ArgMaxT{.axis = axis, .keep_dims = true}, {rows});
  std::vector<int64_t> along(static_cast<size_t>(n.rank(rows)), 1);
  if (n.failed()) return;
  along[static_cast<size_t>(axis)] = -1;
  const TensorId places = n.reshape(counted(n, n.dim_of(rows, axis)), along);
  const TensorId hot = n.cast(compare(n, CompareKind::equal, n.cast(largest, DType::kS64), places), DType::kF32);
  n.result(rows == x ? hot : build_reshape_like(n, hot, x));
}

// Beyond the largest finite float.
static void import_is_inf(OnnxNode& n) {
  const TensorId x = n.in(0);
  if (n.at(x).dtype != DType::kF32) return n.fail("needs a float operand", Code::kUnsupported);
  const TensorId above = compare(n, CompareKind::greater, x, n.scalar_like(x, FLT_MAX));
  const TensorId below = compare(n, CompareKind::less, x, n.scalar_like(x, -FLT_MAX));
  const bool positive = n.i("detect_positive", 1) != 0, negative = n.i("detect_negative", 1) != 0;
  if (positive && negative) return n.result(compare(n, CompareKind::logical_or, above, below));
  if (positive || negative) return n.result(positive ? above : below);
  n.result(compare(n, CompareKind::logical_and, above, below));  // never both
}

static constexpr OnnxOp kOnnxMasksRows[] = {
    {"Hardmax", import_hardmax, 1, 1},
    {"IsInf", import_is_inf, 1, 1},
    {"OneHot", import_one_hot, 3, 3},
    {"Trilu", import_trilu, 1, 2},
};
extern constinit const OnnxRows kOnnxMasks{kOnnxMasksRows};

}  // namespace octet::convert
