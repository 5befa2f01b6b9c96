// Ops that only name dims anew, and the shape op. Sizes may be attributes, one operand, or an operand each.
#include <algorithm>

#include "converter/import/build/build.h"
#include "converter/import/paddle/ops/ops.h"

namespace octet::convert {

static void import_paddle_reshape(PaddleNode& n) {
  const TensorId x = n.in("X");
  if (n.all("ShapeTensor").empty() && n.in("Shape") < 0) {
    std::vector<int64_t> spec = n.ints("shape", {});
    for (size_t i = 0; i < spec.size(); ++i) {
      if (spec[i] < -1) return n.fail("a size of " + std::to_string(spec[i]));
      if (spec[i] != 0) continue;
      if (static_cast<int>(i) >= n.rank(x))
        return n.fail("copies a dim that the input " + n.shape(x).text() + " does not have");
      spec[i] = n.same_dim(x, static_cast<int>(i));
    }
    return n.result("Out", n.reshape(x, std::move(spec)));
  }
  n.result("Out", n.emit(schema::ReshapeT{}, {x, n.integers_of("Shape", "ShapeTensor", "shape")}));
}

static void import_paddle_flatten(PaddleNode& n) {
  const TensorId x = n.in("X");
  const Shape s = n.shape(x);
  const bool range = n.type() == "flatten_contiguous_range";
  if (s.rank() == 0) return n.result("Out", n.reshape(x, {1}));
  if (!range) {  // to a matrix, whose rows are the dims before the axis
    const int64_t axis = n.i("axis", 1);
    const Shape front(std::span(s.begin(), static_cast<size_t>(n.bounded("axis", axis, 0, s.rank()))));
    if (axis == 1) return n.result("Out", n.reshape(x, {n.same_dim(x, 0), -1}));
    if (front.elements() < 0) return n.fail("needs known sizes: give the input's shape", Code::kUnsupported);
    return n.result("Out", n.reshape(x, {front.elements(), -1}));
  }
  const int start = n.axis(n.i("start_axis", 1), s.rank()), stop = n.axis(n.i("stop_axis", 1), s.rank());
  if (n.failed() || stop < start) return n.fail("flattens no dims");
  std::vector<int64_t> spec;
  for (int i = 0; i < start; ++i) spec.push_back(n.same_dim(x, i));
  spec.push_back(start == stop ? n.same_dim(x, start) : -1);
  for (int i = stop + 1; i < s.rank(); ++i) spec.push_back(n.same_dim(x, i));
  n.result("Out", n.reshape(x, std::move(spec)));
}

static void import_paddle_squeeze(PaddleNode& n) {
  const TensorId x = n.in("X");
  const auto given = n.ints("axes", {});
  if (given.empty()) return n.result("Out", build_squeeze(n, x, axes_of_ones(n, x)));
  // Paddle leaves dims that are not 1 as they are.
  std::vector<int> axes = n.axes(given, n.rank(x));
  if (!n.failed()) std::erase_if(axes, [&](int a) { return n.shape(x)[a] > 1; });
  n.result("Out", build_squeeze(n, x, axes));
}

static void import_paddle_unsqueeze(PaddleNode& n) {
  auto axes = n.ints("axes", {});
  if (const TensorId given = n.in("AxesTensor"); given >= 0) {
    const auto values = constant_ints(n.g, given);
    if (!values) return n.fail("the axes must be constant", Code::kUnsupported);
    axes = *values;
  }
  if (!n.all("AxesTensorList").empty()) return n.fail("AxesTensorList is not supported", Code::kUnsupported);
  n.result("Out", build_unsqueeze(n, n.in("X"), axes));
}

static void import_paddle_shape(PaddleNode& n) { n.result("Out", n.emit(schema::ShapeOfT{}, {n.in("Input")})); }

static void import_paddle_expand(PaddleNode& n) {
  const TensorId x = n.in("X");
  if (n.type() == "expand_as_v2") {
    const TensorId like = n.in("Y");
    if (like >= 0) return n.result("Out", n.emit(schema::ExpandT{}, {x, n.emit(schema::ShapeOfT{}, {like})}));
    return n.result("Out", n.emit(schema::ExpandT{}, {x, n.integers(n.ints("target_shape", {}))}));
  }
  if (n.in("Shape") < 0 && n.all("expand_shapes_tensor").empty()) {
    auto shape = n.ints("shape", {});
    for (int64_t& d : shape) d = d == -1 ? 1 : d;  // a size of 1 broadcasts: the input's stays
    return n.result("Out", n.emit(schema::ExpandT{}, {x, n.integers(shape)}));
  }
  const TensorId shape = n.integers_of("Shape", "expand_shapes_tensor", "shape");
  const TensorId one = n.integers(std::array<int64_t, 1>{1});
  n.result("Out", n.emit(schema::ExpandT{}, {x, n.binary(schema::BinaryKind::max, shape, one)}));
}

// A repeat for each dim, the last ones first: missing dims of x and missing repeats are 1.
static void import_paddle_computed_tile(PaddleNode& n, TensorId x, TensorId repeats) {
  const int64_t count = n.shape(repeats)[0];
  if (count < 0 || count > kMaxRank) return n.fail("needs a known number of repeats, at most 8", Code::kUnsupported);
  const int64_t added = count - n.rank(x);
  std::vector<int64_t> axes;
  for (int64_t i = 0; i < added; ++i) axes.push_back(i);
  if (added > 0) x = build_unsqueeze(n, x, axes);
  if (added < 0)
    repeats =
        n.emit(schema::ConcatT{.axis = 0}, {n.integers(std::vector<int64_t>(static_cast<size_t>(-added), 1)), repeats});
  n.result("Out", build_tile(n, x, repeats));
}

static void import_paddle_tile(PaddleNode& n) {
  TensorId x = n.in("X");
  auto repeats = n.ints(n.type() == "expand" ? "expand_times" : "repeat_times", {});
  if (n.in("RepeatTimes") >= 0 || !n.all("repeat_times_tensor").empty()) {
    const TensorId computed = n.integers_of("RepeatTimes", "repeat_times_tensor", "repeat_times");
    const auto given = constant_ints(n.g, computed);
    if (!given) return n.failed() ? void() : import_paddle_computed_tile(n, x, computed);
    repeats = *given;
  }
  if (repeats.size() > static_cast<size_t>(kMaxRank)) return n.fail("more than 8 repeats");
  const int added = static_cast<int>(repeats.size()) - n.rank(x);
  if (added < 0) repeats.insert(repeats.begin(), static_cast<size_t>(-added), 1);
  std::vector<int64_t> axes;
  for (int i = 0; i < added; ++i) axes.push_back(i);
  if (added > 0) x = build_unsqueeze(n, x, axes);
  if (!n.failed()) n.result("Out", build_tile(n, x, repeats));
}

static constexpr PaddleOp kPaddleShapeRows[] = {
    {"expand", import_paddle_tile, {"X"}},         {"expand_as_v2", import_paddle_expand, {"X"}},
    {"expand_v2", import_paddle_expand, {"X"}},    {"flatten", import_paddle_flatten, {"X"}},
    {"flatten2", import_paddle_flatten, {"X"}},    {"flatten_contiguous_range", import_paddle_flatten, {"X"}},
    {"reshape", import_paddle_reshape, {"X"}},     {"reshape2", import_paddle_reshape, {"X"}},
    {"shape", import_paddle_shape, {"Input"}},     {"squeeze", import_paddle_squeeze, {"X"}},
    {"squeeze2", import_paddle_squeeze, {"X"}},    {"tile", import_paddle_tile, {"X"}},
    {"unsqueeze", import_paddle_unsqueeze, {"X"}}, {"unsqueeze2", import_paddle_unsqueeze, {"X"}},
};
extern constinit const PaddleRows kPaddleShape{kPaddleShapeRows};

}  // namespace octet::convert
