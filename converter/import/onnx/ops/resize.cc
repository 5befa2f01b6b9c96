// Resize (10; 11 and 13: roi, scales, sizes; 18: axes, antialias; 19: half_pixel_symmetric) and Upsample (7: attribute, 9: operand).
// Only height and width of an NCHW tensor may change.
#include <algorithm>
#include <cmath>

#include "converter/import/onnx/ops/ops.h"

namespace octet::convert {
namespace {

using schema::CoordinateMode;
using schema::NearestMode;
using schema::ResizeMode;

constexpr std::pair<std::string_view, CoordinateMode> kCoordinates[] = {
    {"half_pixel", CoordinateMode::half_pixel},
    {"pytorch_half_pixel", CoordinateMode::pytorch_half_pixel},
    {"align_corners", CoordinateMode::align_corners},
    {"asymmetric", CoordinateMode::asymmetric},
    {"tf_half_pixel_for_nn", CoordinateMode::tf_half_pixel_for_nn},
    {"half_pixel_symmetric", CoordinateMode::half_pixel_symmetric}};
constexpr std::pair<std::string_view, NearestMode> kNearest[] = {
    {"round_prefer_floor", NearestMode::round_prefer_floor},
    {"round_prefer_ceil", NearestMode::round_prefer_ceil},
    {"floor", NearestMode::floor},
    {"ceil", NearestMode::ceil}};

template <class T, size_t N>
T named(OnnxNode& n, const char* attribute, const std::pair<std::string_view, T> (&table)[N],
        const std::string& value) {
  for (const auto& [name, t] : table)
    if (name == value) return t;
  n.fail(std::string(attribute) + " '" + value + "' is not supported", Code::kUnsupported);
  return table[0].second;
}

void set_mode(OnnxNode& n, schema::ResizeT& op) {
  const std::string mode = n.s("mode", "nearest");
  if (mode == "linear" || mode == "bilinear")
    op.mode = ResizeMode::linear;
  else if (mode == "cubic" && n.opset >= 11)
    op.mode = ResizeMode::cubic;
  else if (mode != "nearest")
    n.fail("mode '" + mode + "' is not supported", Code::kUnsupported);
}

// Values for each dim, given for all of them or for `axes`; the others keep `same`.
template <class T>
std::array<T, 4> of_all_dims(OnnxNode& n, const std::vector<T>& values, std::array<T, 4> same) {
  const std::vector<int> axes = n.axes(n.ints("axes", {0, 1, 2, 3}), 4);
  if (axes.size() != values.size())
    n.fail("has " + std::to_string(values.size()) + " scales or sizes for " + std::to_string(axes.size()) + " dims");
  for (size_t i = 0; i < axes.size() && !n.failed(); ++i) same[static_cast<size_t>(axes[i])] = values[i];
  return same;
}

void set_scales(OnnxNode& n, schema::ResizeT& op, const std::vector<float>& scales) {
  const auto all = of_all_dims<float>(n, scales, {1, 1, 1, 1});
  if (all[0] != 1 || all[1] != 1) return n.fail("resizes batch or channels", Code::kUnsupported);
  for (size_t i = 2; i < 4; ++i)
    if (!(all[i] > 0 && all[i] <= 4096)) return n.fail("a scale of " + std::to_string(all[i]));
  op.scale = {all[2], all[3]};
}

void set_sizes(OnnxNode& n, schema::ResizeT& op, const Shape& in, const std::vector<int64_t>& sizes) {
  const auto all = of_all_dims<int64_t>(n, sizes, {in[0], in[1], in[2], in[3]});
  if ((in[0] >= 0 && all[0] != in[0]) || (in[1] >= 0 && all[1] != in[1]))
    return n.fail("resizes batch or channels", Code::kUnsupported);
  op.size = {n.bounded("size", all[2], 1, 1 << 24), n.bounded("size", all[3], 1, 1 << 24)};
}

std::vector<float> float_values(const Tensor& t) { return {t.values<float>().begin(), t.values<float>().end()}; }

bool is_empty(OnnxNode& n, TensorId id) { return id < 0 || (n.is_constant(id) && n.shape(id).elements() == 0); }

}  // namespace

static void import_resize(OnnxNode& n) {
  const TensorId x = n.in(0);
  if (!n.need_rank(x, 4)) return;
  schema::ResizeT op;
  set_mode(n, op);
  const bool old = n.opset < 11;
  op.coordinate_mode = old ? CoordinateMode::asymmetric
                           : named(n, "coordinate_transformation_mode", kCoordinates,
                                   n.s("coordinate_transformation_mode", "half_pixel"));
  op.nearest_mode =
      old ? NearestMode::floor : named(n, "nearest_mode", kNearest, n.s("nearest_mode", "round_prefer_floor"));
  op.cubic_a = n.f("cubic_coeff_a", -0.75f);
  if (!std::isfinite(op.cubic_a)) return n.fail("cubic_coeff_a is not finite");
  op.exclude_outside = op.mode == ResizeMode::cubic && n.i("exclude_outside", 0) != 0;
  if (n.i("antialias", 0)) return n.fail("antialias is not supported", Code::kUnsupported);
  if (n.s("keep_aspect_ratio_policy", "stretch") != "stretch")
    return n.fail("keep_aspect_ratio_policy is not supported", Code::kUnsupported);
  const TensorId scales = old ? n.in(1) : n.in(2), sizes = old ? -1 : n.in(3);
  std::vector<TensorId> operands = {n.nhwc(x)};
  if (!is_empty(n, scales)) {
    if (!n.is_constant(scales) || n.at(scales).dtype != DType::kF32)
      return n.fail("scales must be constant floats", Code::kUnsupported);
    set_scales(n, op, float_values(n.at(scales)));
  } else if (is_empty(n, sizes)) {
    return n.fail("has neither scales nor sizes");
  } else if (const auto values = constant_ints(n.g, sizes)) {
    set_sizes(n, op, n.shape(x), *values);
  } else {
    if (n.has("axes")) return n.fail("computed sizes with axes are not supported", Code::kUnsupported);
    operands.push_back(n.slice(n.cast(sizes, DType::kS64), 0, 2, 4));
  }
  n.result(n.nchw(n.emit(std::move(op), std::move(operands))));
}

static void import_upsample(OnnxNode& n) {
  if (!n.need_rank(n.in(0), 4)) return;
  schema::ResizeT op{.coordinate_mode = CoordinateMode::asymmetric, .nearest_mode = NearestMode::floor};
  set_mode(n, op);
  std::vector<float> scales;
  if (n.in(1) >= 0) {
    if (!n.is_constant(n.in(1)) || n.at(n.in(1)).dtype != DType::kF32)
      return n.fail("scales must be constant floats", Code::kUnsupported);
    scales = float_values(n.at(n.in(1)));
  } else {
    for (const auto& a : n.proto.attribute())
      if (a.name() == "scales") scales.assign(a.floats().begin(), a.floats().end());
  }
  set_scales(n, op, scales);
  n.result(n.nchw(n.emit(std::move(op), {n.nhwc(n.in(0))})));
}

static constexpr OnnxOp kOnnxResizeRows[] = {
    {"Resize", import_resize, 1, 4},
    {"Upsample", import_upsample, 1, 2},
};
extern constinit const OnnxRows kOnnxResize{kOnnxResizeRows};

}  // namespace octet::convert
