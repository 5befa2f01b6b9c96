// MatMul and Gemm (7: broadcast C, 11: C optional).
#include <cmath>

#include "converter/import/build/build.h"
#include "converter/import/onnx/ops/ops.h"

namespace octet::convert {

TensorId build_matmul(SourceNode& n, TensorId a, TensorId b, bool transpose_a, bool transpose_b) {
  if (n.rank(a) < 1 || n.rank(b) < 1) return n.refuse("needs operands of rank 1 or more");
  const bool row = n.rank(a) == 1, column = n.rank(b) == 1;
  if (row) a = n.reshape(a, {1, -1});
  if (column) b = n.reshape(b, {-1, 1});
  const TensorId y =
      n.emit(schema::MatMulT{.transpose_a = transpose_a && !row, .transpose_b = transpose_b && !column}, {a, b});
  if (n.failed() || (!row && !column)) return y;
  std::vector<int64_t> spec;
  for (int i = 0; i < n.rank(y); ++i)
    if (!(row && i == n.rank(y) - 2) && !(column && i == n.rank(y) - 1)) spec.push_back(n.same_dim(y, i));
  return n.reshape(y, std::move(spec));
}

static void import_matmul(OnnxNode& n) { n.result(build_matmul(n, n.in(0), n.in(1))); }

static void import_gemm(OnnxNode& n) {
  const TensorId a = n.in(0), c = n.in(2);
  TensorId b = n.in(1);
  if (!n.need_rank(a, 2) || !n.need_rank(b, 2)) return;
  const float alpha = n.f("alpha", 1), beta = n.f("beta", 1);
  if (!std::isfinite(alpha) || !std::isfinite(beta)) return n.fail("an attribute is not finite");
  const schema::MatMulT op{.transpose_a = n.i("transA", 0) != 0, .transpose_b = n.i("transB", 0) != 0};
  if (alpha != 1) b = n.binary(schema::BinaryKind::mul, b, n.scalar_like(b, alpha));
  TensorId y = n.emit(op, {a, b});
  if (c >= 0 && beta != 0) {
    const TensorId scaled = beta == 1 ? c : n.binary(schema::BinaryKind::mul, c, n.scalar_like(c, beta));
    y = n.binary(schema::BinaryKind::add, y, scaled);
  }
  n.result(y);
}

static constexpr OnnxOp kOnnxMatmulRows[] = {
    {"Gemm", import_gemm, 2, 3},
    {"MatMul", import_matmul, 2, 2},
};
extern constinit const OnnxRows kOnnxMatmul{kOnnxMatmulRows};

}  // namespace octet::convert
