// Ops that only name dims anew: Reshape (14: allowzero), Flatten, Squeeze and Unsqueeze (13: axes as operand), Shape (15: start
// and end), Expand, and the constants Constant and ConstantOfShape.
#include <algorithm>
#include <climits>
#include <cmath>

#include "converter/import/build/build.h"
#include "converter/import/onnx/ops/ops.h"
#include "converter/import/onnx/tensor.h"

namespace octet::convert {
TensorId build_reshape_like(SourceNode& n, TensorId x, TensorId like) {
  if (const auto spec = reshape_spec(n.shape(x), n.shape(like)); spec && !spec->empty()) return n.reshape(x, *spec);
  return n.emit(schema::ReshapeT{}, {x, n.emit(schema::ShapeOfT{}, {like})});
}

TensorId build_squeeze(SourceNode& n, TensorId x, const std::vector<int>& axes) {
  std::vector<int64_t> spec;
  for (int i = 0; i < n.rank(x); ++i) {
    const bool goes = std::count(axes.begin(), axes.end(), i) > 0;
    if (goes && n.shape(x)[i] > 1) return n.refuse("cannot squeeze " + n.shape(x).text());
    if (!goes) spec.push_back(n.same_dim(x, i));
  }
  return n.reshape(x, std::move(spec));
}

TensorId build_unsqueeze(SourceNode& n, TensorId x, const std::vector<int64_t>& raw) {
  if (raw.size() + static_cast<size_t>(n.rank(x)) > static_cast<size_t>(kMaxRank)) return n.refuse("more than 8 dims");
  const int rank = n.rank(x) + static_cast<int>(raw.size());
  const std::vector<int> axes = n.axes(raw, rank);
  std::vector<int64_t> spec;
  for (int i = 0, from = 0; i < rank && !n.failed(); ++i) {
    const bool added = std::count(axes.begin(), axes.end(), i) > 0;
    if (!added && from >= n.rank(x)) return n.refuse("an axis is given twice");
    spec.push_back(added ? 1 : n.same_dim(x, from++));
  }
  return n.failed() ? -1 : n.reshape(x, std::move(spec));
}

std::vector<int> axes_of_ones(SourceNode& n, TensorId x) {
  std::vector<int> axes;
  for (int i = 0; i < n.rank(x); ++i) {
    if (n.shape(x)[i] < 0) n.fail("without axes needs known sizes: give the input's shape", Code::kUnsupported);
    if (n.shape(x)[i] == 1) axes.push_back(i);
  }
  return axes;
}

static void import_reshape(OnnxNode& n) {
  const bool allow_zero = n.i("allowzero", 0) != 0;
  const auto shape = constant_ints(n.g, n.in(1));
  if (!shape) {
    if (allow_zero) return n.fail("allowzero with a computed shape is not supported", Code::kUnsupported);
    return n.result(n.emit(schema::ReshapeT{}, {n.in(0), n.cast(n.in(1), DType::kS64)}));
  }
  std::vector<int64_t> spec = *shape;
  for (size_t i = 0; i < spec.size(); ++i) {
    if (spec[i] < -1) return n.fail("a size of " + std::to_string(spec[i]));
    if (spec[i] != 0 || allow_zero) continue;
    if (static_cast<int>(i) >= n.rank(n.in(0)))
      return n.fail("copies a dim that the input " + n.shape(n.in(0)).text() + " does not have");
    spec[i] = n.same_dim(n.in(0), static_cast<int>(i));
  }
  n.result(n.reshape(n.in(0), std::move(spec)));
}

static void import_flatten(OnnxNode& n) {
  const Shape s = n.shape(n.in(0));
  const int64_t given = n.i("axis", 1);
  if (given < -s.rank() || given > s.rank()) return n.fail("axis " + std::to_string(given) + " is out of range");
  const int64_t axis = given < 0 ? given + s.rank() : given;
  const Shape front(std::span(s.begin(), static_cast<size_t>(axis))), back(std::span(s.begin() + axis, s.end()));
  if (front.elements() < 0 && axis == 1) return n.result(n.reshape(n.in(0), {-2, -1}));
  if (front.elements() < 0 && back.elements() < 0)
    return n.fail("needs known sizes: give the input's shape", Code::kUnsupported);
  n.result(n.reshape(n.in(0), {front.elements(), back.elements()}));
}

static void import_squeeze(OnnxNode& n) {
  const TensorId x = n.in(0);
  const bool given = n.in(1) >= 0 || n.has("axes");
  const std::vector<int64_t> raw = n.in(1) >= 0 ? n.const_ints(1, "the axes") : n.ints("axes", {});
  if (n.proto.op_type() == "Unsqueeze") return given ? n.result(build_unsqueeze(n, x, raw)) : n.fail("has no axes");
  n.result(build_squeeze(n, x, given ? n.axes(raw, n.rank(x)) : axes_of_ones(n, x)));
}

static void import_shape(OnnxNode& n) {
  auto bound = [](int64_t v) { return static_cast<int>(std::clamp<int64_t>(v, INT_MIN, INT_MAX)); };
  n.result(n.emit(schema::ShapeOfT{.start = bound(n.i("start", 0)), .end = bound(n.i("end", INT_MAX))}, {n.in(0)}));
}

static void import_size(OnnxNode& n) {
  const TensorId sizes = n.emit(schema::ShapeOfT{}, {n.in(0)});
  n.result(n.emit(schema::ReduceT{.kind = schema::ReduceKind::prod, .axes = {0}}, {sizes}));
}

static void import_expand(OnnxNode& n) { n.result(n.emit(schema::ExpandT{}, {n.in(0), n.cast(n.in(1), DType::kS64)})); }

static void import_range(OnnxNode& n) { n.result(build_range(n, n.in(0), n.in(1), n.in(2))); }

static void import_constant(OnnxNode& n) {
  for (const auto& a : n.proto.attribute()) {
    if (a.name() == "value") {
      auto t = read_tensor(a.t(), n.files);
      if (!t) return n.fail("its value " + t.error().text, t.error().code);
      return n.result(n.constant(std::move(*t)));
    }
    if ((a.name() == "value_float" && std::isnan(a.f())) ||
        std::any_of(a.floats().begin(), a.floats().end(), [](float v) { return std::isnan(v); }))
      return n.fail("holds a value that is not a number");
    const std::vector<float> floats(a.floats().begin(), a.floats().end());
    const std::vector<int64_t> ints(a.ints().begin(), a.ints().end());
    if (a.name() == "value_float") return n.result(n.floats({}, std::array{a.f()}));
    if (a.name() == "value_floats") return n.result(n.floats({static_cast<int64_t>(floats.size())}, floats));
    if (a.name() == "value_int")
      return n.result(n.constant(make_constant<int64_t>(n.proto.name(), {}, std::array{a.i()})));
    if (a.name() == "value_ints") return n.result(n.integers(ints));
  }
  n.fail("has no value of a supported kind", Code::kUnsupported);
}

static void import_constant_of_shape(OnnxNode& n) {
  Tensor value = make_constant<float>(n.proto.name(), {}, std::array{0.0f});
  for (const auto& a : n.proto.attribute()) {
    if (a.name() != "value") continue;
    auto t = read_tensor(a.t(), n.files);
    if (!t || t->shape.elements() != 1) return n.fail("its value " + (t ? "must be one number" : t.error().text));
    value = *t;
    value.shape = {};
  }
  n.result(n.emit(schema::ExpandT{}, {n.constant(std::move(value)), n.cast(n.in(0), DType::kS64)}));
}

static constexpr OnnxOp kOnnxShapeOpsRows[] = {
    {"Constant", import_constant, 0, 0}, {"ConstantOfShape", import_constant_of_shape, 1, 1},
    {"Expand", import_expand, 2, 2},     {"Flatten", import_flatten, 1, 1},
    {"Range", import_range, 3, 3},       {"Reshape", import_reshape, 2, 2},
    {"Size", import_size, 1, 1},         {"Shape", import_shape, 1, 1},
    {"Squeeze", import_squeeze, 1, 2},   {"Unsqueeze", import_squeeze, 1, 2},
};
extern constinit const OnnxRows kOnnxShapeOps{kOnnxShapeOpsRows};

}  // namespace octet::convert
