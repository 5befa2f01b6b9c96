// Ops that move elements: transpose2, concat, split, stack, unstack, unbind, slice, strided_slice, gather, index_select, roll, pads,
// pixel_shuffle, space_to_depth, flip.
#include <algorithm>
#include <climits>

#include "converter/import/build/build.h"
#include "converter/import/paddle/ops/ops.h"

namespace octet::convert {
namespace {

// An axis that may come as a constant operand.
int axis_of(PaddleNode& n, std::string_view operand, std::string_view attribute, int64_t otherwise, int rank) {
  const TensorId given = n.in(operand);
  if (given < 0) return n.axis(n.i(attribute, otherwise), rank);
  const auto value = constant_ints(n.g, given);
  if (value && value->size() == 1) return n.axis((*value)[0], rank);
  n.fail("the axis must be constant", Code::kUnsupported);
  return 0;
}

void without_dims(PaddleNode& n, TensorId x, const std::vector<int64_t>& dims, std::string_view result) {
  if (dims.empty() || n.failed()) return n.result(result, x);
  const std::vector<int> axes = n.axes(dims, n.rank(x));
  const bool none_left = static_cast<int>(axes.size()) >= n.rank(x);
  if (none_left && !n.has_scalars()) return n.result(result, n.reshape(x, {1}));
  n.result(result, build_squeeze(n, x, axes));
}

}  // namespace

static void import_paddle_transpose(PaddleNode& n) {
  const int rank = n.rank(n.in("X"));
  n.result("Out", n.transpose(n.in("X"), n.axes(n.ints("axis", {}, rank), rank)));
}

static void import_paddle_concat(PaddleNode& n) {
  const auto& parts = n.all("X");
  const int axis = axis_of(n, "AxisTensor", "axis", 0, n.rank(parts[0]));
  std::vector<TensorId> same = parts;
  for (TensorId& t : same)
    if (n.at(t).dtype != n.at(parts[0]).dtype) t = n.cast(t, n.at(parts[0]).dtype);
  n.result("Out", same.size() == 1 ? same[0] : n.emit(schema::ConcatT{.axis = axis}, same));
}

static void import_paddle_split(PaddleNode& n) {
  const TensorId x = n.in("X");
  const int axis = axis_of(n, "AxisTensor", "axis", 0, n.rank(x));
  if (!n.all("SectionsTensorList").empty()) return n.fail("computed sections are not supported", Code::kUnsupported);
  if (n.failed() || n.rank(x) == 0) return;
  const int64_t size = n.shape(x)[axis], parts = n.i("num", 0);
  std::vector<int64_t> sizes = n.ints("sections", {});
  if (parts > 0) {
    if (size < 0 || parts > 4096 || size % parts)
      return n.fail("cannot split " + n.shape(x).text() + " in " + std::to_string(parts), Code::kUnsupported);
    sizes.assign(static_cast<size_t>(parts), size / parts);
  }
  int64_t known = 0;
  for (int64_t s : sizes) {
    if (s < -1 || s > INT_MAX) return n.fail("a section of " + std::to_string(s));
    known += std::max<int64_t>(s, 0);
  }
  const auto rest = std::count(sizes.begin(), sizes.end(), -1);
  if (rest > 1 || (rest && size < known) || (!rest && size >= 0 && known != size))
    return n.fail("its sections do not make the axis of " + n.shape(x).text());
  int64_t start = 0;
  for (int64_t s : sizes) {
    const int64_t part = s < 0 ? size - known : s;
    n.result("Out", n.slice(x, axis, start, start + part));
    start += part;
  }
}

static void import_paddle_stack(PaddleNode& n) {
  const auto& parts = n.all("X");
  const int axis = n.axis(n.i("axis", 0), n.rank(parts[0]) + 1);
  std::vector<TensorId> rows;
  for (TensorId t : parts) rows.push_back(build_unsqueeze(n, t, {axis}));
  n.result("Y", n.emit(schema::ConcatT{.axis = axis}, rows));
}

static void import_paddle_unstack(PaddleNode& n) {
  const TensorId x = n.in("X");
  const int axis = n.axis(n.i("axis", 0), n.rank(x));
  if (n.failed()) return;
  const int64_t count = n.shape(x)[axis] < 0 ? n.i("num", 0) : n.shape(x)[axis];
  if (count < 1 || count > 4096) return n.fail("cannot unstack " + n.shape(x).text(), Code::kUnsupported);
  for (int64_t i = 0; i < count && !n.failed(); ++i)
    n.result(n.type() == "unbind" ? "Out" : "Y", build_squeeze(n, n.slice(x, axis, i, i + 1), {axis}));
}

static void import_paddle_slice(PaddleNode& n) {
  const TensorId x = n.in("Input");
  const bool strided = n.type() == "strided_slice";
  const std::vector<int> axes = n.axes(n.ints("axes", {}), n.rank(x));
  std::vector<int64_t> strides = strided ? n.ints("strides", {}) : std::vector<int64_t>(axes.size(), 1);
  const bool computed = n.in("StartsTensor") >= 0 || n.in("EndsTensor") >= 0 || n.in("StridesTensor") >= 0 ||
                        !n.all("StartsTensorList").empty() || !n.all("EndsTensorList").empty() ||
                        !n.all("StridesTensorList").empty();
  TensorId out = x;
  if (computed) {
    const std::vector<int64_t> wide(axes.begin(), axes.end());
    const TensorId starts = n.integers_of("StartsTensor", "StartsTensorList", "starts");
    const TensorId ends = n.integers_of("EndsTensor", "EndsTensorList", "ends");
    const TensorId steps =
        strided ? n.integers_of("StridesTensor", "StridesTensorList", "strides") : n.integers(strides);
    if (starts < 0 || ends < 0 || steps < 0) return n.fail("has no starts, ends or strides");
    out = n.emit(schema::SliceT{}, {x, starts, ends, n.integers(wide), steps});
  } else {
    const auto starts = n.ints("starts", {});
    auto ends = n.ints("ends", {});
    if (starts.size() != axes.size() || ends.size() != axes.size() || strides.size() != axes.size())
      return n.fail("starts, ends and axes differ in size");
    for (size_t i = 0; i < ends.size(); ++i)
      if (strides[i] < 0 && ends[i] == -1) ends[i] = INT64_MIN;  // down to and including 0
    if (!axes.empty())
      out = n.emit(schema::SliceT{.starts = starts, .ends = ends, .axes = axes, .steps = strides}, {x});
  }
  without_dims(n, out, n.ints("decrease_axis", {}), "Out");
}

static void import_paddle_gather(PaddleNode& n) {
  const TensorId x = n.in("X"), index = n.in("Index");
  const bool select = n.type() == "index_select";
  const int axis = select ? n.axis(n.i("dim", 0), n.rank(x)) : axis_of(n, "Axis", "axis", 0, n.rank(x));
  TensorId rows = n.cast(index, DType::kS64);
  if (n.rank(rows) == 2) rows = n.reshape(rows, {-1});  // a column of indices is a vector here
  n.result("Out", n.emit(schema::GatherT{.axis = axis}, {x, rows}));
}

// Before: 0 .. size - shift, rest   After: rest, 0 .. size - shift
static void import_paddle_roll(PaddleNode& n) {
  TensorId x = n.in("X");
  const auto shifts = n.ints("shifts", {});
  if (n.in("ShiftsTensor") >= 0) return n.fail("computed shifts are not supported", Code::kUnsupported);
  const std::vector<int> axes = n.axes(n.ints("axis", {}), n.rank(x));
  if (axes.size() != shifts.size()) return n.fail("needs an axis for each shift", Code::kUnsupported);
  for (size_t i = 0; i < axes.size() && !n.failed(); ++i) {
    const int64_t size = n.shape(x)[axes[i]];
    if (size <= 0) return n.fail("needs a known size: give the input's shape", Code::kUnsupported);
    const int64_t shift = shifts[i] % size;
    if (shift == 0) continue;
    const std::vector<TensorId> parts = {n.slice(x, axes[i], -shift, INT_MAX), n.slice(x, axes[i], 0, -shift)};
    x = n.emit(schema::ConcatT{.axis = axes[i]}, parts);
  }
  n.result("Out", x);
}

static void import_paddle_pad(PaddleNode& n) {
  const TensorId x = n.in("X");
  const bool is_2d = n.type() == "pad2d", is_3d = n.type() == "pad3d";
  const std::string mode = n.s("mode", "constant");
  schema::PadT op{.value = n.f(is_3d ? "value" : "pad_value", 0)};
  if (mode == "reflect")
    op.mode = schema::PadMode::reflect;
  else if (mode == "edge" || mode == "replicate")
    op.mode = schema::PadMode::edge;
  else if (mode != "constant")
    return n.fail("mode '" + mode + "' is not supported", Code::kUnsupported);
  const int rank = n.rank(x);
  const std::string layout = n.s("data_format", is_3d ? "NCDHW" : "NCHW");
  if ((is_3d || is_2d) && layout != "NCDHW" && layout != "NCHW")
    return n.fail("data_format '" + layout + "' is not supported", Code::kUnsupported);
  if (n.in("Paddings") >= 0 && !n.is_constant(n.in("Paddings")))
    return n.fail("computed paddings are not supported", Code::kUnsupported);
  std::vector<int64_t> pads = n.ints("paddings", {});
  if (const auto given = constant_ints(n.g, n.in("Paddings"))) pads = *given;
  const int padded = is_3d ? rank - 2 : is_2d ? 2 : rank;
  if ((is_2d && rank != 4) || padded < 0 || pads.size() != 2 * static_cast<size_t>(padded))
    return n.fail("has " + std::to_string(pads.size()) + " paddings for " + n.shape(x).text());
  op.before.assign(static_cast<size_t>(rank), 0);
  op.after = op.before;
  for (int i = 0; i < padded; ++i) {
    const int dim = is_3d ? rank - 1 - i : rank - padded + i;  // pad3d lists the last dim first
    const size_t pair = static_cast<size_t>(i) * 2;
    op.before[static_cast<size_t>(dim)] = n.bounded("paddings", pads[pair], 0, INT_MAX);
    op.after[static_cast<size_t>(dim)] = n.bounded("paddings", pads[pair + 1], 0, INT_MAX);
  }
  n.result("Out", n.emit(std::move(op), {x}));
}

static void import_paddle_pixel_shuffle(PaddleNode& n) {
  n.need_nchw();
  n.result("Out", build_depth_to_space(n, n.in("X"), n.i("upscale_factor", 1), false));
}

static void import_paddle_flip(PaddleNode& n) {
  const TensorId x = n.in("X");
  const std::vector<int> axes = n.axes(n.ints("axis", {}), n.rank(x));
  const size_t count = axes.size();
  n.result("Out", n.emit(schema::SliceT{.starts = std::vector<int64_t>(count, INT_MAX),
                                        .ends = std::vector<int64_t>(count, INT64_MIN),
                                        .axes = axes,
                                        .steps = std::vector<int64_t>(count, -1)},
                         {x}));
}

// Paddle's writes the blocks of channels apart first, as for [N, C/b/b, H*b, W*b], and calls the result [N, C*b*b, H/b, W/b].
static void import_paddle_space_to_depth(PaddleNode& n) {
  n.need_nchw();
  const TensorId x = n.in("X");
  const int b = n.bounded("blocksize", n.i("blocksize", 2), 1, 256);
  const TensorId apart = build_depth_to_space(n, x, b, true);
  if (n.failed()) return;
  const Shape s = n.shape(x);
  if (s[2] % b || s[3] % b) return n.fail("needs sizes that are multiples of blocksize, got " + s.text());
  n.result("Out", n.reshape(apart, {n.same_dim(x, 0), s[1] * b * b, s[2] / b, s[3] / b}));
}

static constexpr PaddleOp kPaddleMoveRows[] = {
    {"concat", import_paddle_concat, {"X"}},
    {"flip", import_paddle_flip, {"X"}},
    {"gather", import_paddle_gather, {"X", "Index"}},
    {"index_select", import_paddle_gather, {"X", "Index"}},
    {"pad", import_paddle_pad, {"X"}},
    {"pad2d", import_paddle_pad, {"X"}},
    {"pad3d", import_paddle_pad, {"X"}},
    {"pixel_shuffle", import_paddle_pixel_shuffle, {"X"}},
    {"roll", import_paddle_roll, {"X"}},
    {"slice", import_paddle_slice, {"Input"}},
    {"space_to_depth", import_paddle_space_to_depth, {"X"}},
    {"split", import_paddle_split, {"X"}},
    {"stack", import_paddle_stack, {"X"}},
    {"strided_slice", import_paddle_slice, {"Input"}},
    {"transpose", import_paddle_transpose, {"X"}},
    {"transpose2", import_paddle_transpose, {"X"}},
    {"unbind", import_paddle_unstack, {"X"}},
    {"unstack", import_paddle_unstack, {"X"}},
};
extern constinit const PaddleRows kPaddleMove{kPaddleMoveRows};

}  // namespace octet::convert
