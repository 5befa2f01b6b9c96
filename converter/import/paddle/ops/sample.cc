// grid_sampler; gathers and scatters by an index for each element or slice.
#include "converter/import/build/build.h"
#include "converter/import/paddle/ops/ops.h"

namespace octet::convert {
namespace {

using schema::ScatterReduction;

// The axis as an operand or attribute; indices broadcast to x along the other dims.
struct Along {
  int axis;
  TensorId index;
};

Along along(PaddleNode& n, TensorId x) {
  const TensorId index = n.cast(n.in("Index"), DType::kS64);
  const int axis = n.axis(n.i("Axis", 0), n.rank(x));
  if (n.failed() || n.rank(index) != n.rank(x)) return n.fail("needs an index of the input's rank"), Along{};
  std::vector<int64_t> sizes;
  bool same = true;
  for (int d = 0; d < n.rank(x); ++d) {
    const int64_t size = n.shape(d == axis ? index : x)[d];
    if (size < 0) return n.fail("needs known sizes: give the input's shape", Code::kUnsupported), Along{};
    sizes.push_back(size);
    same = same && n.shape(index)[d] == size;
  }
  return {axis, same ? index : n.emit(schema::ExpandT{}, {index, n.integers(sizes)})};
}

}  // namespace

static void import_paddle_grid_sampler(PaddleNode& n) {
  n.result("Output", build_grid_sample(n, n.in("X"), n.in("Grid"), n.s("mode", "bilinear"),
                                       n.s("padding_mode", "zeros"), n.b("align_corners", true)));
}

static void import_paddle_take_along_axis(PaddleNode& n) {
  const auto [axis, index] = along(n, n.in("Input"));
  n.result("Result", n.emit(schema::GatherElementsT{.axis = axis}, {n.in("Input"), index}));
}

static void import_paddle_put_along_axis(PaddleNode& n) {
  static constexpr std::pair<std::string_view, ScatterReduction> kKinds[] = {
      {"assign", ScatterReduction::none},  {"add", ScatterReduction::add},  {"mul", ScatterReduction::mul},
      {"multiply", ScatterReduction::mul}, {"amax", ScatterReduction::max}, {"amin", ScatterReduction::min}};
  const std::string given = n.s("Reduce", "assign");
  const auto [axis, index] = along(n, n.in("Input"));
  for (const auto& [name, kind] : kKinds) {
    if (name != given) continue;
    TensorId value = n.in("Value");
    if (!n.failed() && n.shape(value) != n.shape(index)) {
      const Shape sizes = n.shape(index);
      value = n.emit(schema::ExpandT{}, {value, n.integers(std::vector<int64_t>(sizes.begin(), sizes.end()))});
    }
    return n.result("Result",
                    n.emit(schema::ScatterElementsT{.axis = axis, .reduction = kind}, {n.in("Input"), index, value}));
  }
  n.fail("the reduction '" + given + "' is not supported", Code::kUnsupported);
}

static void import_paddle_scatter_nd_add(PaddleNode& n) {
  n.result("Out", n.emit(schema::ScatterNdT{.reduction = ScatterReduction::add},
                         {n.in("X"), n.cast(n.in("Index"), DType::kS64), n.in("Updates")}));
}

// Rows of dim 0. Without `overwrite` the rows that are named start from zero, which adds up in no single step.
static void import_paddle_scatter(PaddleNode& n) {
  if (!n.b("overwrite", true)) return n.fail("without overwrite is not supported", Code::kUnsupported);
  const TensorId rows = n.reshape(n.cast(n.in("Ids"), DType::kS64), {-1, 1});
  n.result("Out", n.emit(schema::ScatterNdT{}, {n.in("X"), rows, n.in("Updates")}));
}

static constexpr PaddleOp kPaddleSampleRows[] = {
    {"grid_sampler", import_paddle_grid_sampler, {"X", "Grid"}},
    {"put_along_axis", import_paddle_put_along_axis, {"Input", "Index", "Value"}},
    {"scatter", import_paddle_scatter, {"X", "Ids", "Updates"}},
    {"scatter_nd_add", import_paddle_scatter_nd_add, {"X", "Index", "Updates"}},
    {"take_along_axis", import_paddle_take_along_axis, {"Input", "Index"}},
};
extern constinit const PaddleRows kPaddleSample{kPaddleSampleRows};

}  // namespace octet::convert
