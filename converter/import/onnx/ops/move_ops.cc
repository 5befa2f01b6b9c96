// Ops that move elements: Concat, Split (13: sizes as operand, 18: num_outputs), Slice (10: operands, steps), Transpose,
// Gather, GatherND, Pad (11: operands, 18: axes, 19: wrap), Tile, DepthToSpace, SpaceToDepth.
#include <algorithm>
#include <climits>

#include "converter/graph/shapes.h"
#include "converter/import/build/build.h"
#include "converter/import/onnx/ops/ops.h"
#include "runtime/core/op.h"

namespace octet::convert {

static void import_concat(OnnxNode& n) {
  if (std::count(n.inputs.begin(), n.inputs.end(), -1)) return n.fail("an operand is absent");
  n.result(n.emit(schema::ConcatT{.axis = n.axis(n.i("axis", 1), n.rank(n.in(0)))}, n.inputs));
}

static void import_split(OnnxNode& n) {
  const TensorId x = n.in(0);
  const int axis = n.axis(n.i("axis", 0), n.rank(x));
  if (n.failed()) return;
  const int64_t size = n.shape(x)[axis];
  std::vector<int64_t> sizes = n.in(1) >= 0 ? n.const_ints(1, "the sizes") : n.ints("split", {});
  if (sizes.empty() && !n.failed()) {
    const int64_t parts = n.has("num_outputs") ? n.i("num_outputs", 1) : n.proto.output_size();
    if (size < 0) return n.fail("needs an axis of known size: give the input's shape", Code::kUnsupported);
    if (parts < 1 || parts > 4096 || (size % parts && !n.has("num_outputs")))
      return n.fail("cannot split " + std::to_string(size) + " in " + std::to_string(parts));
    const int64_t each = (size + parts - 1) / parts;
    for (int64_t i = 0; i < parts; ++i) sizes.push_back(std::clamp<int64_t>(size - i * each, 0, each));
  }
  int64_t start = 0;
  for (int64_t part : sizes) {
    if (part < 0 || part > INT_MAX) return n.fail("a part of size " + std::to_string(part));
    n.result(n.slice(x, axis, start, start + part));
    start += part;
  }
  if (size >= 0 && start != size)
    return n.fail("the parts make " + std::to_string(start) + ", the axis has " + std::to_string(size));
}

static void import_slice(OnnxNode& n) {
  const TensorId x = n.in(0);
  const bool attributes = n.opset < 10;
  if (!attributes && (n.in(1) < 0 || n.in(2) < 0)) return n.fail("needs starts and ends");
  bool constant = true;
  for (size_t i = 1; i < n.inputs.size(); ++i) constant = constant && (n.in(i) < 0 || n.is_constant(n.in(i)));
  if (!attributes && !constant) {
    if (n.rank(n.in(1)) != 1 || n.shape(n.in(1))[0] < 0)
      return n.fail("the number of axes is unknown", Code::kUnsupported);
    std::vector<int64_t> all, ones(static_cast<size_t>(std::min<int64_t>(n.shape(n.in(1))[0], kMaxRank)), 1);
    for (size_t i = 0; i < ones.size(); ++i) all.push_back(static_cast<int64_t>(i));
    const TensorId axes = n.in(3) >= 0 ? n.cast(n.in(3), DType::kS64) : n.integers(all);
    const TensorId steps = n.in(4) >= 0 ? n.cast(n.in(4), DType::kS64) : n.integers(ones);
    return n.result(
        n.emit(schema::SliceT{}, {x, n.cast(n.in(1), DType::kS64), n.cast(n.in(2), DType::kS64), axes, steps}));
  }
  const auto starts = attributes ? n.ints("starts", {}) : n.const_ints(1, "starts");
  const auto ends = attributes ? n.ints("ends", {}) : n.const_ints(2, "ends");
  std::vector<int64_t> axes;
  for (size_t i = 0; i < starts.size(); ++i) axes.push_back(static_cast<int64_t>(i));
  if (attributes)
    axes = n.ints("axes", axes);
  else if (n.in(3) >= 0)
    axes = n.const_ints(3, "axes");
  std::vector<int64_t> steps(starts.size(), 1);
  if (n.in(4) >= 0) steps = n.const_ints(4, "steps");
  if (n.failed()) return;
  if (ends.size() != starts.size() || axes.size() != starts.size() || steps.size() != starts.size())
    return n.fail("starts, ends, axes and steps differ in size");
  if (starts.empty()) return n.result(x);
  n.result(
      n.emit(schema::SliceT{.starts = starts, .ends = ends, .axes = n.axes(axes, n.rank(x)), .steps = steps}, {x}));
}

static void import_transpose(OnnxNode& n) {
  const int rank = n.rank(n.in(0));
  std::vector<int64_t> perm;
  for (int i = rank - 1; i >= 0; --i) perm.push_back(i);
  perm = n.ints("perm", perm, rank);
  n.result(n.transpose(n.in(0), n.axes(perm, rank)));
}

static void import_gather(OnnxNode& n) {
  const int axis = n.axis(n.i("axis", 0), n.rank(n.in(0)));
  n.result(n.emit(schema::GatherT{.axis = axis}, {n.in(0), n.cast(n.in(1), DType::kS64)}));
}

static void import_gather_nd(OnnxNode& n) {
  n.result(n.emit(schema::GatherNdT{.batch_dims = n.bounded("batch_dims", n.i("batch_dims", 0), 0, kMaxRank - 1)},
                  {n.in(0), n.cast(n.in(1), DType::kS64)}));
}

// From the other end, once around at most.
static TensorId wrapped(OnnxNode& n, TensorId x, const schema::PadT& pad) {
  for (int i = 0; i < n.rank(x) && !n.failed(); ++i) {
    const int64_t before = pad.before[at(i)], after = pad.after[at(i)], size = n.shape(x)[i];
    if (before < 0 || after < 0) n.fail("negative pads with mode wrap are not supported", Code::kUnsupported);
    if (size >= 0 && std::max(before, after) > size)
      n.fail("pads that wrap more than once are not supported", Code::kUnsupported);
    std::vector<TensorId> parts;
    if (before > 0) parts.push_back(n.slice(x, i, -before, INT64_MAX));
    parts.push_back(x);
    if (after > 0) parts.push_back(n.slice(x, i, 0, after));
    if (parts.size() > 1) x = n.emit(schema::ConcatT{.axis = i}, parts);
  }
  return x;
}

static void import_pad(OnnxNode& n) {
  const TensorId x = n.in(0);
  const std::string mode = n.s("mode", "constant");
  schema::PadT op;
  if (mode == "reflect")
    op.mode = schema::PadMode::reflect;
  else if (mode == "edge")
    op.mode = schema::PadMode::edge;
  else if (mode != "constant" && mode != "wrap")
    return n.fail("mode '" + mode + "' is not supported", Code::kUnsupported);
  const bool attributes = n.opset < 11;
  if (!attributes && n.in(1) < 0) return n.fail("has no pads");
  op.value = attributes ? n.f("value", 0) : 0;
  if (n.in(2) >= 0 && !attributes) {
    const auto value = uniform(n.g, n.in(2));
    if (!value && n.at(x).dtype == DType::kF32) return n.fail("the value must be constant", Code::kUnsupported);
    op.value = value.value_or(0);
  }
  if (!attributes && !n.is_constant(n.in(1))) {
    if (n.in(3) >= 0 || mode == "wrap")
      return n.fail("computed pads with axes or mode wrap are not supported", Code::kUnsupported);
    return n.result(n.emit(std::move(op), {x, n.cast(n.in(1), DType::kS64)}));
  }
  const auto pads = attributes ? n.ints("pads", {}) : n.const_ints(1, "pads");
  std::vector<int64_t> axes;
  for (int i = 0; i < n.rank(x); ++i) axes.push_back(i);
  if (n.in(3) >= 0) axes = n.const_ints(3, "axes");
  if (!n.failed() && pads.size() != 2 * axes.size())
    return n.fail("has " + std::to_string(pads.size()) + " pads for " + std::to_string(axes.size()) + " axes");
  const std::vector<int> checked = n.axes(axes, n.rank(x));
  if (n.failed()) return;
  op.before.assign(static_cast<size_t>(n.rank(x)), 0);
  op.after = op.before;
  for (size_t i = 0; i < checked.size(); ++i) {
    op.before[static_cast<size_t>(checked[i])] = n.bounded("pads", pads[i], -INT_MAX, INT_MAX);
    op.after[static_cast<size_t>(checked[i])] = n.bounded("pads", pads[i + checked.size()], -INT_MAX, INT_MAX);
  }
  n.result(mode == "wrap" ? wrapped(n, x, op) : n.emit(std::move(op), {x}));
}

// Each dim gets one of size 1 before it, which is what expands.
static TensorId tile_computed(SourceNode& n, TensorId x, TensorId repeats) {
  const int rank = n.rank(x);
  if (2 * rank > kMaxRank || n.shape(repeats) != Shape{rank})
    return n.refuse("computed repeats need an input of rank 1 to " + std::to_string(kMaxRank / 2), Code::kUnsupported);
  const TensorId sizes = n.emit(schema::ShapeOfT{.start = 0, .end = INT_MAX}, {x});
  auto beside_sizes = [&](TensorId vector) {
    const TensorId columns =
        n.emit(schema::ConcatT{.axis = 1}, {n.reshape(vector, {rank, 1}), n.reshape(sizes, {rank, 1})});
    return n.reshape(columns, {2 * rank});
  };
  const std::vector<int64_t> ones(static_cast<size_t>(rank), 1);
  const TensorId spaced = n.emit(schema::ReshapeT{}, {x, beside_sizes(n.integers(ones))});
  const TensorId expanded = n.emit(schema::ExpandT{}, {spaced, beside_sizes(repeats)});
  return n.emit(schema::ReshapeT{}, {expanded, n.binary(schema::BinaryKind::mul, sizes, repeats)});
}

TensorId build_tile(SourceNode& n, TensorId x, const std::vector<int64_t>& repeats) {
  if (repeats.size() != static_cast<size_t>(n.rank(x))) return n.refuse("repeats do not fit " + n.shape(x).text());
  for (size_t i = 0; i < repeats.size() && !n.failed(); ++i) {
    const int times = n.bounded("repeats", repeats[i], 1, 1024);
    if (times > 1)
      x = n.emit(schema::ConcatT{.axis = static_cast<int>(i)}, std::vector<TensorId>(static_cast<size_t>(times), x));
  }
  return x;
}

TensorId build_tile(SourceNode& n, TensorId x, TensorId repeats) {
  const TensorId times = n.cast(repeats, DType::kS64);
  const auto known = known_values(n.g, times);
  if (!known || known->size() != static_cast<size_t>(n.rank(x))) return tile_computed(n, x, times);
  if (!std::count(known->begin(), known->end(), kUnknown)) return build_tile(n, x, *known);
  for (size_t i = 0; i < known->size(); ++i)
    if ((*known)[i] != 1 && n.shape(x)[static_cast<int>(i)] != 1) return tile_computed(n, x, times);
  const TensorId sizes = n.emit(schema::ShapeOfT{.start = 0, .end = INT_MAX}, {x});
  return n.emit(schema::ExpandT{}, {x, n.binary(schema::BinaryKind::mul, sizes, times)});
}

static void import_tile(OnnxNode& n) { n.result(build_tile(n, n.in(0), n.in(1))); }

TensorId build_depth_to_space(SourceNode& n, TensorId x, int64_t block, bool depth_first) {
  if (!n.need_rank(x, 4)) return -1;
  const int b = n.bounded("block size", block, 1, 256);
  const Shape s = n.shape(x);
  if (n.failed() || s[1] < 0 || s[1] % (b * b))
    return n.refuse("needs channels that are a multiple of blocksize^2, got " + s.text(), Code::kUnsupported);
  const int64_t c = s[1] / (b * b), h = n.same_dim(x, 2), w = n.same_dim(x, 3);
  TensorId y = depth_first ? n.reshape(x, {-2, b, b, c, h, w}) : n.reshape(x, {-2, c, b, b, h, w});
  y = n.transpose(y, depth_first ? Perm{0, 3, 4, 1, 5, 2} : Perm{0, 1, 4, 2, 5, 3});
  if (s[2] >= 0 || s[3] >= 0) return n.reshape(y, {-2, c, s[2] < 0 ? -1 : s[2] * b, s[3] < 0 ? -1 : s[3] * b});
  const TensorId larger = n.binary(schema::BinaryKind::mul, n.emit(schema::ShapeOfT{.start = 2, .end = 4}, {x}),
                                   n.integers(std::array<int64_t, 1>{b}));
  const TensorId batch = n.dim_of(x, 0);
  return n.emit(schema::ReshapeT{},
                {y, n.emit(schema::ConcatT{.axis = 0}, {batch, n.integers(std::array<int64_t, 1>{c}), larger})});
}

static void import_depth_to_space(OnnxNode& n) {
  const std::string mode = n.s("mode", "DCR");
  if (mode != "DCR" && mode != "CRD") return n.fail("mode '" + mode + "' is unknown");
  n.result(build_depth_to_space(n, n.in(0), n.i("blocksize", 0), mode == "DCR"));
}

static void import_space_to_depth(OnnxNode& n) {
  const TensorId x = n.in(0);
  if (!n.need_rank(x, 4)) return;
  const int b = n.bounded("blocksize", n.i("blocksize", 0), 1, 256);
  const Shape s = n.shape(x);
  if (n.failed() || s[1] < 0 || s[2] < 0 || s[3] < 0 || s[2] % b || s[3] % b)
    return n.fail("needs known sizes that are multiples of blocksize, got " + s.text(), Code::kUnsupported);
  TensorId y = n.reshape(x, {-2, s[1], s[2] / b, b, s[3] / b, b});
  y = n.transpose(y, {0, 3, 5, 1, 2, 4});
  n.result(n.reshape(y, {-2, s[1] * b * b, s[2] / b, s[3] / b}));
}

static constexpr OnnxOp kOnnxMoveOpsRows[] = {
    {"Concat", import_concat, 1, kAnyInputs},
    {"DepthToSpace", import_depth_to_space, 1, 1},
    {"Gather", import_gather, 2, 2},
    {"GatherND", import_gather_nd, 2, 2},
    {"Pad", import_pad, 1, 4},
    {"Slice", import_slice, 1, 5},
    {"SpaceToDepth", import_space_to_depth, 1, 1},
    {"Split", import_split, 1, 2},
    {"Tile", import_tile, 2, 2},
    {"Transpose", import_transpose, 1, 1},
};
extern constinit const OnnxRows kOnnxMoveOps{kOnnxMoveOpsRows};

}  // namespace octet::convert
