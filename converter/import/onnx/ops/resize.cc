// Resize (10; 11 and 13: roi, scales, sizes; 18: axes, antialias, keep_aspect_ratio_policy; 19: half_pixel_symmetric) and Upsample (7: attribute, 9: operand).
// Only height and width of an NCHW tensor may change.
#include <algorithm>
#include <cmath>

#include "converter/import/build/build.h"
#include "converter/import/onnx/ops/ops.h"
#include "converter/import/onnx/ops/resize_axis.h"

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

constexpr int64_t kMostOfMatrix = 1 << 24;

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

// The one scale by which all fit into the sizes asked for, or cover them.
void keep_ratio(OnnxNode& n, schema::ResizeT& op, const Shape& in, bool cover) {
  if (in[2] < 0 || in[3] < 0)
    return n.fail("keep_aspect_ratio_policy needs an input of known size: give the input's shape", Code::kUnsupported);
  std::vector<float> ratios;
  for (int axis : n.axes(n.ints("axes", {2, 3}), 4))
    if (axis >= 2) ratios.push_back(static_cast<float>(op.size[at(axis - 2)]) / static_cast<float>(in[axis]));
  if (ratios.empty()) return n.fail("resizes no image");
  const float scale =
      cover ? *std::max_element(ratios.begin(), ratios.end()) : *std::min_element(ratios.begin(), ratios.end());
  op.scale = {1, 1};
  for (int axis : n.axes(n.ints("axes", {2, 3}), 4)) {
    if (axis < 2) continue;
    op.scale[at(axis - 2)] = scale;
    op.size[at(axis - 2)] = std::max<int64_t>(1, std::llround(scale * static_cast<float>(in[axis])));
  }
}

void set_sizes(OnnxNode& n, schema::ResizeT& op, const Shape& in, const std::vector<int64_t>& sizes) {
  const auto all = of_all_dims<int64_t>(n, sizes, {in[0], in[1], in[2], in[3]});
  const std::string policy = n.s("keep_aspect_ratio_policy", "stretch");
  const bool stretch = policy == "stretch";
  if (!stretch && policy != "not_larger" && policy != "not_smaller")
    return n.fail("keep_aspect_ratio_policy '" + policy + "' is unknown");
  if (stretch && ((in[0] >= 0 && all[0] != in[0]) || (in[1] >= 0 && all[1] != in[1])))
    return n.fail("resizes batch or channels", Code::kUnsupported);
  op.size = {n.bounded("size", all[2], 1, 1 << 24), n.bounded("size", all[3], 1, 1 << 24)};
  if (!stretch && !n.failed()) keep_ratio(n, op, in, policy == "not_smaller");
}

std::vector<float> float_values(const Tensor& t) { return {t.values<float>().begin(), t.values<float>().end()}; }

bool is_empty(OnnxNode& n, TensorId id) { return id < 0 || (n.is_constant(id) && n.shape(id).elements() == 0); }

// Height and width as they are known: the crop stands in operand 1, for all dims or for `axes`.
std::array<ResizeAxis, 2> axes_of(OnnxNode& n, const schema::ResizeT& op, bool crop) {
  std::array<ResizeAxis, 2> all;
  std::vector<float> roi(8, 0.0f);
  std::fill(roi.begin() + 4, roi.end(), 1.0f);
  if (crop) {
    if (!n.is_constant_floats(n.in(1))) return n.fail("the crop must be constant", Code::kUnsupported), all;
    const std::vector<float> given = float_values(n.at(n.in(1)));
    const std::vector<int> axes = n.axes(n.ints("axes", {0, 1, 2, 3}), 4);
    if (given.size() != 2 * axes.size())
      return n.fail("has a crop of " + std::to_string(given.size()) + " numbers"), all;
    for (size_t i = 0; i < axes.size() && !n.failed(); ++i)
      roi[at(axes[i])] = given[i], roi[4 + at(axes[i])] = given[axes.size() + i];
  }
  for (size_t i = 0; i < 2; ++i) {
    ResizeAxis& a = all[i];
    a = {.in = n.shape(n.in(0))[2 + static_cast<int>(i)], .given_scale = !op.scale.empty(), .crop = crop};
    const float real = static_cast<float>(a.in);
    a.start = roi[2 + i], a.end = roi[6 + i];
    if (a.in < 1) return n.fail("needs an input of known size: give the input's shape", Code::kUnsupported), all;
    a.out = !op.size.empty() ? op.size[i] : static_cast<int64_t>(op.scale[i] * real * (crop ? a.end - a.start : 1));
    a.scale = op.scale.empty() ? static_cast<float>(a.out) / real : op.scale[i];
    a.antialias = n.i("antialias", 0) != 0 && op.mode != ResizeMode::nearest;
    a.exclude_outside = a.antialias && n.i("exclude_outside", 0) != 0;
    if (a.out < 1 || a.out > kMostOfMatrix / a.in)
      return n.fail("resizes " + std::to_string(a.in) + " to " + std::to_string(a.out)), all;
  }
  return all;
}

// By products with what each output has of the inputs, along the rows and along the columns.
TensorId resized_by_matrices(OnnxNode& n, TensorId x, const std::array<ResizeAxis, 2>& axes,
                             const schema::ResizeT& op) {
  for (size_t i : {1, 0}) {
    x = n.emit(schema::MatMulT{.transpose_b = true},
               {x, n.floats({axes[i].out, axes[i].in}, resize_matrix(axes[i], op))});
    x = n.transpose(x, {0, 1, 3, 2});
  }
  const std::vector<bool> rows = outside(axes[0], op), columns = outside(axes[1], op);
  if (!std::count(rows.begin(), rows.end(), true) && !std::count(columns.begin(), columns.end(), true)) return x;
  Tensor mask{
      .name = n.name() + ":outside", .dtype = DType::kBool, .shape = {axes[0].out, axes[1].out}, .constant = true};
  for (bool row : rows)
    for (bool column : columns) mask.data.push_back(static_cast<std::byte>(row || column));
  return n.emit(schema::WhereT{},
                {n.constant(std::move(mask)), n.scalar_like(x, static_cast<double>(n.f("extrapolation_value", 0))), x});
}

// Where ONNX Runtime's floats decide a tie otherwise than exact numbers would: the pixels that it takes. Else nothing.
TensorId resized_by_places(OnnxNode& n, TensorId x, const schema::ResizeT& op) {
  const bool known = n.shape(x)[2] > 0 && n.shape(x)[3] > 0 && (!op.size.empty() || !op.scale.empty());
  if (op.mode != ResizeMode::nearest || !known || op.coordinate_mode == CoordinateMode::align_corners ||
      op.coordinate_mode == CoordinateMode::tf_half_pixel_for_nn)
    return -1;
  const auto axes = axes_of(n, op, false);
  if (n.failed()) return -1;
  bool differs = false;
  for (const ResizeAxis& a : axes) differs = differs || nearest_places(a, op) != runtime_places(a, op);
  if (!differs) return -1;
  for (int i : {0, 1}) x = n.emit(schema::GatherT{.axis = 2 + i}, {x, n.integers(nearest_places(axes[at(i)], op))});
  return x;
}

// Sizes of scales that are computed, as ONNX Runtime rounds them down.
TensorId sizes_of_scales(OnnxNode& n, TensorId x, TensorId scales) {
  const TensorId sizes = n.cast(n.emit(schema::ShapeOfT{}, {x}), DType::kF32);
  const TensorId scaled = n.unary(schema::UnaryKind::floor, n.binary(schema::BinaryKind::mul, sizes, scales));
  return n.slice(n.cast(scaled, DType::kS64), 0, 2, 4);
}

}  // namespace

static void import_resize(OnnxNode& n) {
  const TensorId x = n.in(0);
  if (!n.need_rank(x, 4)) return;
  schema::ResizeT op;
  set_mode(n, op);
  const bool old = n.opset < 11;
  const std::string coordinates = n.s("coordinate_transformation_mode", "half_pixel");
  const bool crop = !old && coordinates == "tf_crop_and_resize";
  op.coordinate_mode = old    ? CoordinateMode::asymmetric
                       : crop ? CoordinateMode::half_pixel
                              : named(n, "coordinate_transformation_mode", kCoordinates, coordinates);
  op.nearest_mode =
      old ? NearestMode::floor : named(n, "nearest_mode", kNearest, n.s("nearest_mode", "round_prefer_floor"));
  op.cubic_a = n.f("cubic_coeff_a", -0.75f);
  if (!std::isfinite(op.cubic_a)) return n.fail("cubic_coeff_a is not finite");
  op.exclude_outside = op.mode == ResizeMode::cubic && n.i("exclude_outside", 0) != 0;
  const bool by_matrices = crop || (n.i("antialias", 0) && op.mode != ResizeMode::nearest);
  const TensorId scales = old ? n.in(1) : n.in(2), sizes = old ? -1 : n.in(3);
  TensorId computed = -1;
  const bool constant = !is_empty(n, scales) ? n.is_constant_floats(scales) : sizes < 0 || n.is_constant(sizes);
  if (!constant && (n.has("axes") || by_matrices))
    return n.fail("computed scales or sizes with axes, antialias or a crop are not supported", Code::kUnsupported);
  if (!is_empty(n, scales)) {
    if (constant)
      set_scales(n, op, float_values(n.at(scales)));
    else
      computed = sizes_of_scales(n, x, scales);
  } else if (is_empty(n, sizes)) {
    return n.fail("has neither scales nor sizes");
  } else if (const auto values = constant_ints(n.g, sizes)) {
    set_sizes(n, op, n.shape(x), *values);
  } else {
    computed = n.slice(n.cast(sizes, DType::kS64), 0, 2, 4);
  }
  if (n.failed()) return;
  if (by_matrices) {
    const auto axes = axes_of(n, op, crop);
    return n.failed() ? void() : n.result(resized_by_matrices(n, x, axes, op));
  }
  if (const TensorId y = resized_by_places(n, x, op); y >= 0 || n.failed()) return n.result(y);
  std::vector<TensorId> operands = {n.nhwc(x)};
  if (computed >= 0) operands.push_back(computed);
  n.result(n.nchw(n.emit(std::move(op), std::move(operands))));
}

static void import_upsample(OnnxNode& n) {
  if (!n.need_rank(n.in(0), 4)) return;
  schema::ResizeT op{.coordinate_mode = CoordinateMode::asymmetric, .nearest_mode = NearestMode::floor};
  set_mode(n, op);
  const TensorId x = n.in(0), scales = n.in(1);
  if (scales >= 0 && !n.is_constant_floats(scales)) {
    const TensorId sizes = sizes_of_scales(n, x, scales);
    return n.result(n.nchw(n.emit(std::move(op), {n.nhwc(x), sizes})));
  }
  set_scales(n, op, scales >= 0 ? float_values(n.at(scales)) : n.float_list("scales", {}));
  n.result(n.nchw(n.emit(std::move(op), {n.nhwc(x)})));
}

static constexpr OnnxOp kOnnxResizeRows[] = {
    {"Resize", import_resize, 1, 4},
    {"Upsample", import_upsample, 1, 2},
};
extern constinit const OnnxRows kOnnxResize{kOnnxResizeRows};

}  // namespace octet::convert
