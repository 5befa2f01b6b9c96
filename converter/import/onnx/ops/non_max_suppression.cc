// NonMaxSuppression (10, 11) and NonZero: ops whose results are as large as the data say.
#include "converter/import/onnx/ops/ops.h"

namespace octet::convert {

static void import_non_max_suppression(OnnxNode& n) {
  std::vector<TensorId> operands = n.inputs;
  if (n.in(2) >= 0) operands[2] = n.cast(n.in(2), DType::kS64);
  n.result(n.emit(schema::NonMaxSuppressionT{.center_point_box = n.i("center_point_box", 0) != 0}, operands));
}

static void import_non_zero(OnnxNode& n) { n.result(n.emit(schema::NonZeroT{}, {n.in(0)})); }

static constexpr OnnxOp kOnnxNonMaxSuppressionRows[] = {
    {"NonMaxSuppression", import_non_max_suppression, 2, 5},
    {"NonZero", import_non_zero, 1, 1},
};
extern constinit const OnnxRows kOnnxNonMaxSuppression{kOnnxNonMaxSuppressionRows};

}  // namespace octet::convert
