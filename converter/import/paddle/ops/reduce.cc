// reduce_*, mean, p_norm, arg_max, cumsum.
#include <numeric>

#include "converter/import/build/build.h"
#include "converter/import/paddle/ops/ops.h"

namespace octet::convert {

using schema::ReduceKind;

static void import_paddle_reduce(PaddleNode& n) {
  static constexpr std::pair<std::string_view, ReduceKind> kKinds[] = {
      {"reduce_mean", ReduceKind::mean}, {"mean", ReduceKind::mean},      {"reduce_sum", ReduceKind::sum},
      {"reduce_max", ReduceKind::max},   {"reduce_min", ReduceKind::min}, {"reduce_prod", ReduceKind::prod}};
  const TensorId x = n.in("X");
  schema::ReduceT op;
  for (const auto& [name, kind] : kKinds)
    if (name == n.type()) op.kind = kind;
  op.keep_dims = n.b("keep_dim", false);
  const bool all = n.type() == "mean" || n.b("reduce_all", false);
  if (!all) op.axes = n.axes(n.ints("dim", {0}), n.rank(x));
  TensorId y = n.emit(std::move(op), {x});
  if (!n.failed() && n.rank(y) == 0 && !n.has_scalars()) y = n.reshape(y, {1});
  n.result("Out", y);
}

// 0 and 1 have a least and a largest.
static void import_paddle_reduce_logical(PaddleNode& n) {
  const TensorId x = n.cast(n.cast(n.in("X"), DType::kBool), DType::kF32);
  schema::ReduceT op{.kind = n.type() == "reduce_all" ? ReduceKind::min : ReduceKind::max,
                     .keep_dims = n.b("keep_dim", false)};
  if (!n.b("reduce_all", false)) op.axes = n.axes(n.ints("dim", {0}), n.rank(x));
  TensorId y = n.emit(std::move(op), {x});
  if (!n.failed() && n.rank(y) == 0 && !n.has_scalars()) y = n.reshape(y, {1});
  n.result("Out", n.cast(y, DType::kBool));
}

static void import_paddle_p_norm(PaddleNode& n) {
  const float p = n.f("porder", 2);
  if (p != 1 && p != 2) return n.fail("porder " + std::to_string(p) + " is not supported", Code::kUnsupported);
  TensorId x = n.in("X");
  schema::ReduceT op{.kind = ReduceKind::sum, .keep_dims = n.b("keepdim", false)};
  if (!n.b("asvector", false)) op.axes = {n.axis(n.i("axis", -1), n.rank(x))};
  x = p == 1 ? n.unary(schema::UnaryKind::abs, x) : n.binary(schema::BinaryKind::mul, x, x);
  x = n.emit(std::move(op), {x});
  n.result("Out", p == 1 ? x : n.unary(schema::UnaryKind::sqrt, x));
}

static void import_paddle_arg_max(PaddleNode& n) {
  TensorId x = n.in("X");
  if (n.at(x).dtype != DType::kF32) x = n.cast(x, DType::kF32);
  if (n.type() == "arg_min") x = n.unary(schema::UnaryKind::neg, x);
  const bool flat = n.b("flatten", false);
  if (flat) x = n.reshape(x, {-1});
  const int axis = n.axis(flat ? 0 : n.i("axis", -1), n.rank(x));
  const bool keep = n.b("keepdims", false);
  TensorId y = n.emit(schema::ArgMaxT{.axis = axis, .keep_dims = keep}, {x});
  if (!n.failed() && n.rank(y) == 0 && !n.has_scalars()) y = n.reshape(y, {1});
  n.result("Out", y);
}

static void import_paddle_cumsum(PaddleNode& n) {
  if (n.in("AxisTensor") >= 0) return n.fail("a computed axis is not supported", Code::kUnsupported);
  TensorId x = n.in("X");
  const bool flat = n.b("flatten", false);
  if (flat) x = n.reshape(x, {-1});
  n.result("Out", n.emit(schema::CumSumT{.axis = n.axis(flat ? 0 : n.i("axis", -1), n.rank(x)),
                                         .exclusive = n.b("exclusive", false),
                                         .reverse = n.b("reverse", false)},
                         {x}));
}

static constexpr PaddleOp kPaddleReduceRows[] = {
    {"arg_max", import_paddle_arg_max, {"X"}},
    {"arg_min", import_paddle_arg_max, {"X"}},
    {"cumsum", import_paddle_cumsum, {"X"}},
    {"mean", import_paddle_reduce, {"X"}},
    {"p_norm", import_paddle_p_norm, {"X"}},
    {"reduce_all", import_paddle_reduce_logical, {"X"}},
    {"reduce_any", import_paddle_reduce_logical, {"X"}},
    {"reduce_max", import_paddle_reduce, {"X"}},
    {"reduce_mean", import_paddle_reduce, {"X"}},
    {"reduce_min", import_paddle_reduce, {"X"}},
    {"reduce_prod", import_paddle_reduce, {"X"}},
    {"reduce_sum", import_paddle_reduce, {"X"}},
};
extern constinit const PaddleRows kPaddleReduce{kPaddleReduceRows};

}  // namespace octet::convert
