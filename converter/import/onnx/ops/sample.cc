// GridSample (16: bilinear, 20: linear) of images; GatherElements, ScatterElements and ScatterND (16: reductions, 18: max, min).
#include "converter/import/build/build.h"
#include "converter/import/onnx/ops/ops.h"

namespace octet::convert {
namespace {

using schema::ScatterReduction;

ScatterReduction reduction_of(OnnxNode& n) {
  static constexpr std::pair<std::string_view, ScatterReduction> kKinds[] = {{"none", ScatterReduction::none},
                                                                             {"add", ScatterReduction::add},
                                                                             {"mul", ScatterReduction::mul},
                                                                             {"max", ScatterReduction::max},
                                                                             {"min", ScatterReduction::min}};
  const std::string given = n.s("reduction", "none");
  for (const auto& [name, kind] : kKinds)
    if (name == given) return kind;
  n.fail("the reduction '" + given + "' is unknown");
  return ScatterReduction::none;
}

}  // namespace

TensorId build_grid_sample(SourceNode& n, TensorId x, TensorId places, const std::string& mode,
                           const std::string& padding, bool align_corners) {
  if (!n.need_rank(x, 4) || !n.need_rank(places, 4)) return -1;
  schema::GridSampleT op{.align_corners = align_corners};
  if (mode == "nearest")
    op.mode = schema::SampleMode::nearest;
  else if (mode != "bilinear" && mode != "linear")
    return n.refuse("mode '" + mode + "' is not supported", Code::kUnsupported);
  if (padding == "border")
    op.padding = schema::SamplePadding::border;
  else if (padding == "reflection")
    op.padding = schema::SamplePadding::reflection;
  else if (padding != "zeros")
    return n.refuse("padding mode '" + padding + "' is unknown");
  return n.nchw(n.emit(op, {n.nhwc(x), places}));
}

static void import_grid_sample(OnnxNode& n) {
  n.result(build_grid_sample(n, n.in(0), n.in(1), n.s("mode", "bilinear"), n.s("padding_mode", "zeros"),
                             n.i("align_corners", 0) != 0));
}

static void import_gather_elements(OnnxNode& n) {
  const int axis = n.axis(n.i("axis", 0), n.rank(n.in(0)));
  n.result(n.emit(schema::GatherElementsT{.axis = axis}, {n.in(0), n.cast(n.in(1), DType::kS64)}));
}

static void import_scatter_elements(OnnxNode& n) {
  const schema::ScatterElementsT op{.axis = n.axis(n.i("axis", 0), n.rank(n.in(0))), .reduction = reduction_of(n)};
  n.result(n.emit(op, {n.in(0), n.cast(n.in(1), DType::kS64), n.in(2)}));
}

static void import_scatter_nd(OnnxNode& n) {
  n.result(n.emit(schema::ScatterNdT{.reduction = reduction_of(n)}, {n.in(0), n.cast(n.in(1), DType::kS64), n.in(2)}));
}

static constexpr OnnxOp kOnnxSampleRows[] = {
    {"GatherElements", import_gather_elements, 2, 2}, {"GridSample", import_grid_sample, 2, 2},
    {"Scatter", import_scatter_elements, 3, 3},       {"ScatterElements", import_scatter_elements, 3, 3},
    {"ScatterND", import_scatter_nd, 3, 3},
};
extern constinit const OnnxRows kOnnxSample{kOnnxSampleRows};

}  // namespace octet::convert
