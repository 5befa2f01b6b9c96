// matmul_v2, matmul, bmm, mul, fc, softmax.
#include "converter/import/build/build.h"
#include "converter/import/paddle/ops/ops.h"

namespace octet::convert {
namespace {

using schema::BinaryKind;

// [leading dims.., the rest as one]: nothing to do where the rest is one dim.
TensorId flattened_from(PaddleNode& n, TensorId x, int64_t columns) {
  if (columns < 1 || columns >= n.rank(x))
    return n.refuse("cannot flatten " + n.shape(x).text() + " at dim " + std::to_string(columns));
  if (columns == n.rank(x) - 1) return x;
  std::vector<int64_t> spec;
  for (int i = 0; i < columns; ++i) spec.push_back(n.same_dim(x, i));
  spec.push_back(-1);
  return n.reshape(x, std::move(spec));
}

// Y as a matrix.
TensorId matrix(PaddleNode& n, TensorId y, int64_t columns) {
  const Shape s = n.shape(y);
  if (s.rank() == 2 && columns == 1) return y;
  if (s.elements() < 0 || columns < 1 || columns >= s.rank())
    return n.refuse("cannot flatten " + s.text() + " at dim " + std::to_string(columns), Code::kUnsupported);
  int64_t rows = 1;
  for (int i = 0; i < columns; ++i) rows *= s[i];
  return n.reshape(y, {rows, -1});
}

}  // namespace

static void import_paddle_matmul(PaddleNode& n) {
  const bool v1 = n.type() == "matmul";
  for (const char* fused : {"fused_reshape_X", "fused_reshape_Y", "fused_reshape_Out", "fused_transpose_Out"})
    if (!n.ints(fused, {}).empty()) return n.fail(std::string(fused) + " is not supported", Code::kUnsupported);
  const bool transpose_x = n.b(v1 ? "transpose_X" : "trans_x", false);
  const bool transpose_y = n.b(v1 ? "transpose_Y" : "trans_y", false);
  const float alpha = v1 ? n.f("alpha", 1) : 1;
  TensorId y = n.in("Y");
  if (alpha != 1) y = n.binary(BinaryKind::mul, y, n.scalar_like(y, alpha));
  n.result("Out", build_matmul(n, n.in("X"), y, transpose_x, transpose_y));
}

static void import_paddle_mul(PaddleNode& n) {
  const TensorId x = flattened_from(n, n.in("X"), n.i("x_num_col_dims", 1));
  n.result("Out", build_matmul(n, x, matrix(n, n.in("Y"), n.i("y_num_col_dims", 1))));
}

static void import_paddle_fc(PaddleNode& n) {
  const TensorId x = flattened_from(n, n.in("Input"), n.i("in_num_col_dims", 1));
  TensorId y = build_matmul(n, x, n.in("W"));
  if (n.in("Bias") >= 0) y = n.binary(BinaryKind::add, y, n.reshape(n.in("Bias"), {-1}));
  const std::string act = n.s("activation_type", "");
  n.result("Out", act.empty() ? y : paddle_activation(n, act, y));
}

static void import_paddle_softmax(PaddleNode& n) {
  const TensorId x = n.in("X");
  TensorId y = n.emit(schema::SoftmaxT{.axis = n.axis(n.i("axis", -1), n.rank(x))}, {x});
  if (n.type() == "log_softmax") y = n.unary(schema::UnaryKind::log, y);
  n.result("Out", y);
}

static constexpr PaddleOp kPaddleMatmulRows[] = {
    {"bmm", import_paddle_matmul, {"X", "Y"}},       {"fc", import_paddle_fc, {"Input", "W"}},
    {"log_softmax", import_paddle_softmax, {"X"}},   {"matmul", import_paddle_matmul, {"X", "Y"}},
    {"matmul_v2", import_paddle_matmul, {"X", "Y"}}, {"mul", import_paddle_mul, {"X", "Y"}},
    {"softmax", import_paddle_softmax, {"X"}},
};
extern constinit const PaddleRows kPaddleMatmul{kPaddleMatmulRows};

}  // namespace octet::convert
