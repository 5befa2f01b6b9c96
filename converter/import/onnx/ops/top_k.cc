// TopK (10: k as operand, 11: smallest, sorted). Results are always sorted: without `sorted` any order will do.
#include "converter/import/onnx/ops/ops.h"

namespace octet::convert {

static void import_top_k(OnnxNode& n) {
  schema::TopKT op{.axis = n.axis(n.i("axis", -1), n.rank(n.in(0))), .largest = n.i("largest", 1) != 0};
  const bool attribute = n.opset < 10;
  if (!attribute && n.in(1) < 0) return n.fail("has no k");
  const TensorId k = attribute ? n.integers(std::array{n.i("k", 0)}) : n.cast(n.in(1), DType::kS64);
  for (TensorId t : n.emit_all(std::move(op), {n.in(0), k})) n.result(t);
}

static constexpr OnnxOp kOnnxTopKRows[] = {
    {"TopK", import_top_k, 1, 2},
};
extern constinit const OnnxRows kOnnxTopK{kOnnxTopKRows};

}  // namespace octet::convert
