// The Reduce family (13 for ReduceSum, 18 for the others: axes as operand), ArgMax and ArgMin (12: select_last_index), Softmax and
// LogSoftmax (before 13 over all dims from `axis` on, 13: over `axis`).
#include <algorithm>
#include <cfloat>

#include "converter/import/build/build.h"
#include "converter/import/onnx/ops/ops.h"

namespace octet::convert {

using schema::BinaryKind;
using schema::ReduceKind;
using schema::UnaryKind;

static void import_reduce(OnnxNode& n) {
  static constexpr std::pair<std::string_view, ReduceKind> kKinds[] = {{"ReduceMean", ReduceKind::mean},
                                                                       {"ReduceMax", ReduceKind::max},
                                                                       {"ReduceMin", ReduceKind::min},
                                                                       {"ReduceProd", ReduceKind::prod}};
  const std::string& name = n.proto.op_type();
  ReduceKind kind = ReduceKind::sum;  // ReduceSum, and those that sum what is done first
  for (const auto& [known, k] : kKinds)
    if (known == name) kind = k;
  TensorId x = n.in(0);
  if (n.at(x).dtype != DType::kF32 && name != "ReduceSum" && name != "ReduceProd" && name != "ReduceMax" &&
      name != "ReduceMin")
    return n.fail("needs a float operand", Code::kUnsupported);
  const auto axes = n.in(1) >= 0 ? n.const_ints(1, "the axes") : n.ints("axes", {});
  const bool keep = n.i("keepdims", 1) != 0;
  if (name == "ReduceL1") x = n.unary(UnaryKind::abs, x);
  if (name == "ReduceL2" || name == "ReduceSumSquare") x = n.binary(BinaryKind::mul, x, x);
  const bool nothing = axes.empty() && n.i("noop_with_empty_axes", 0);
  if (!nothing) x = n.emit(schema::ReduceT{.kind = kind, .axes = n.axes(axes, n.rank(x)), .keep_dims = keep}, {x});
  if (name == "ReduceL2") x = n.unary(UnaryKind::sqrt, x);
  n.result(x);
}

// log(sum(exp(x))), past the largest element, so that exp does not overflow: m + log(sum(exp(x - m))). An infinite m is taken for the
// largest float, since the difference of infinities is no number.
static void import_log_sum(OnnxNode& n) {
  const TensorId x = n.in(0);
  if (n.at(x).dtype != DType::kF32) return n.fail("needs a float operand", Code::kUnsupported);
  const auto axes = n.in(1) >= 0 ? n.const_ints(1, "the axes") : n.ints("axes", {});
  const bool keep = n.i("keepdims", 1) != 0, exp = n.proto.op_type() == "ReduceLogSumExp";
  if (axes.empty() && n.i("noop_with_empty_axes", 0)) return n.result(exp ? x : n.unary(UnaryKind::log, x));
  const auto reduced = [&](ReduceKind kind, TensorId of, bool keep_dims) {
    return n.emit(schema::ReduceT{.kind = kind, .axes = n.axes(axes, n.rank(x)), .keep_dims = keep_dims}, {of});
  };
  if (!exp) return n.result(n.unary(UnaryKind::log, reduced(ReduceKind::sum, x, keep)));
  const auto largest = [&](bool keep_dims) {
    const TensorId m = reduced(ReduceKind::max, x, keep_dims);
    const TensorId above = n.binary(BinaryKind::max, m, n.scalar_like(x, -FLT_MAX));
    return n.binary(BinaryKind::min, above, n.scalar_like(x, FLT_MAX));
  };
  const TensorId parts = n.unary(UnaryKind::exp, n.binary(BinaryKind::sub, x, largest(true)));
  const TensorId sum = n.unary(UnaryKind::log, reduced(ReduceKind::sum, parts, keep));
  n.result(n.binary(BinaryKind::add, sum, largest(keep)));
}

static void import_arg_reduce(OnnxNode& n) {
  TensorId x = n.in(0);
  if (n.at(x).dtype != DType::kF32) return n.fail("needs a float operand", Code::kUnsupported);
  if (n.i("select_last_index", 0)) return n.fail("select_last_index is not supported", Code::kUnsupported);
  if (n.proto.op_type() == "ArgMin") x = n.unary(UnaryKind::neg, x);
  const int axis = n.axis(n.i("axis", 0), n.rank(x));
  n.result(n.emit(schema::ArgMaxT{.axis = axis, .keep_dims = n.i("keepdims", 1) != 0}, {x}));
}

static void import_softmax(OnnxNode& n) {
  const TensorId x = n.in(0);
  const Shape s = n.shape(x);
  const bool flattens = n.opset < 13;
  const int axis = n.axis(n.i("axis", flattens ? 1 : -1), s.rank());
  if (n.failed()) return;
  // Dims of size 1 after the axis change nothing, and neither does what stands before it.
  const bool plain = !flattens || std::all_of(s.begin() + axis + 1, s.end(), [](int64_t d) { return d == 1; });
  TensorId y = x;
  if (!plain) {
    std::vector<int64_t> spec;
    for (int i = 0; i < axis; ++i) spec.push_back(n.same_dim(x, i));
    spec.push_back(-1);
    y = n.reshape(y, std::move(spec));
  }
  y = n.emit(schema::SoftmaxT{.axis = axis}, {y});
  if (!plain) y = build_reshape_like(n, y, x);
  if (n.proto.op_type() == "LogSoftmax") y = n.unary(UnaryKind::log, y);
  n.result(y);
}

static void import_cum_sum(OnnxNode& n) {
  const auto axis = n.const_ints(1, "the axis");
  if (!n.failed() && axis.size() != 1) return n.fail("needs one axis, got " + std::to_string(axis.size()));
  if (n.failed()) return;
  n.result(n.emit(schema::CumSumT{.axis = n.axis(axis[0], n.rank(n.in(0))),
                                  .exclusive = n.i("exclusive", 0) != 0,
                                  .reverse = n.i("reverse", 0) != 0},
                  {n.in(0)}));
}

static constexpr OnnxOp kOnnxReduceRows[] = {
    {"ArgMax", import_arg_reduce, 1, 1},    {"ArgMin", import_arg_reduce, 1, 1},
    {"CumSum", import_cum_sum, 2, 2},       {"LogSoftmax", import_softmax, 1, 1},
    {"ReduceL1", import_reduce, 1, 2},      {"ReduceL2", import_reduce, 1, 2},
    {"ReduceLogSum", import_log_sum, 1, 2}, {"ReduceLogSumExp", import_log_sum, 1, 2},
    {"ReduceMax", import_reduce, 1, 2},     {"ReduceMean", import_reduce, 1, 2},
    {"ReduceMin", import_reduce, 1, 2},     {"ReduceProd", import_reduce, 1, 2},
    {"ReduceSum", import_reduce, 1, 2},     {"ReduceSumSquare", import_reduce, 1, 2},
    {"Softmax", import_softmax, 1, 1},
};
extern constinit const OnnxRows kOnnxReduce{kOnnxReduceRows};

}  // namespace octet::convert
