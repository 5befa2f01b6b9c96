// Comparisons and logic, where, where_index, top_k, argsort, gather_nd, range.
#include <algorithm>
#include <cmath>

#include "converter/import/build/build.h"
#include "converter/import/paddle/ops/ops.h"

namespace octet::convert {
namespace {

using schema::CompareKind;

TensorId inverted(PaddleNode& n, TensorId x) {
  Tensor no{.name = "no", .dtype = DType::kBool, .constant = true};
  no.data.resize(1);
  return n.emit(schema::CompareT{.kind = CompareKind::equal}, {x, n.constant(std::move(no))});
}

}  // namespace

static void import_paddle_compare(PaddleNode& n) {
  static constexpr std::pair<std::string_view, CompareKind> kKinds[] = {{"equal", CompareKind::equal},
                                                                        {"not_equal", CompareKind::equal},
                                                                        {"less_than", CompareKind::less},
                                                                        {"less_equal", CompareKind::less_equal},
                                                                        {"greater_than", CompareKind::greater},
                                                                        {"greater_equal", CompareKind::greater_equal},
                                                                        {"logical_and", CompareKind::logical_and},
                                                                        {"logical_or", CompareKind::logical_or},
                                                                        {"logical_xor", CompareKind::logical_xor}};
  const auto [x, y] = paddle_operands(n);
  for (const auto& [name, kind] : kKinds) {
    if (name != n.type()) continue;
    const TensorId out = n.emit(schema::CompareT{.kind = kind}, {x, y});
    return n.result("Out", name == "not_equal" ? inverted(n, out) : out);
  }
}

static void import_paddle_logical_not(PaddleNode& n) { n.result("Out", inverted(n, n.cast(n.in("X"), DType::kBool))); }

static void import_paddle_where(PaddleNode& n) {
  const auto [x, y] = paddle_operands(n);
  n.result("Out", n.emit(schema::WhereT{}, {n.in("Condition"), x, y}));
}

static void import_paddle_where_index(PaddleNode& n) {
  n.result("Out", n.transpose(n.emit(schema::NonZeroT{}, {n.in("Condition")}), {1, 0}));
}

static void import_paddle_top_k(PaddleNode& n) {
  const TensorId x = n.in("X"), given = n.in("K");
  const schema::TopKT op{.axis = n.axis(n.i("axis", -1), n.rank(x)), .largest = n.b("largest", true)};
  const TensorId k =
      given >= 0 ? n.reshape(n.cast(given, DType::kS64), {1}) : n.integers(std::array<int64_t, 1>{n.i("k", 1)});
  const auto out = n.emit_all(op, {x, k});
  n.result("Out", out[0]);
  n.result("Indices", out[1]);
}

static void import_paddle_argsort(PaddleNode& n) {
  const TensorId x = n.in("X");
  const int axis = n.axis(n.i("axis", -1), n.rank(x));
  const TensorId all = n.dim_of(x, axis);
  const auto out = n.emit_all(schema::TopKT{.axis = axis, .largest = n.b("descending", false)}, {x, all});
  n.result("Out", out[0]);
  n.result("Indices", out[1]);
}

static void import_paddle_gather_nd(PaddleNode& n) {
  n.result("Out", n.emit(schema::GatherNdT{}, {n.in("X"), n.cast(n.in("Index"), DType::kS64)}));
}

static void import_paddle_range(PaddleNode& n) {
  n.result("Out", build_range(n, n.in("Start"), n.in("End"), n.in("Step")));
}

static constexpr PaddleOp kPaddleChooseRows[] = {
    {"argsort", import_paddle_argsort, {"X"}},
    {"equal", import_paddle_compare, {"X", "Y"}},
    {"gather_nd", import_paddle_gather_nd, {"X", "Index"}},
    {"greater_equal", import_paddle_compare, {"X", "Y"}},
    {"greater_than", import_paddle_compare, {"X", "Y"}},
    {"less_equal", import_paddle_compare, {"X", "Y"}},
    {"less_than", import_paddle_compare, {"X", "Y"}},
    {"logical_and", import_paddle_compare, {"X", "Y"}},
    {"logical_not", import_paddle_logical_not, {"X"}},
    {"logical_or", import_paddle_compare, {"X", "Y"}},
    {"logical_xor", import_paddle_compare, {"X", "Y"}},
    {"not_equal", import_paddle_compare, {"X", "Y"}},
    {"range", import_paddle_range, {"Start", "End", "Step"}},
    {"top_k", import_paddle_top_k, {"X"}},
    {"top_k_v2", import_paddle_top_k, {"X"}},
    {"where", import_paddle_where, {"Condition", "X", "Y"}},
    {"where_index", import_paddle_where_index, {"Condition"}},
};
extern constinit const PaddleRows kPaddleChoose{kPaddleChooseRows};

}  // namespace octet::convert
